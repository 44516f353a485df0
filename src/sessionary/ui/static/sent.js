// The request as it was sent: its body, what changed in it since the request before, up to where a provider's cache could
// serve, and what the provider was sent for it.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { inline, jsonDiff } from "./diffview.js";
import { el } from "./el.js";
import { plural, size } from "./format.js";
import { parsed } from "./json.js";
import { attempts, passed } from "./passed.js";
import { apart, brokenBy, role, same, since, written } from "./request.js";
import { tree } from "./tree.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./el.js").Child} Child */

const MARK = "what a provider may have cached ends here";
const LONG = 500_000;

/** @typedef {"sent" | "changes" | "passed"} View */
/** @typedef {{view: View, switch: (view: View) => void}} How */

/** @type {Record<View, string>} */
const LABELS = { sent: "Body", changes: "Changes", passed: "To the provider" };

/**
 * @param {Call} call
 * @param {AbortSignal} signal
 * @param {How} how
 * @returns {Promise<HTMLElement[]>}
 */
export async function sent(call, signal, how) {
  const views = /** @type {View[]} */ (["sent", ...(call.parent_id ? ["changes"] : []), ...(attempts(call) ? ["passed"] : [])]);
  const view = views.includes(how.view) ? how.view : "sent";
  const chosen = views.length > 1 ? toggle(views, view, how) : null;
  if (view === "passed") return passed(call, signal, chosen);
  const text = await api.text(path(call.id), signal);
  const top = el("p", { class: "top" }, el("span", { class: "soft" }, size(new Blob([text]).size)), chosen, copyButton(() => text, "Copy", "Copy it all"));
  if (view === "sent" || !call.parent_id) return [top, body(text)];
  const before = await api.text(path(call.parent_id), signal);
  return [top, ...changes(parsed(before), parsed(text))];
}

/** @param {string} id */
function path(id) {
  return `/api/calls/${encodeURIComponent(id)}/request`;
}

/**
 * @param {View[]} views
 * @param {View} shown
 * @param {How} how
 */
function toggle(views, shown, how) {
  const one = (/** @type {View} */ view) => el("button", { type: "button", "aria-pressed": String(view === shown), onclick: () => how.switch(view) }, LABELS[view]);
  return el("span", { class: "switch", role: "group", "aria-label": "View" }, ...views.map(one));
}

/** @param {string} text */
export function body(text) {
  const value = parsed(text);
  return value === undefined ? el("pre", { tabindex: 0 }, text.slice(0, LONG)) : tree(value, { open: 2, label: role });
}

/**
 * @param {any} before
 * @param {any} now
 */
function changes(before, now) {
  const [old, fresh] = [apart(before), apart(now)];
  const broken = brokenBy(old, fresh);
  const mark = (/** @type {string} */ part) => (broken === part ? el("p", { class: "cache-end" }, MARK) : null);
  const settings = jsonDiff(old.settings, fresh.settings);
  const found = since(old.messages, fresh.messages);
  return [
    mark("model"),
    section("Settings", settings ?? "as before"),
    mark("tools"),
    section("Tools", same(old.tools, fresh.tools) ? kept(old.tools, "tool") : (jsonDiff(named(old.tools), named(fresh.tools)) ?? "in another order")),
    mark("system"),
    old.system.length || fresh.system.length ? section("System prompt", same(old.system, fresh.system) ? kept(old.system, "part") : inline(written(old.system), written(fresh.system))) : null,
    section("Messages", found.common ? kept(fresh.messages.slice(0, found.common), "message") : null, mark("messages"), ...differing(found, broken === "messages")),
  ].filter((node) => node !== null);
}

/**
 * @param {string} title
 * @param {...Child} children
 */
function section(title, ...children) {
  return el("section", { class: "part" }, el("h3", null, title), ...children);
}

/**
 * What is as it was, folded.
 * @param {any[]} values
 * @param {string} noun
 */
function kept(values, noun) {
  if (!values.length) return "none, as before";
  const inside = el("div");
  const fill = () => void (inside.firstChild ?? inside.append(tree(values, { open: 1, label: role })));
  return el("details", { class: "kept", ontoggle: fill }, el("summary", null, `${plural(values.length, noun)} as before`), inside);
}

/**
 * Tools by their names, so that one that is added does not change all after it.
 * @param {any[]} tools
 */
function named(tools) {
  return Object.fromEntries(tools.map((tool, n) => [String(tool?.function?.name ?? tool?.name ?? tool?.type ?? n), tool]));
}

/**
 * @param {{common: number, gone: any[], came: any[]}} found
 * @param {boolean} broken
 */
function differing({ common, gone, came }, broken) {
  const rows = [];
  for (let n = 0; n < Math.max(gone.length, came.length); n++) {
    const [old, fresh] = [gone[n], came[n]];
    const number = `${common + n + 1}`;
    if (old !== undefined && fresh !== undefined && role([], old).split(":")[0] === role([], fresh).split(":")[0]) {
      rows.push(line(number, "changed", inline(written(old), written(fresh))));
      continue;
    }
    if (old !== undefined) rows.push(line(number, "gone", tree(old, { open: 4, label: role })));
    if (fresh !== undefined) rows.push(line(number, broken ? "instead" : "new", tree(fresh, { open: 4, label: role })));
  }
  return rows.length ? rows : ["nothing new"];
}

/**
 * @param {string} number
 * @param {string} how
 * @param {HTMLElement} content
 */
function line(number, how, content) {
  return el("div", { class: `message-line ${how}` }, el("p", null, el("b", null, number), ` ${how}`), content);
}
