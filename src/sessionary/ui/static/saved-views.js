// Saved views: a list's address under a name, for all of a project.

import * as api from "./api.js";
import { byId, el } from "./el.js";
import { query } from "./list-state.js";

/** @typedef {import("./types.js").View} View */

/**
 * @param {"sessions"|"calls"} page
 * @param {string} path the page's
 * @param {() => import("./list-state.js").State} state
 */
export function savedViews(page, path, state) {
  const current = () => query(state()).slice(1);
  const place = () => (state().project ? `?project=${encodeURIComponent(state().project)}` : ""); // whose views
  const section = byId("saved");
  const list = /** @type {HTMLElement} */ (section.querySelector("ul"));
  const save = byId("save");
  const name = el("input", { type: "text", maxlength: 100, required: true, "aria-label": "Name of the view", placeholder: "Name", autocomplete: "off" });
  const problem = el("p", { class: "bad small", role: "alert", hidden: true });
  const form = el("form", { class: "save", hidden: true, onsubmit: submit, onkeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && ask(false) }, name, el("button", { class: "go" }, "Save"));
  save.after(form, problem);
  save.addEventListener("click", () => ask(true));
  /** @type {View[]} */
  let views = [];

  /** @param {boolean} open */
  function ask(open) {
    form.hidden = !open;
    save.hidden = open;
    tell("");
    (open ? name : save).focus();
  }

  /** @param {unknown} error "" where there is none */
  function tell(error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = !problem.textContent;
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    try {
      await api.change("POST", `/api/views${place()}`, { name: name.value.trim(), page, query: current() });
      name.value = "";
      ask(false);
      await load();
    } catch (error) {
      tell(error);
    }
  }

  /** @param {View} view */
  async function drop(view) {
    tell("");
    await api.change("DELETE", `/api/views/${encodeURIComponent(view.id)}${place()}`).catch(tell);
    await load();
    save.focus();
  }

  async function load() {
    const found = await api.get(`/api/views${place()}`).catch(() => null);
    section.hidden = !found;
    views = (found?.data ?? []).filter((/** @type {View} */ view) => view.page === page);
    show();
  }

  function show() {
    const now = current();
    list.replaceChildren(
      ...views.map((view) =>
        el(
          "li",
          null,
          el("a", { class: "facet", href: `${path}?${view.query}`, "aria-current": view.query === now ? "true" : null }, el("span", null, view.name)),
          el("button", { type: "button", class: "quiet drop-view", title: `Delete “${view.name}”`, "aria-label": `Delete the view ${view.name}`, onclick: () => drop(view) }, "×"),
        ),
      ),
    );
  }

  load();
  return { show };
}
