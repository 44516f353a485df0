// What is searched for, as the server reads it (store/search.py): words and "phrases", of which the last may be the
// beginning of one; words are runs of letters and digits, without accents, small and capital alike. And the places of a
// call that have them. Pure.

import { grouped } from "./speech.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {{piece: Piece, call: string, anchor: string}} Place `call` is where it is shown, `anchor` the message's there */

const MOST = 32;

/** A search's terms, each a word or a phrase. */
export class Sought {
  /** @param {string} q */
  constructor(q) {
    const asked = Array.from(q.slice(0, 1000).matchAll(/"([^"]+)"|(\S+)/g), ([, phrase, word]) => folded(phrase ?? word).match(/[\p{L}\p{N}]+/gu) ?? []);
    const terms = asked.filter((words) => words.length).slice(0, MOST);
    const begins = !q.trimEnd().endsWith('"');
    const written = terms.map((words, i) => words.join("[^\\p{L}\\p{N}]+") + (begins && i === terms.length - 1 ? "" : "(?![\\p{L}\\p{N}])"));
    /** @type {string[]} patterns, the longest first */
    this.terms = [...new Set(written)].sort((a, b) => b.length - a.length);
  }

  /**
   * How many of the terms are in some texts.
   * @param {string[]} texts
   */
  in(texts) {
    const all = texts.map(folded);
    return this.terms.filter((term) => all.some((text) => text.search(pattern([term])) >= 0)).length;
  }

  /**
   * The term that says most where it is: the one that is there least often; none where none is there.
   * @param {string[]} texts
   */
  rarest(texts) {
    const all = texts.map(folded);
    const often = this.terms.map((term) => ({ term, many: all.reduce((sum, text) => sum + (text.match(pattern([term]))?.length ?? 0), 0) }));
    return often.filter(({ many }) => many).sort((a, b) => a.many - b.many)[0]?.term;
  }
}

/** @param {string[]} terms */
export function pattern(terms) {
  return new RegExp(terms.length ? `(?<![\\p{L}\\p{N}])(?:${terms.join("|")})` : "(?!)", "gu");
}

/**
 * A text in small letters without accents, letter for letter: what is found in it is where it is in the text.
 * @param {string} text
 */
export function folded(text) {
  return text.replace(/[^\x00-\x60\x7b-\x7f]/g, (letter) => letter.normalize("NFD")[0].toLowerCase()[0]).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * All words in a piece of a message.
 * @param {Piece} piece
 * @returns {string[]}
 */
export function words(piece) {
  const { type, text = "", name = "" } = piece;
  if (type === "tool_call") return [name, ...strings(piece.arguments)];
  if (type === "tool_result") return (piece.content ?? []).flatMap(words);
  return type === "other" ? strings(piece.value) : [name, text].filter(Boolean);
}

/**
 * @param {any} value JSON
 * @returns {string[]} every name and text in it
 */
export function strings(value) {
  const found = [];
  const left = [value];
  while (left.length) {
    const one = left.pop();
    if (Array.isArray(one)) left.push(...one.toReversed());
    else if (one && typeof one === "object") left.push(...Object.entries(one).flat().toReversed());
    else if (one !== null && one !== undefined) found.push(String(one));
  }
  return found;
}

/**
 * The pieces that a call added, in the order in which they are read, and where each is: a tool's result is beside its
 * call, which another call may have made.
 * @param {Added} added
 * @returns {Place[]}
 */
export function pieces({ call, system, messages, output }) {
  const own = (/** @type {import("./types.js").Message} */ message, /** @type {string} */ anchor) =>
    message.pieces.map((piece) => (piece.home ? { piece, call: piece.home, anchor: `${piece.home}/answer` } : { piece, call: call.id, anchor }));
  return [
    ...system.flatMap((message) => own(message, call.id)),
    ...grouped(messages).flatMap((message, n) => own(message, `${call.id}/m${n + 1}`)),
    ...(output ? own(output, `${call.id}/answer`) : []),
  ];
}

/**
 * Those that have most of the terms: all, where one has them all.
 * @param {Added} added
 * @param {Sought} sought
 */
export function places(added, sought) {
  const all = pieces(added).map((place) => ({ place, score: sought.in(words(place.piece)) }));
  const most = Math.max(1, ...all.map(({ score }) => score));
  return all.filter(({ score }) => score === most).map(({ place }) => place);
}
