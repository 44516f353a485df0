// Selected rows, and what can be done with them: two are compared; many are tagged, merged, deleted.

import * as api from "./api.js";
import { dialog } from "./dialog.js";
import { byId, el } from "./el.js";
import { plural, titled } from "./format.js";
import { tagsIn } from "./tags.js";

/** @typedef {import("./types.js").Session} Session */

/**
 * @param {object} parts
 * @param {"sessions"|"calls"} parts.of
 * @param {() => any[]} parts.rows
 * @param {import("./virtual.js").Virtual<any>} parts.table
 * @param {() => Promise<void>} parts.onchange when something was done
 */
export function selection({ of, rows, table, onchange }) {
  const bar = byId("picked");
  /** @type {Map<string, any>} id -> its row, in the order of selecting */
  const chosen = new Map();
  let last = "";

  /**
   * @param {string} id
   * @param {boolean} [on]
   */
  function toggle(id, on = !chosen.has(id)) {
    const row = rows().find((one) => one.id === id);
    if (on && row) chosen.set(id, row);
    else chosen.delete(id);
    last = id;
    mark(id);
    show();
  }

  /** @param {string} id */
  function mark(id) {
    const box = table.shown.get(id)?.node.querySelector("input");
    if (box) box.checked = chosen.has(id);
  }

  /**
   * All rows from the one selected last to this one.
   * @param {string} id
   */
  function stretch(id) {
    const [a, b] = [last, id].map((one) => rows().findIndex((row) => row.id === one));
    if (a < 0) return toggle(id, true);
    for (const row of rows().slice(Math.min(a, b), Math.max(a, b) + 1)) toggle(row.id, true);
  }

  function clear() {
    const ids = [...chosen.keys()];
    chosen.clear();
    ids.forEach(mark);
    show();
  }

  function show() {
    bar.hidden = !chosen.size;
    document.body.classList.toggle("picking", chosen.size > 0);
    if (!chosen.size) return bar.replaceChildren();
    const ids = [...chosen.keys()];
    const project = new URLSearchParams(location.search).get("project");
    const compare = `/ui/compare?${new URLSearchParams({ a: ids[0], b: ids[1] ?? "", ...(project ? { project } : {}) })}`;
    const many = of === "sessions";
    const parts = [
      el("b", { role: "status" }, `${ids.length} selected`),
      ids.length === 2 ? el("a", { class: "button go", href: compare }, "Compare") : null,
      many ? el("button", { type: "button", onclick: tag }, "Tag") : null,
      many && ids.length > 1 ? el("button", { type: "button", onclick: merge }, "Merge") : null,
      many ? el("button", { type: "button", onclick: remove }, "Delete") : null,
      el("button", { type: "button", class: "quiet", onclick: clear }, "Let go"),
    ];
    bar.replaceChildren(...parts.filter((part) => part !== null));
  }

  function tag() {
    const field = el("label", null, "Tags, with commas between", el("input", { name: "tags", required: true, maxlength: 500, autocomplete: "off", spellcheck: "false" }));
    ask(`Tag ${plural(chosen.size, "session")}`, [field], "Add", async (form) => {
      const added = tagsIn(String(form.get("tags") ?? ""));
      if (!added.length) throw new Error("A tag has at least one letter.");
      for (const session of chosen.values()) {
        const { tags } = await api.get(path(session)); // others may have added some since the list was read
        await api.change("PATCH", path(session), { tags: [...new Set([...tags, ...added])] });
      }
    });
  }

  function merge() {
    const oldest = [...chosen.values()].reduce((a, b) => (a.first_at <= b.first_at ? a : b));
    const text = `All calls go into the oldest, “${titled(oldest)}”. The others’ ids stay names of it.`;
    ask(`Merge ${plural(chosen.size, "session")}`, [el("p", { class: "soft" }, text)], "Merge", () =>
      api.change("POST", "/api/sessions/merge", { sessions: [...chosen.keys()], into: oldest.id }),
    );
  }

  function remove() {
    const text = "Their calls, and texts that nothing else needs, are deleted for good.";
    ask(`Delete ${plural(chosen.size, "session")}`, [el("p", { class: "soft" }, text)], "Delete", async () => {
      for (const session of [...chosen.values()]) {
        await api.change("DELETE", path(session));
        chosen.delete(session.id);
      }
    }, "danger");
  }

  /**
   * The list is read anew after it, also where only some of it could be done.
   * @param {string} title
   * @param {HTMLElement[]} content
   * @param {string} label
   * @param {(form: FormData) => Promise<void>} work
   * @param {string} [kind]
   */
  function ask(title, content, label, work, kind = "go") {
    dialog(title, content, label, kind, async (form) => {
      await work(form).finally(onchange);
      clear();
    });
  }

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector(":popover-open, dialog[open]")) clear();
  });

  return {
    toggle: (/** @type {string} */ id) => toggle(id),
    clear,
    /** Goes to the first of what can be done. */
    act: () => /** @type {HTMLElement|null} */ (bar.querySelector("a, button"))?.focus(),
    has: (/** @type {string} */ id) => chosen.has(id),
    size: () => chosen.size,
    /**
     * A row's box to select it by, around its dot.
     * @param {any} row
     * @param {string} title
     * @param {HTMLElement} dot
     */
    box(row, title, dot) {
      const click = (/** @type {MouseEvent} */ event) => (event.shiftKey ? (event.preventDefault(), stretch(row.id)) : toggle(row.id));
      return el("label", { class: "pick" }, el("input", { type: "checkbox", tabindex: -1, checked: chosen.has(row.id), "aria-label": `Select ${title}`, onclick: click, autocomplete: "off" }), dot);
    },
  };
}

/** @param {Session} session */
const path = (session) => `/api/sessions/${encodeURIComponent(session.id)}`;
