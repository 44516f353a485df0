// One call in the transcript: what it added, its answer, and what went wrong.

import { el } from "./el.js";
import { instead } from "./focus.js";
import { depth } from "./fold.js";
import { clock, count, duration, exact, moment, mood, plural } from "./format.js";
import { message } from "./pieces.js";
import { words } from "./sought.js";
import { grouped } from "./speech.js";
import { speaker } from "./story.js";
import { hides } from "./unfold.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./types.js").Message} Message */

const MESSAGES = 30;
/** Characters of a system message that is not folded. */
const LONG = 300;
const PATHS = /** @type {Record<string, string>} */ ({ "chat.completions": "/chat/completions", completions: "/completions", embeddings: "/embeddings", responses: "/responses", "responses.compact": "/responses/compact", messages: "/messages" });
/** How an answer ends that is not whole. */
const SHORT = new Set(["length", "max_tokens", "max_output_tokens", "max_tool_calls", "model_context_window_exceeded", "content_filter", "incomplete", "refusal", "pause_turn"]);

const UNKEPT = /** @type {Record<string, string>} */ ({
  client: "contents are not kept (the client asked so)",
  key: "contents are not kept (the key records metadata only)",
  failed: "contents are not kept (what must not be in the log could not be taken out)",
});

/**
 * @typedef {object} How
 * @property {import("./types.js").Spot} spot where it is read
 * @property {boolean} selected
 * @property {Added} first the attempt that tells what was asked, where this one does not
 * @property {string} problem why its contents could not be had
 * @property {Call|undefined} after the call that it goes on from, where that is not the one above
 * @property {Call|undefined} from the call whose summary it carries, where it is of this session
 * @property {(tab?: string) => void} select
 * @property {(id: string) => void} visit selects another call
 */

/**
 * @param {Added} added
 * @param {How} how
 */
export function callView(added, how) {
  const { selected, spot, first: told, select } = how;
  const { call, output } = added;
  const said = added.messages.length ? added.messages : told.messages;
  const prompt = added.system.length || added.unprompted ? added.system : told.system;
  const first = spot.nth === 1 && !spot.folds.length ? " first" : "";
  const article = el("article", { id: call.id, class: `call ${mood(call.status)} in${depth(spot.folds)}${first}${selected ? " selected" : ""}` });
  const page = el("div", { class: "page" });
  if (call.origin?.kind === "compaction") page.append(compacted(call.origin, how));
  page.append(separator(added, how));
  if (added.loaded === false) page.append(el("p", { class: "waiting" }, how.problem || "loading …"));
  if (prompt.length) page.append(system(prompt));
  if (added.unprompted) page.append(el("p", { class: "event" }, "no system prompt in this call"));
  if (added.emptied) page.append(el("p", { class: "event emptied" }, "what was said here was deleted"));
  if (call.unkept) page.append(el("p", { class: "event unkept" }, UNKEPT[call.unkept] ?? "contents are not kept"));
  const line = added.emptied ? null : resent(added, spot.tried === 1, select);
  if (line) page.append(line);
  page.append(...messages(said, call.id));
  if (output) page.append(...answer(added));
  if (call.error || !["ok", "live"].includes(call.status)) page.append(failure(added));
  if (call.status === "live") page.append(el("p", { class: "waiting" }, el("i"), output ? "answering" : "waiting for the answer"));
  article.append(page);
  article.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.target.closest("a, button, summary, input")) return;
    if (!getSelection()?.toString()) select();
  });
  return article;
}

/**
 * @param {Added} added
 * @param {How} how
 */
function separator({ call }, { spot, after, select, visit }) {
  const agent = call.agent && !spot.folds.length ? ` · agent ${call.agent_name || call.agent}` : "";
  const path = spot.format && PATHS[call.endpoint] ? ` · ${PATHS[call.endpoint]}` : "";
  const from = after ? [" · ", el("button", { type: "button", class: "link", title: after.id, onclick: () => visit(after.id) }, `${spot.begins ? "branch of" : "goes on from"} ${place(after)}`)] : [];
  const link = el("a", { href: `#${call.id}`, title: "A link to this call", onclick: (/** @type {Event} */ e) => (e.preventDefault(), select()) }, name(call, spot));
  return el("h2", { class: "sep" }, link, el("span", null, " · ", el("time", { datetime: call.created_at, title: moment(call.created_at) }, clock(call.created_at)), ` · ${speaker(call)}`, asked(call), `${path}${agent}`, from));
}

/**
 * @param {Call} call
 * @param {import("./types.js").Spot} spot
 */
function name(call, { attempt, agent, side, nth, folds }) {
  if (attempt) return el("span", null, `attempt ${attempt.nth} of ${attempt.of}`);
  if (side) return el("span", null, "side call");
  if (agent && folds.length) return el("b", null, call.agent_name || agent, ` · call ${nth}`);
  return nth === 1 ? el("b", null, `turn ${call.turn}`) : el("span", null, `call ${nth} of turn ${call.turn}`);
}

/**
 * That another model was asked for, where one was.
 * @param {Call} call
 */
function asked(call) {
  return speaker(call) === call.model ? null : el("small", null, " (asked: ", el("bdi", null, call.model), ")");
}

/** @param {Call} call */
function place({ turn }) {
  return turn ? `turn ${turn}` : "a side call";
}

/**
 * The history before it was made shorter.
 * @param {{call_id: string}} origin
 * @param {How} how
 */
function compacted(origin, { from, visit, select }) {
  const to = () => (from ? visit(from.id) : select("why"));
  return el("p", { class: "band" }, el("span", null, "compacted from ", el("button", { type: "button", class: "link", title: origin.call_id, onclick: to }, from ? place(from) : "another session")));
}

/** @param {Message[]} prompt */
function system(prompt) {
  return folded("system prompt", prompt, prompt.reduce((sum, m) => sum + letters(m), 0));
}

/**
 * @param {string} title
 * @param {Message[]} messages
 * @param {number} size in characters
 */
function folded(title, messages, size) {
  const inside = el("div");
  const fill = () => inside.firstChild ?? inside.append(...messages.map((m) => message(m)).filter((m) => m !== null));
  const fold = el("details", { class: "fold system", ontoggle: fill }, el("summary", null, `${title} · ${plural(size, "character")}`), inside);
  return hides(fold, { ...held(messages), open: () => (fill(), void (fold.open = true)) });
}

/** @param {Message[]} messages */
function held(messages) {
  const pieces = messages.flatMap((message) => message.pieces);
  return { pieces, texts: () => pieces.flatMap(words) };
}

/** @param {Message} message */
function letters({ pieces }) {
  return pieces.reduce((sum, piece) => sum + (piece.text?.length ?? 0), 0);
}

/**
 * A message of the request; what a program tells the model at length is folded.
 * @param {Message} m
 * @param {{note?: string, anchor?: string}} [how]
 */
function view(m, how = {}) {
  return m.role === "system" && letters(m) > LONG ? folded("system message", [m], letters(m)) : message(m, how);
}

/**
 * What this call sent again, and where its results are.
 * @param {Added} added
 * @param {boolean} alone whether no other attempt is shown with it
 * @param {(tab?: string) => void} select
 */
function resent({ call, resent, recalled, retry, messages, broke }, alone, select) {
  const owned = messages.flatMap((m) => m.pieces).filter((piece) => piece.owner);
  const parts = [];
  if (retry && alone) parts.push("the same request again");
  if (resent) parts.push(`${plural(resent, "earlier message")} resent`);
  if (recalled) parts.push(`${plural(recalled, "earlier message")} recalled by the gateway`);
  if ((resent || recalled) && call.cached_tokens) parts.push(`${exact(call.cached_tokens)} tokens cached`);
  if (owned.length) parts.push(`${owned.length === 1 ? `the result of ${owned[0].owner}` : plural(owned.length, "tool result")}, shown above`);
  if (!parts.length && !broke) return null;
  const mark = broke ? el("b", { class: "broke", title: "From here on it is not what was sent before, so a provider cannot have it in its cache" }, breaks(broke)) : null;
  return el("button", { type: "button", class: "resent", title: "The request as it was sent, and what changed in it", onclick: () => select(call.parent_id ? "changes" : "sent") }, parts.join(" · "), parts.length && mark ? " · " : null, mark);
}

/** @param {import("./types.js").Broke} broke */
export function breaks({ what, at }) {
  const names = { model: "another model", system: "the system prompt changed", tools: "the tools changed", messages: `message ${at} changed` };
  return `cache prefix broken: ${names[what]}`;
}

/**
 * The new messages; of very many, the last.
 * @param {Message[]} said
 * @param {string} call its id
 */
function messages(said, call) {
  const all = grouped(said);
  const cut = Math.max(0, all.length - MESSAGES);
  const views = (/** @type {number} */ from, /** @type {number} */ to) =>
    all.slice(from, to).flatMap((m, n) => view(m, { note: m.created_at ? clock(m.created_at) : "", anchor: `${call}/m${from + n + 1}` }) ?? []);
  if (!cut) return views(0, all.length);
  const open = () => instead(rest, () => rest.replaceWith(...views(0, cut)));
  const rest = el("button", { type: "button", class: "resent before", onclick: open }, `${plural(cut, "message")} before these`);
  return [hides(rest, { ...held(all.slice(0, cut)), open }), ...views(cut, all.length)];
}

/** @param {Added} added */
function answer({ call, output }) {
  if (!output) return [];
  const notes = [];
  if (call.ttft_ms !== null && call.stream) notes.push(`first token ${duration(call.ttft_ms)}`);
  if (call.duration_ms !== null) notes.push(duration(call.duration_ms));
  if (call.output_tokens !== null) notes.push(`${call.estimated ? "≈ " : ""}${count(call.output_tokens)} ${call.output_tokens === 1 ? "token" : "tokens"}`);
  const flag = call.status === "ok" && call.finish_reason && SHORT.has(call.finish_reason) ? `stopped: ${call.finish_reason.replaceAll("_", " ")}` : "";
  const shown = message(output, { name: speaker(call), aside: asked(call), note: notes.join(" · "), flag, anchor: `${call.id}/answer` });
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
