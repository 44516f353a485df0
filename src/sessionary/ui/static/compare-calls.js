// Two calls beside each other: settings, system prompt, tools, messages and answer, each as what differs.

import * as api from "./api.js";
import { beside } from "./compare-align.js";
import { fold, part, section } from "./compare-pair.js";
import { answer, parts } from "./compare-request.js";
import { jsonDiff, shown, sideBySide } from "./diffview.js";
import { hunks } from "./edits.js";
import { el } from "./el.js";
import { instead } from "./focus.js";
import { plural } from "./format.js";

/** @typedef {import("./compare-pair.js").Mode} Mode */
/** @typedef {import("./compare-request.js").Parts} Parts */
/** @typedef {{role: string, text: string}} Message */
/** @typedef {{request: any, response: any}} Bodies null where there is none */

const MOST = 40; // messages that are shown at once

/**
 * @param {string} id
 * @returns {Promise<Bodies>}
 */
export async function bodies(id) {
  const path = `/api/calls/${encodeURIComponent(id)}`;
  const [request, response] = await Promise.all(["request", "response"].map((view) => api.get(`${path}/${view}`).catch(() => null)));
  return { request, response };
}

/**
 * @param {Bodies} a
 * @param {Bodies} b
 * @param {Mode} mode
 * @returns {HTMLElement[]}
 */
export function callsView(a, b, mode) {
  const [one, two] = [parts(a.request), parts(b.request)];
  const said = [a, b].map(({ response }) => (response === null ? undefined : answer(response)));
  return [
    block("settings", "Settings", [settings(one, two)]),
    block("system", "System prompt", [prompt(one.system, two.system)]),
    block("tools", "Tools", tools(one.tools, two.tools)),
    block("messages", "Messages", messages(one.messages, two.messages, mode)),
    block("answer", "Answer", [said[0] === undefined && said[1] === undefined ? note("neither call was answered") : part("assistant", "answer", said[0], said[1], mode)]),
  ];
}

/**
 * @param {string} id
 * @param {string} name
 * @param {(Node|null)[]} inside
 */
function block(id, name, inside) {
  return el("section", { class: "block", id }, el("h2", null, name), inside);
}

/** @param {string} text */
const note = (text) => el("p", { class: "soft" }, text);

/**
 * @param {Parts} a
 * @param {Parts} b
 */
function settings(a, b) {
  return jsonDiff(a.settings, b.settings) ?? note("the same in both");
}

/**
 * @param {string} a
 * @param {string} b
 */
function prompt(a, b) {
  if (!a && !b) return note("none in either");
  if (a === b) return fold("the same in both", () => el("div", { class: "text" }, a));
  return sideBySide(a, b, { left: "A", right: "B" });
}

/**
 * @param {Record<string, any>} a
 * @param {Record<string, any>} b
 * @returns {HTMLElement[]}
 */
function tools(a, b) {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  if (!names.length) return [note("none in either")];
  const states = names.map((name) => {
    if (!Object.hasOwn(a, name) || !Object.hasOwn(b, name)) return { name, in: Object.hasOwn(a, name) ? "A" : "B", steps: null };
    return { name, in: "", steps: jsonDiff(a[name], b[name]) };
  });
  const same = states.filter((state) => !state.in && !state.steps);
  return [
    ...states.filter((state) => state.in).map((state) => section(`tool ${state.in === "A" ? "gone" : "come"}`, `ƒ ${state.name}`, `only in ${state.in}`)),
    ...states.filter((state) => state.steps).map((state) => section("tool", `ƒ ${state.name}`, "differs", state.steps)),
    ...(same.length ? [note(`${plural(same.length, "tool")} the same in both: ${same.map(({ name }) => name).join(", ").slice(0, 400)}`)] : []),
  ];
}

/**
 * @param {Message[]} a
 * @param {Message[]} b
 * @param {Mode} mode
 * @returns {(HTMLElement|null)[]}
 */
function messages(a, b, mode) {
  const key = (/** @type {Message} */ { role, text }) => `${role} ${text}`;
  let shared = 0;
  while (shared < a.length && shared < b.length && key(a[shared]) === key(b[shared])) shared++;
  const same = shared ? fold(`${plural(shared, "message")} in common`, () => el("div", null, a.slice(0, shared).slice(-MOST).map(({ role, text }) => section(kind(role), role, "", shown([{ kind: "same", text }]))))) : null;
  const [left, right] = [a.slice(shared), b.slice(shared)];
  if (!left.length && !right.length) return [same ?? note("none in either"), shared ? note("nothing else") : null];
  const rows = paired(beside(left, right, key, hunks));
  const box = el("div", { class: "rows" });
  const draw = (/** @type {number} */ from) => {
    for (const [one, two] of rows.slice(from, from + MOST)) {
      const role = (one ?? two)?.role ?? "";
      const made = part(kind(role), one && two && one.role !== two.role ? `${one.role} → ${two.role}` : role, one?.text, two?.text, mode);
      if (made) box.append(made);
    }
    const rest = rows.length - from - MOST;
    if (rest > 0) {
      const more = el("button", { type: "button", class: "rest", onclick: () => instead(more, () => (more.remove(), draw(from + MOST))) }, `… ${plural(rest, "more message")}`);
      box.append(more);
    }
  };
  draw(0);
  return [same, box];
}

/**
 * What is only on one side, beside what is only on the other.
 * @param {[Message|null, Message|null][]} rows
 * @returns {[Message|null, Message|null][]}
 */
function paired(rows) {
  /** @type {[Message|null, Message|null][]} */
  const found = [];
  /** @type {[Message[], Message[]]} */
  let alone = [[], []];
  const flush = () => {
    const [a, b] = alone;
    for (let i = 0; i < Math.max(a.length, b.length); i++) found.push([a[i] ?? null, b[i] ?? null]);
    alone = [[], []];
  };
  for (const [one, two] of rows) {
    if (one && two) {
      flush();
      found.push([one, two]);
    } else if (one) alone[0].push(one);
    else if (two) alone[1].push(two);
  }
  flush();
  return found;
}

/** @param {string} role */
function kind(role) {
  return ["user", "assistant", "tool", "system"].includes(role) ? role : "other";
}
