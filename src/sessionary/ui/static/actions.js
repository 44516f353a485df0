// What can be done with a session: share, export, rename, tag, replay, compare, merge, delete.

import * as api from "./api.js";
import { write } from "./copy.js";
import { dialog } from "./dialog.js";
import { el } from "./el.js";
import { plural } from "./format.js";
import { menu } from "./menu.js";
import { replay } from "./replay.js";
import { tagsIn } from "./tags.js";
import { named } from "./why.js";

/** @typedef {import("./types.js").Session} Session */

const FORMATS = [["markdown", "Markdown, to read"], ["json", "JSON, all of it"], ["jsonl", "JSON lines, a call each"], ["openai", "Chat messages, to send again"]];

/**
 * @param {() => Session} session as it is by then
 * @param {{onrenamed: (title: string) => void, onchanged: () => void, call: () => string|undefined}} on `call`: the id of
 *   the selected one
 */
export function actions(session, { onrenamed, onchanged, call }) {
  const id = encodeURIComponent(session().id);
  const path = `/api/sessions/${id}`;
  return [
    share(call),
    menu("Export", FORMATS.map(([format, label]) => ({ label, href: `${path}/export?format=${format}`, download: true })), "export"),
    menu(
      "More",
      [
        { id: "rename", label: "Rename …", onclick: () => rename(path, onrenamed) },
        { id: "tag", label: "Tags …", onclick: () => tag(path, session(), onchanged) },
        { id: "replay", label: "Replay …", onclick: () => replay(session(), session().branches ? (call() ?? "") : "") },
        { id: "compare", label: "Compare with …", href: `/ui/compare?a=${id}` },
        { id: "merge", label: "Merge with …", onclick: () => merge(session()) },
        { id: "delete", label: "Delete …", danger: true, onclick: () => remove(path, session()) },
      ],
      "more",
    ),
  ];
}

/**
 * A link to what is being looked at: the selected call, the inspector's tab, the words searched for.
 * @param {() => string|undefined} call
 */
function share(call) {
  const button = el("button", { type: "button", id: "share", title: "Copy a link to the selected call", onclick: copy }, "Share");
  async function copy() {
    const url = new URL(location.href);
    url.hash = call() ?? url.hash;
    button.textContent = (await write(url.href)) ? "Link copied" : "Cannot copy";
    setTimeout(() => (button.textContent = "Share"), 1500);
  }
  return button;
}

/**
 * @param {string} path
 * @param {(title: string) => void} onrenamed
 */
function rename(path, onrenamed) {
  const field = el("label", null, "Title", el("input", { name: "title", value: document.getElementById("title")?.textContent ?? "", maxlength: 500, required: true, autocomplete: "off" }));
  dialog("Rename this session", [field], "Rename", "go", async (form) => {
    const title = String(form.get("title") ?? "").trim();
    if (!title) throw new Error("A title has at least one letter.");
    await api.change("PATCH", path, { title });
    onrenamed(title);
  });
}

/**
 * @param {string} path
 * @param {Session} session
 * @param {() => void} onchanged
 */
async function tag(path, session, onchanged) {
  const now = await api.get(path).then((found) => found.tags, () => session.tags ?? []);
  const field = el("label", null, "Tags, with commas between", el("input", { name: "tags", value: now.join(", "), maxlength: 5000, autocomplete: "off", spellcheck: "false" }));
  dialog("Tags of this session", [field], "Save", "go", async (form) => {
    await api.change("PATCH", path, { tags: tagsIn(String(form.get("tags") ?? "")) });
    onchanged();
  });
}

/** @param {Session} session */
function merge(session) {
  const content = [
    el("p", null, "Both become one, which keeps the older one’s id and title. The other’s id goes on naming it."),
    el("label", null, "The other session’s id or address", el("input", { name: "session", maxlength: 1000, required: true, autocomplete: "off", spellcheck: "false" })),
  ];
  dialog("Merge with another session", content, "Merge", "go", async (form) => {
    const other = named(String(form.get("session") ?? ""));
    const done = await api.change("POST", "/api/sessions/merge", { sessions: [session.id, other] });
    if (!done.moved.length) throw new Error("That is this session already.");
    location.assign(`/ui/sessions/${encodeURIComponent(done.session.id)}`);
  });
}

/**
 * @param {string} path
 * @param {Session} session
 */
function remove(path, session) {
  const warning = el("p", null, `${plural(session.calls, "call")}, their messages and what search knows of them are removed for good.`);
  dialog("Delete this session?", [warning], "Delete", "danger", async () => {
    await api.change("DELETE", path);
    location.assign("/ui/");
  });
}
