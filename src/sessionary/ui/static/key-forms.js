// The forms of the keys page: make, change and revoke a key, make a project.

import { change as send, get } from "./api.js";
import { copyButton } from "./copy.js";
import { dialog } from "./dialog.js";
import { el } from "./el.js";
import { ago, plural } from "./format.js";
import { choice, field, input } from "./form-field.js";
import { limitFields } from "./key-limits.js";
import { limitsOf, modelsOf, snippets } from "./key-text.js";

/** @typedef {import("./types.js").Key} Key */

/** @type {[string, string][]} */
const EXPIRIES = [["", "never"], ["7d", "in 7 days"], ["30d", "in 30 days"], ["90d", "in 90 days"], ["365d", "in a year"]];
/** @type {[string, string][]} */
const CAPTURES = [["full", "all of a call"], ["metadata", "metadata only"]];

/** @param {string} project filled in, where it is known */
export function create(project) {
  const fields = [
    field("Project", input("project", project, { list: "project-names", required: true }),
      "Its calls and its reading belong to this project. A new name makes a new project."),
    ...own({ name: "", models: null, threading: true, capture: "full", limits: null }),
    field("Ends", choice("expires", EXPIRIES)),
  ];
  dialog("New key", fields, "Create key", "go", async (form) => {
    const made = await send("POST", "/api/keys", {
      ...asked(form),
      project: String(form.get("project")),
      expires: String(form.get("expires")) || null,
    });
    show(made);
  });
}

/** @param {string} id */
export async function change(id) {
  const key = await found(id);
  if (!key) return;
  const note = hint("Sessions of before keep the name that the key had then.");
  dialog(`Change ${key.name}`, [...own(key), note], "Save", "go", async (form) => {
    await send("PATCH", `/api/keys/${encodeURIComponent(id)}`, asked(form));
    location.reload();
  });
}

/** @param {string} id */
export async function revoke(id) {
  const key = await found(id);
  if (!key) return;
  const used = key.last_used_at ? `It was last used ${said(ago(key.last_used_at))}: ` : "It was never used: ";
  const calls = `${plural(key.use.calls, "call")} in 30 days.`;
  const stops = el("ul", { class: "stops" },
    el("li", null, "Within a second every call with ", el("code", null, key.hint), " is refused with 401. ", used, calls),
    el("li", null, "Browsers that signed in with it are signed out."),
    el("li", null, "Calls that are running now go on to their end. What it recorded stays."));
  const last = el("p", null, "A revoked key cannot be made valid again.");
  dialog(`Revoke ${key.name}?`, [stops, last], "Revoke key", "danger", async () => {
    await send("DELETE", `/api/keys/${encodeURIComponent(id)}`);
    location.reload();
  });
}

export function createProject() {
  const name = field("Name", input("name", "", { required: true }), "What belongs to one project is unknown to the keys of another.");
  dialog("New project", [name], "Create project", "go", async (form) => {
    await send("POST", "/api/projects", { name: String(form.get("name")) });
    location.reload();
  });
}

/**
 * The fields that can be changed later too.
 * @param {Pick<Key, "name"|"models"|"threading"|"capture"|"limits">} key
 */
function own(key) {
  const models = (key.models ?? []).join(", ");
  const threading = el("input", { name: "threading", type: "checkbox", checked: key.threading });
  return [
    field("Name", input("name", key.name), "What it is for: a program, a person, a machine."),
    field("Models", input("models", models, { placeholder: "all", maxlength: 9999 }), "Names or patterns such as gpt-*, with commas between; empty allows all."),
    field("Threading", threading, "A call that names no session may be put into one by its content.", "check"),
    field("In the log", choice("capture", CAPTURES, key.capture), "Metadata: that calls were made, by whom, their tokens and cost; nothing of what was said."),
    limitFields(key.limits),
  ];
}

/** @param {FormData} form */
function asked(form) {
  const name = String(form.get("name")).trim();
  return {
    ...(name && { name }),
    models: modelsOf(String(form.get("models"))),
    threading: form.has("threading"),
    capture: String(form.get("capture")),
    limits: limitsOf(form),
  };
}

/**
 * The only time that a key is shown.
 * @param {Key & {key: string}} made
 */
function show(made) {
  const parts = snippets(location.origin, made.key).map(([title, text]) =>
    el("section", { class: "use-it" }, el("h3", null, title, copyButton(() => text, "Copy", `Copy ${title}`)), el("pre", null, text)));
  const box = el("dialog", { class: "made", "aria-label": "The new key", onclose: () => location.reload() },
    el("h2", null, `Key ${made.name} for ${made.project}`),
    el("div", { class: "secret" }, el("code", { id: "secret" }, made.key), copyButton(() => made.key, "Copy key", "Copy the key")),
    el("p", { class: "hint" }, "Copy it now: only its hash is kept, and it is not shown again."),
    parts,
    el("form", { method: "dialog" }, el("div", { class: "buttons" }, el("button", { class: "go" }, "Done"))));
  document.body.append(box);
  box.showModal();
}

/** @param {string} id @returns {Promise<Key|null>} */
async function found(id) {
  try {
    return await get(`/api/keys/${encodeURIComponent(id)}`);
  } catch (error) {
    dialog("That did not work", [el("p", null, error instanceof Error ? error.message : String(error))], "Reload", "go", async () => location.reload());
    return null;
  }
}

/** @param {string} text */
function hint(text) {
  return el("span", { class: "hint" }, text);
}

/** @param {string} when */
function said(when) {
  return /^\d+ \w+$/.test(when) ? `${when} ago` : when;
}
