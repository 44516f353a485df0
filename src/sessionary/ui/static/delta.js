// Two numbers beside each other, and their difference in words: not colour alone says what is better. Pure; the same
// as ui/compared.py for the first screen.

import { cost, count, duration, exact, UNKNOWN } from "./format.js";

/** @typedef {import("./compare-turns.js").Sums} Sums */
/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {(sums: Sums) => number|null} of
 * @property {(value: number|null) => string} show
 * @property {[less: string, more: string]} words
 * @property {"less"|"more"|""} good which of the two is better
 * @property {boolean} [whole] only of all turns together
 */
/** @typedef {{text: string, mood: "better"|"worse"|"same"|"other"}} Delta */

const share = (/** @type {Sums} */ { cached, input }) => (input ? (100 * cached) / input : null);

/** @type {Metric[]} */
export const METRICS = [
  { name: "cost", of: ({ cost }) => cost, show: (value) => cost(value), words: ["cheaper", "dearer"], good: "less" },
  { name: "time", of: ({ ms }) => ms, show: duration, words: ["faster", "slower"], good: "less" },
  { name: "failed", of: ({ errors }) => errors, show: exact, words: ["fewer", "more"], good: "less" },
  { name: "turns", of: ({ turns }) => turns, show: exact, words: ["fewer", "more"], good: "", whole: true },
  { name: "calls", of: ({ calls }) => calls, show: exact, words: ["fewer", "more"], good: "" },
  { name: "input", of: ({ input }) => input, show: count, words: ["fewer", "more"], good: "" },
  { name: "cached", of: share, show: (value) => (value === null ? UNKNOWN : `${Math.round(value)}%`), words: ["less cached", "better cached"], good: "more" },
  { name: "output", of: ({ output }) => output, show: count, words: ["fewer", "more"], good: "" },
  { name: "first token", of: ({ ttft }) => ttft, show: duration, words: ["sooner", "later"], good: "less" },
];

/**
 * What the second is against the first: absolute, in percent, and as a word.
 * @param {Metric} metric
 * @param {number|null} a
 * @param {number|null} b
 * @returns {Delta}
 */
export function delta({ name, show, words, good }, a, b) {
  if (a === null || b === null) return { text: a === b ? "" : "not known of both", mood: "other" };
  if (a === b || (good !== "" && show(a) === show(b))) return { text: "the same", mood: "same" }; // as it is seen
  const points = name === "cached";
  const size = points ? `${Math.round(Math.abs(b - a))} points` : show(Math.abs(b - a));
  const sign = b > a ? "+" : "−";
  const part = a && !points ? ` · ${sign}${percent(Math.abs(b - a) / a)}` : "";
  const word = words[b > a ? 1 : 0];
  const mood = good === "" ? "other" : (b > a) === (good === "more") ? "better" : "worse";
  return { text: `${sign}${size}${part} · ${word}`, mood };
}

/** @param {number} part */
function percent(part) {
  const value = 100 * part;
  return value >= 1000 ? `${count(Math.round(value))}%` : value >= 1 ? `${Math.round(value)}%` : "<1%";
}
