// What the calls of a session tell: which result belongs to which tool call, what a turn is, where it paused.
// Pure; ui/shown.py does the same for the first screen.

import { level, mood } from "./format.js";
import { flat } from "./outline.js";
import { words } from "./speech.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Turn} Turn */
/** @typedef {import("./types.js").Idle} Idle */
/** @typedef {import("./types.js").Started} Started */

export const PAUSE = 120_000;

/**
 * Sets `result` on tool calls, `owner` and `home` on the results they got. Ids may come again later in a session: a
 * result belongs to the last call of its id before it.
 * @param {Added[]} calls
 */
export function pair(calls) {
  /** @type {Map<string, {asked: import("./types.js").Piece, in: string}>} */
  const pending = new Map();
  for (const { call, messages, output } of calls) {
    for (const message of output ? [...messages, output] : messages) {
      for (const piece of message.pieces) {
        if (!piece.id) continue;
        if (piece.type === "tool_call") pending.set(piece.id, { asked: piece, in: call.id });
        const found = piece.type === "tool_result" ? pending.get(piece.id) : undefined;
        if (!found) continue;
        found.asked.result = piece;
        piece.owner = found.asked.name || "a tool";
        piece.home = found.in;
        pending.delete(piece.id);
      }
    }
  }
}

/**
 * What changes when the way a call is shown changes.
 * @param {Added} added
 */
function version({ call, messages, output, retry, loaded, taken }) {
  const paired = output?.pieces.filter((piece) => piece.result).length ?? 0;
  const said = call.status === "live" ? output?.pieces.map(letters).join() : output?.pieces.length;
  return [call.status, call.duration_ms, call.output_tokens, call.cost, messages.length, said, paired, retry, loaded, taken].join(" ");
}

/**
 * The same of a call in its place.
 * @param {import("./types.js").Spot} spot
 * @param {import("./contents.js").Contents} contents
 */
export function drawn(spot, { calls, failed }) {
  const added = calls[spot.index];
  return [version(added), calls[spot.first].taken, failed.get(added.call.id), JSON.stringify({ ...spot, index: 0 })].join(" ");
}

/**
 * How high a call will be, roughly: by its letters, or, until these are here, by what it was billed for.
 * @param {Added} added
 */
export function height({ call, messages, output, loaded }) {
  if (loaded === false) return 230 + Math.min(4000, call.output_tokens ?? 0);
  let letters = 0;
  for (const message of output ? [...messages.slice(-30), output] : messages.slice(-30)) {
    for (const piece of message.pieces) letters += 60 + Math.min(20_000, piece.text?.length ?? 200);
  }
  return 110 + letters / 4;
}

/** @param {import("./types.js").Piece} piece */
function letters({ text, arguments: given }) {
  return (text?.length ?? 0) + (typeof given === "string" ? given.length : 0);
}

/**
 * The rail: turns, the agents that they started, and the pauses between them.
 * @param {Added[]} calls
 * @param {import("./types.js").Item[]} [items] as they are read
 * @returns {(Turn|Started|Idle)[]}
 */
export function rail(calls, items = flat(calls)) {
  /** @type {(Turn|Started|Idle)[]} */
  const stops = [];
  /** @type {Turn|null} */
  let turn = null;
  /** @type {Set<string>} turns that were begun */
  const begun = new Set();
  let reached = 0;
  let last = 0;
  for (const item of items) {
    if (item.kind === "fold") {
      if (item.agent) stops.push(started(calls, item, item.agent));
      else if (item.what === "side") turn?.beside.push(...item.calls);
      continue;
    }
    const added = calls[item.index];
    const { call } = added;
    const first = item.attempt ? added : calls[item.first];
    const idle = reached && !item.attempt ? Date.parse(first.call.created_at) - reached : 0;
    const before = last;
    const ended = Date.parse(call.created_at) + (call.duration_ms ?? 0);
    if (ended >= reached) [reached, last] = [ended, item.index];
    if (item.side || inAgent(item)) continue;
    if (idle >= PAUSE) stops.push({ kind: "idle", after: before, ms: idle });
    /** @type {string} */
    const path = item.branch || (turn?.path ?? "");
    if (!turn || turn.number !== call.turn || turn.path !== path || idle >= PAUSE || item.begins) {
      const fork = item.begins ? (item.after ?? -1) : null;
      /** @type {string} */
      const name = `${call.turn} ${path}`;
      /** @type {boolean} */
      const on = begun.has(name) && !item.begins;
      begun.add(name);
      turn = { kind: "turn", number: call.turn, on, calls: [], said: said(first), answer: "", status: "ok", at: first.call.created_at, failed: 0, ms: null, cost: null, tokens: 0, path, fork, beside: [], loaded: true };
      stops.push(turn);
    }
    turn.calls.push(item.index);
    turn.loaded = known(calls, turn.calls);
    if (mood(call.status) === "errors") turn.failed += 1;
    if (!item.attempt) {
      turn.answer = (added.output && text(added.output)) || tools(added.output) || call.error?.message?.slice(0, 200) || turn.answer;
      if (call.status !== "ok") turn.status = call.status;
      else if (turn.status !== "live") turn.status = "ok";
    }
    if (call.duration_ms !== null) turn.ms = (turn.ms ?? 0) + call.duration_ms;
    if (call.cost !== null) turn.cost = (turn.cost ?? 0) + call.cost;
    turn.tokens += (call.input_tokens ?? 0) + (call.output_tokens ?? 0);
  }
  return stops;
}

/**
 * Whether it is here what the first and the last of these calls say.
 * @param {Added[]} calls
 * @param {number[]} indices
 */
export function known(calls, indices) {
  return [indices[0] ?? -1, indices.at(-1) ?? -1].every((index) => calls[index]?.loaded !== false);
}

/** @param {import("./types.js").Item} item */
function inAgent({ folds }) {
  return folds.some((key) => key.startsWith("agent "));
}

/**
 * @param {Added[]} calls
 * @param {import("./types.js").Fold} fold
 * @param {import("./types.js").TreeAgent} agent
 * @returns {Started}
 */
function started(calls, fold, { name, status, total }) {
  const depth = fold.folds.length + 1;
  return { kind: "agent", key: fold.key, name, depth, calls: fold.calls, ...gist(calls, fold), status, at: calls[fold.calls[0]]?.call.created_at ?? "", cost: total.cost, count: total.calls, tokens: total.input_tokens + total.output_tokens, ms: total.active_ms, loaded: known(calls, fold.calls) };
}

/**
 * What was asked first in a fold, and what was answered last.
 * @param {Added[]} calls
 * @param {import("./types.js").Fold} fold
 */
export function gist(calls, { calls: indices }) {
  const first = calls[indices[0] ?? -1];
  const answers = indices.map((index) => calls[index].output).map((output) => output && text(output));
  return { said: first ? said(first) : "", answer: answers.findLast((answer) => answer) || "" };
}

/** @param {Added} added */
function said({ call, messages, loaded }) {
  if (loaded === false) return "";
  const human = messages.findLast((message) => message.role === "user" && text(message));
  const any = human ?? messages.findLast(text);
  return any ? text(any) : (kinds(messages) ?? call.endpoint);
}

/**
 * What came, where nothing was said.
 * @param {Message[]} messages
 */
function kinds(messages) {
  const piece = messages.flatMap((message) => message.pieces).find((piece) => piece.type !== "text" && piece.type !== "reasoning");
  if (!piece) return null;
  if (piece.type === "tool_result") return `the result of ${piece.owner ?? "a tool"}`.slice(0, 200);
  if (piece.type === "other" && typeof piece.value?.type === "string") return piece.value.type.replaceAll("_", " ").slice(0, 200);
  return piece.name?.slice(0, 200) || piece.type.replaceAll("_", " ");
}

/** @type {WeakMap<Message, string>} */
const texts = new WeakMap();

/**
 * The beginning of a message's text.
 * @param {Message} message
 */
export function text(message) {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const found = beginning(message);
  texts.set(message, found);
  return found;
}

/** @param {Message} message */
function beginning(message) {
  for (const piece of message.pieces) {
    const found = (piece.type === "text" || piece.type === "refusal") && plain(words(piece.text?.slice(0, 20_000) ?? "").slice(0, 400));
    if (found) return found.slice(0, 200);
  }
  return "";
}

/**
 * A preview: Markdown's marks taken out, a table's lines with them.
 * @param {string} text
 */
export function plain(text) {
  return level(text).replace(/\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`+|^#{1,6} |^> |^[ |:-]*\|[ |:-]*$|^\| | \|$/gm, "").replace(/\s+/g, " ").trim();
}

/** @param {Message|null} message */
function tools(message) {
  const names = message?.pieces.filter((piece) => piece.type === "tool_call").map((piece) => piece.name) ?? [];
  return names.length ? `calls ${names.join(", ")}`.slice(0, 200) : "";
}

/** What a provider adds to a model's name: a date or a version of that model. */
const DATED = /^(?:[-@:](?:\d{3,}[\d-]*|latest))?(?:-v\d+(?::\d+)?)?$/;

/**
 * Who speaks in a call: the model that answered, which is not the one asked for where that failed or has another name.
 * ui/shown.py knows the same.
 * @param {import("./types.js").Call} call
 */
export function speaker({ model, upstream_model, status }) {
  if (!upstream_model || mood(status) === "errors") return model;
  const asked = model.split("/").at(-1) ?? "";
  const from = asked ? upstream_model.lastIndexOf(asked) : -1;
  const own = from >= 0 && /(?:^|[/.])$/.test(upstream_model.slice(0, from)) && DATED.test(upstream_model.slice(from + asked.length));
  return own ? model : upstream_model;
}
