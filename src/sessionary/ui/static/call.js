// One call in the transcript: what it added, its answer, and what went wrong.

import { el } from "./el.js";
import { clock, count, duration, exact, moment, plural } from "./format.js";
import { message } from "./pieces.js";
import { mood } from "./story.js";

/** @typedef {import("./types.js").Added} Added */

const MESSAGES = 30;

/**
 * @param {Added} added
 * @param {{first: boolean, nth: number, selected: boolean, select: (tab?: string) => void}} how `first` of its
 *   turn; `nth` call within it
 */
export function callView(added, { first, nth, selected, select }) {
  const { call, output } = added;
  const article = el("article", { id: call.id, class: `call ${mood(call.status)}${first ? " first" : ""}${selected ? " selected" : ""}` });
  const page = el("div", { class: "page" });
  page.append(separator(added, first, nth, select));
  if (added.system.length) page.append(system(added));
  const line = resent(added, select);
  if (line) page.append(line);
  page.append(...messages(added));
  if (output) page.append(...answer(added));
  if (call.error || !["ok", "live"].includes(call.status)) page.append(failure(added));
  if (call.status === "live") page.append(el("p", { class: "waiting" }, el("i"), "waiting for the answer"));
  article.append(page);
  article.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.target.closest("a, button, summary, input")) return;
    if (!getSelection()?.toString()) select();
  });
  return article;
}

/**
 * @param {Added} added
 * @param {boolean} first
 * @param {number} nth
 * @param {(tab?: string) => void} select
 */
function separator({ call }, first, nth, select) {
  const agent = call.agent ? ` · agent ${call.agent}` : "";
  const what = first ? [el("b", null, `turn ${call.turn}`)] : [`call ${nth} of turn ${call.turn}`];
  const link = el("a", { href: `#${call.id}`, title: "A link to this call", onclick: (/** @type {Event} */ e) => (e.preventDefault(), select()) }, ...what);
  return el("h2", { class: "sep" }, link, el("span", null, " · ", el("time", { datetime: call.created_at, title: moment(call.created_at) }, clock(call.created_at)), ` · ${call.model}${agent}`));
}

/** @param {Added} added */
function system({ system }) {
  const letters = system.reduce((sum, m) => sum + m.pieces.reduce((n, p) => n + (p.text?.length ?? 0), 0), 0);
  const inside = el("div");
  const open = () => inside.firstChild ?? inside.append(...system.map((m) => message(m)).filter((m) => m !== null));
  return el("details", { class: "fold system", ontoggle: open }, el("summary", null, `system prompt · ${plural(letters, "character")}`), inside);
}

/**
 * What this call sent again, and where its results are.
 * @param {Added} added
 * @param {(tab?: string) => void} select
 */
function resent({ call, resent, retry, messages }, select) {
  const owned = messages.flatMap((m) => m.pieces).filter((piece) => piece.owner);
  const parts = [];
  if (retry) parts.push("the same request again");
  if (resent) parts.push(`${plural(resent, "earlier message")} resent`);
  if (resent && call.cached_tokens) parts.push(`${exact(call.cached_tokens)} tokens cached`);
  if (owned.length) parts.push(`${owned.length === 1 ? `the result of ${owned[0].owner}` : plural(owned.length, "tool result")}, shown above`);
  if (!parts.length) return null;
  return el("button", { type: "button", class: "resent", title: "The request as it was sent", onclick: () => select("sent") }, parts.join(" · "));
}

/**
 * The new messages; of very many, the last.
 * @param {Added} added
 */
function messages({ call, messages }) {
  const cut = Math.max(0, messages.length - MESSAGES);
  const views = messages.slice(cut).map((m) => message(m, { note: m.created_at ? clock(m.created_at) : "" })).filter((m) => m !== null);
  if (!cut) return views;
  const rest = el("button", { type: "button", class: "resent", onclick: all }, `${plural(cut, "message")} before these`);
  function all() {
    rest.replaceWith(...messages.slice(0, cut).map((m) => message(m)).filter((m) => m !== null));
  }
  return [rest, ...views];
}

/** @param {Added} added */
function answer({ call, output }) {
  if (!output) return [];
  const notes = [];
  if (call.ttft_ms !== null && call.stream) notes.push(`first token ${duration(call.ttft_ms)}`);
  if (call.duration_ms !== null) notes.push(duration(call.duration_ms));
  if (call.output_tokens !== null) notes.push(`${call.estimated ? "≈ " : ""}${count(call.output_tokens)} tokens`);
  const shown = message(output, { name: call.model, note: notes.join(" · ") });
  return shown ? [shown] : [];
}

/** @param {Added} added */
function failure({ call }) {
  const names = { client_closed: "client closed", upstream_error: "upstream error", interrupted: "interrupted", rejected: "rejected", timeout: "timeout" };
  const title = /** @type {Record<string, string>} */ (names)[call.status] ?? call.status;
  const text = call.error?.message || call.error?.type || (mood(call.status) === "cut" ? "The answer was broken off." : "");
  const http = call.http_status && call.http_status !== 200 ? ` ${call.http_status}` : "";
  return el(
    "section",
    { class: `msg failed ${mood(call.status)}`, role: "note" },
    el("h3", null, el("b", null, `${title}${http}`), el("span", null, call.duration_ms === null ? "" : `after ${duration(call.duration_ms)}`)),
    text ? el("p", null, text.slice(0, 4000)) : null,
  );
}
