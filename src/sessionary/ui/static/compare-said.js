// What a turn says, as texts that can be told apart. Pure.

import { words } from "./speech.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {import("./compare-turns.js").Told} Told */
/** @typedef {{name: string, arguments: any, result: string|null, failed: boolean}} Tool */
/**
 * @typedef {object} Said
 * @property {string} system where it changed in this turn
 * @property {string} user
 * @property {string} answer
 * @property {Tool[]} tools
 * @property {string} trouble what went wrong with its last call
 * @property {boolean} known whether all of this is here
 * @property {number} left requests that are not looked into
 */

/** Requests of a turn that are looked into at first. An agent may make thousands. */
export const REACH = 30;

/**
 * Which calls say what is in a turn: those of its first requests, and the last.
 * @param {Told} turn
 * @param {number} reach
 */
export function needed(turn, reach) {
  const last = turn.spoken.length - 1;
  const places = [...turn.spoken.keys()].filter((place) => place < reach || place === last);
  return [...new Set(places.flatMap((place) => [turn.asked[place], turn.spoken[place]]))];
}

/**
 * @param {Told} turn
 * @param {(id: string) => Added|undefined} added undefined while it is not here
 * @param {number} [reach]
 * @returns {Said}
 */
export function said(turn, added, reach = REACH) {
  const found = needed(turn, reach);
  const calls = found.map(added);
  const spoken = new Set(turn.spoken);
  const first = calls[0]?.messages ?? [];
  const outputs = calls.flatMap((call) => (call?.output && spoken.has(call.call.id) ? [call.output] : []));
  const pieces = outputs.flatMap((message) => message.pieces);
  const last = turn.calls.find(({ id }) => id === turn.spoken.at(-1));
  const prompts = calls.flatMap((call) => call?.system ?? []);
  return {
    system: prompts.map((message) => text(message.pieces)).join("\n\n"),
    user: first.filter(({ role }) => role !== "assistant" && role !== "tool").map((message) => text(message.pieces)).filter(Boolean).join("\n\n"),
    answer: text(pieces),
    tools: pieces.filter(({ type }) => type === "tool_call").map(tool),
    trouble: last?.error ? `${last.status.replaceAll("_", " ")}: ${last.error.message ?? last.error.type ?? ""}` : "",
    known: calls.every(Boolean),
    left: Math.max(0, turn.spoken.length - reach - 1),
  };
}

/**
 * Whether nothing that is said differs.
 * @param {Said} a
 * @param {Said} b
 */
export function alike(a, b) {
  const same = a.user === b.user && a.answer === b.answer && a.trouble === b.trouble && a.system === b.system && a.left === b.left;
  return same && a.known && b.known && JSON.stringify(a.tools) === JSON.stringify(b.tools);
}

/** @param {Piece[]} pieces */
function text(pieces) {
  return pieces.map(shown).filter(Boolean).join("\n\n");
}

/** @param {Piece} piece */
function shown({ type, text, name, media_type }) {
  if (type === "text" || type === "refusal") return words(text ?? "").trim();
  return ["image", "audio", "file"].includes(type) ? `[${name || media_type || type}]` : "";
}

/**
 * @param {Piece} piece
 * @returns {Tool}
 */
function tool({ name, arguments: given, result }) {
  const came = result ? (result.content ?? []).map((part) => part.text ?? (part.value === undefined ? `[${part.type}]` : JSON.stringify(part.value))).join("\n") : null;
  return { name: name || "tool", arguments: read(given), result: came, failed: Boolean(result?.error) };
}

/** @param {any} given arguments that are JSON as text are told apart by what they hold */
function read(given) {
  if (typeof given !== "string" || !/^\s*[{[]/.test(given)) return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}
