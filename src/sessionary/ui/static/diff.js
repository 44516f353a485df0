// What differs between two texts, or two JSON values. Pure. Of texts that are very long or have little in common, whole
// lines or all is said to differ, so that the time stays in proportion to their length.

import { hunks } from "./edits.js";

/** @typedef {"same"|"add"|"del"} Kind */
/** @typedef {{kind: Kind, text: string}} Change in order; same and del are the first text, same and add the second */
/**
 * @typedef {object} Differing
 * @property {(string|number)[]} path in the second value; of what is gone, its last part is that in the first
 * @property {"add"|"del"|"change"} kind
 * @property {any} [before]
 * @property {any} [after]
 */

const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}_]+|\n|[^\S\n]+|[^]/gu;
const WORDS = 200_000; // letters, past which whole lines are compared first
const NESTED = 300;

/**
 * @param {string} a
 * @param {string} b
 * @returns {Change[]} whole lines, each stretch of one kind as one
 */
export function lines(a, b) {
  return changes(split(a), split(b));
}

/**
 * @param {string} a
 * @param {string} b
 * @returns {Change[]} words, blanks and signs; blanks between changes count as changed, so that a phrase stays whole
 */
export function words(a, b) {
  if (a.length + b.length <= WORDS) return phrases(changes(a.match(WORD) ?? [], b.match(WORD) ?? []));
  const found = lines(a, b);
  /** @type {Change[]} */
  const fine = [];
  for (let i = 0; i < found.length; i++) {
    const [gone, come] = [found[i], found[i + 1]];
    const both = gone.kind === "del" && come?.kind === "add" && gone.text.length + come.text.length <= WORDS;
    for (const change of both ? words(gone.text, come.text) : [gone]) fine.push(change);
    if (both) i++;
  }
  return fine;
}

/**
 * Where two JSON values differ. Done one after the other, from the first, the steps give the second; several that
 * take neighbours out of one list count in the list before them. The order of an object's keys does not matter.
 * @param {any} a
 * @param {any} b
 * @returns {Differing[]}
 */
export function json(a, b) {
  /** @type {Differing[]} */
  const found = [];
  differ(a, b, [], identities(), found);
  return found;
}

/** @param {string} text */
function split(text) {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/**
 * @param {string[]} a
 * @param {string[]} b
 * @returns {Change[]}
 */
function changes(a, b) {
  /** @type {Change[]} */
  const found = [];
  const put = (/** @type {Kind} */ kind, /** @type {string[]} */ tokens) => void (tokens.length && found.push({ kind, text: tokens.join("") }));
  let at = 0;
  for (const [from, to, start, end] of hunks(a, b)) {
    put("same", a.slice(at, from));
    put("del", a.slice(from, to));
    put("add", b.slice(start, end));
    at = to;
  }
  put("same", a.slice(at));
  return found;
}

/**
 * @param {Change[]} found
 * @returns {Change[]}
 */
function phrases(found) {
  /** @type {Change[]} */
  const whole = [];
  let [gone, come] = ["", ""];
  const flush = () => {
    if (gone) whole.push({ kind: "del", text: gone });
    if (come) whole.push({ kind: "add", text: come });
    [gone, come] = ["", ""];
  };
  for (const [i, { kind, text }] of found.entries()) {
    const between = kind === "same" && (gone || come) && i + 1 < found.length && !/[^ \t]/.test(text);
    if (kind === "same" && !between) {
      flush();
      whole.push({ kind, text });
      continue;
    }
    if (kind !== "add") gone += text;
    if (kind !== "del") come += text;
  }
  flush();
  return whole;
}

/** @typedef {(value: any) => number} Identity equal values have equal numbers */

/** @returns {Identity} */
function identities() {
  /** @type {Map<any, number>} */
  const known = new Map();
  /** @type {Map<object, number>} */
  const seen = new Map();
  /** @param {any} value @param {number} deep @returns {number} */
  const of = (value, deep) => {
    if (value === null || typeof value !== "object") return number(`${typeof value} ${value}`);
    const old = seen.get(value);
    if (old !== undefined) return old;
    const list = Array.isArray(value);
    const parts = deep > NESTED ? [known.size] : list ? value.map((part) => of(part, deep + 1)) : keys(value).flatMap((key) => [JSON.stringify(key), of(value[key], deep + 1)]);
    const made = number(`${deep > NESTED ? "deep" : list ? "[" : "{"}${parts.join(",")}`);
    seen.set(value, made);
    return made;
  };
  const number = (/** @type {string} */ text) => {
    const made = known.get(text) ?? known.size;
    known.set(text, made);
    return made;
  };
  return (value) => of(value, 0);
}

/** @param {object} value */
const keys = (value) => Object.keys(value).sort();

/**
 * @param {any} a
 * @param {any} b
 * @param {(string|number)[]} path
 * @param {Identity} id
 * @param {Differing[]} found
 */
function differ(a, b, path, id, found) {
  if (id(a) === id(b)) return;
  const objects = [a, b].every((value) => value !== null && typeof value === "object" && !Array.isArray(value));
  if (Array.isArray(a) && Array.isArray(b)) return items(a, b, path, id, found);
  if (!objects || path.length >= NESTED) return void found.push({ path, kind: "change", before: a, after: b });
  for (const key of Object.keys(a)) if (!Object.hasOwn(b, key)) found.push({ path: [...path, key], kind: "del", before: a[key] });
  for (const key of Object.keys(b)) if (!Object.hasOwn(a, key)) found.push({ path: [...path, key], kind: "add", after: b[key] });
  for (const key of Object.keys(b)) if (Object.hasOwn(a, key)) differ(a[key], b[key], [...path, key], id, found);
}

/**
 * @param {any[]} a
 * @param {any[]} b
 * @param {(string|number)[]} path
 * @param {Identity} id
 * @param {Differing[]} found
 */
function items(a, b, path, id, found) {
  const of = hunks(a.map(id), b.map(id)).map(([i, j, k, l]) => ({ i, j, k, l, both: Math.min(j - i, l - k) }));
  for (const { i, j, both } of of) for (let at = i + both; at < j; at++) found.push({ path: [...path, at], kind: "del", before: a[at] });
  for (const { k, l, both } of of) for (let at = k + both; at < l; at++) found.push({ path: [...path, at], kind: "add", after: b[at] });
  for (const { i, k, both } of of) for (let at = 0; at < both; at++) differ(a[i + at], b[k + at], [...path, k + at], id, found);
}
