// What the calls of a session tell: which result belongs to which tool call, what a turn is, where it paused.
// Pure; ui/shown.py does the same for the first screen.

import { words } from "./speech.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Turn} Turn */
/** @typedef {import("./types.js").Idle} Idle */

export const PAUSE = 120_000;

/**
 * Sets `result` on tool calls and `owner` on the results they got. Ids may come again later in a session: a
 * result belongs to the last call of its id before it.
 * @param {Added[]} calls
 */
export function pair(calls) {
  /** @type {Map<string, import("./types.js").Piece>} */
  const pending = new Map();
  for (const { messages, output } of calls) {
    for (const message of output ? [...messages, output] : messages) {
      for (const piece of message.pieces) {
        if (!piece.id) continue;
        if (piece.type === "tool_call") pending.set(piece.id, piece);
        const call = piece.type === "tool_result" ? pending.get(piece.id) : undefined;
        if (!call) continue;
        call.result = piece;
        piece.owner = call.name || "a tool";
        pending.delete(piece.id);
      }
    }
  }
}

/**
 * What changes when the way a call is shown changes.
 * @param {Added} added
 */
export function version({ call, messages, output, retry }) {
  const paired = output?.pieces.filter((piece) => piece.result).length ?? 0;
  return [call.status, call.duration_ms, call.output_tokens, call.cost, messages.length, output?.pieces.length, paired, retry].join(" ");
}

/**
 * The rail: turns, and the pauses between them.
 * @param {Added[]} calls
 * @returns {(Turn|Idle)[]}
 */
export function rail(calls) {
  /** @type {(Turn|Idle)[]} */
  const stops = [];
  /** @type {Turn|null} */
  let turn = null;
  calls.forEach((added, index) => {
    const { call } = added;
    const idle = index ? pauseBefore(calls, index) : 0;
    if (idle >= PAUSE) stops.push({ kind: "idle", after: index - 1, ms: idle });
    if (!turn || turn.number !== call.turn || idle >= PAUSE) {
      turn = { kind: "turn", number: call.turn, calls: [], said: said(added), answer: "", status: "ok", at: call.created_at, failed: 0, ms: null, cost: null, tokens: 0 };
      stops.push(turn);
    }
    turn.calls.push(index);
    turn.answer = (added.output && text(added.output)) || tools(added.output) || call.error?.message?.slice(0, 200) || turn.answer;
    if (mood(call.status) === "errors") turn.failed += 1;
    if (call.status !== "ok") turn.status = call.status;
    else if (turn.status !== "live") turn.status = "ok";
    if (call.duration_ms !== null) turn.ms = (turn.ms ?? 0) + call.duration_ms;
    if (call.cost !== null) turn.cost = (turn.cost ?? 0) + call.cost;
    turn.tokens += (call.input_tokens ?? 0) + (call.output_tokens ?? 0);
  });
  return stops;
}

/**
 * How long nothing happened before a call, in ms.
 * @param {Added[]} calls
 * @param {number} index
 */
export function pauseBefore(calls, index) {
  const before = calls[index - 1].call;
  return Date.parse(calls[index].call.created_at) - Date.parse(before.created_at) - (before.duration_ms ?? 0);
}

/** @param {Added} added */
function said({ call, messages }) {
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

/**
 * Calls that go on from an answer that another call went on from before: each with the call that gave it.
 * @param {Added[]} calls
 * @returns {Map<string, import("./types.js").Call>}
 */
export function forks(calls) {
  const byId = new Map(calls.map(({ call }) => [call.id, call]));
  const continued = new Set();
  const found = new Map();
  for (const { call, retry } of calls) {
    const from = call.parent_id && !retry ? byId.get(call.parent_id) : undefined;
    if (!from) continue;
    if (continued.has(from.id)) found.set(call.id, from);
    continued.add(from.id);
  }
  return found;
}

/**
 * The beginning of a message's text.
 * @param {Message} message
 */
export function text(message) {
  for (const piece of message.pieces) {
    const found = (piece.type === "text" || piece.type === "refusal") && plain(words(piece.text?.slice(0, 20_000) ?? "").slice(0, 400));
    if (found) return found.slice(0, 200);
  }
  return "";
}

/**
 * A preview: Markdown's marks taken out.
 * @param {string} text
 */
function plain(text) {
  return text.replace(/\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`+|^#{1,6} |^> /gm, "").replace(/\s+/g, " ").trim();
}

/** @param {Message|null} message */
function tools(message) {
  const names = message?.pieces.filter((piece) => piece.type === "tool_call").map((piece) => piece.name) ?? [];
  return names.length ? `calls ${names.join(", ")}`.slice(0, 200) : "";
}

/**
 * A call's status as one of the four colours of meaning.
 * @param {string} status
 */
export function mood(status) {
  if (status === "ok" || status === "live") return status;
  return ["client_closed", "interrupted", "cut"].includes(status) ? "cut" : "errors";
}
