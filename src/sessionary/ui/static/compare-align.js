// Which turn of one side belongs beside which of the other. Pure, and of any two lists of turns: two sessions, two
// branches, or a session and what another model answered to the same.

/**
 * @typedef {object} Gist what a turn is recognised by
 * @property {string[]} calls ids
 * @property {string[]|null} messages ids of what it added, its answer's last; null where they are not known
 * @property {string|null} said what the person said; null where that is not known
 */
/** @typedef {{left: number, right: number, how: "common"|"text"|"order"|"alone"}} Pair indices, -1 for none */

const LIKE = 0.34; // what is less alike is not thought to be the same question
const MOST = 400; // turns of a side that are matched by their words; the table has the square of it

/**
 * @param {Gist[]} left
 * @param {Gist[]} right
 * @returns {Pair[]} every turn of either side once, in order
 */
export function align(left, right) {
  const shared = common(left, right);
  /** @type {Pair[]} */
  const found = Array.from({ length: shared }, (_, i) => ({ left: i, right: i, how: "common" }));
  const told = [left, right].map((side) => side.slice(shared, shared + MOST).findIndex(({ said }) => said === null));
  const ends = [left, right].map((side, i) => Math.min(side.length, told[i] < 0 ? shared + MOST : shared + told[i]));
  const matched = rows(left.slice(shared, ends[0]).map(said), right.slice(shared, ends[1]).map(said));
  let [l, r] = [shared, shared];
  for (const [i, j] of [...matched.map(([i, j]) => [i + shared, j + shared]), [left.length, right.length]]) {
    for (; l < i && r < j; l++, r++) found.push({ left: l, right: r, how: "order" });
    for (; l < i; l++) found.push({ left: l, right: -1, how: "alone" });
    for (; r < j; r++) found.push({ left: -1, right: r, how: "alone" });
    if (i < left.length || j < right.length) found.push({ left: l++, right: r++, how: "text" });
  }
  return found;
}

/** @param {Gist} gist */
const said = (gist) => gist.said ?? "";

/**
 * How many turns both begin with: the same calls, or the same messages and answers.
 * @param {Gist[]} left
 * @param {Gist[]} right
 */
export function common(left, right) {
  let at = 0;
  while (at < left.length && at < right.length && same(left[at], right[at])) at++;
  return at;
}

/**
 * @param {Gist} a
 * @param {Gist} b
 */
function same(a, b) {
  const equal = (/** @type {string[]} */ x, /** @type {string[]} */ y) => x.length > 0 && x.length === y.length && x.every((id, i) => id === y[i]);
  return equal(a.calls, b.calls) || Boolean(a.messages && b.messages && equal(a.messages, b.messages));
}

/**
 * The most likeness in the same order (Needleman and Wunsch's table).
 * @param {string[]} left
 * @param {string[]} right
 * @returns {[number, number][]}
 */
function rows(left, right) {
  const [a, b] = [left.map(bag), right.map(bag)];
  const width = b.length + 1;
  const best = new Float32Array((a.length + 1) * width);
  const like = new Float32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      const found = alike(a[i], b[j]);
      like[at] = found >= LIKE ? found : 0;
      best[at] = Math.max(best[at + width], best[at + 1], like[at] ? like[at] + best[at + width + 1] : 0);
    }
  }
  /** @type {[number, number][]} */
  const found = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const at = i * width + j;
    if (like[at] && best[at] === Math.fround(like[at] + best[at + width + 1])) found.push([i++, j++]);
    else if (best[at] === best[at + width]) i++;
    else j++;
  }
  return found;
}

/**
 * @param {string} text
 * @returns {Set<string>}
 */
function bag(text) {
  return new Set(text.slice(0, 600).toLowerCase().match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}_]+/gu) ?? []);
}

/**
 * How much of their words two texts share, 0 to 1.
 * @param {Set<string>} a
 * @param {Set<string>} b
 */
function alike(a, b) {
  if (!a.size || !b.size) return 0;
  let both = 0;
  for (const word of a.size < b.size ? a : b) if ((a.size < b.size ? b : a).has(word)) both++;
  return (2 * both) / (a.size + b.size);
}

/**
 * The calls of two lists side by side, by a name in order: tools that both called, and those that only one did.
 * @template T
 * @param {T[]} left
 * @param {T[]} right
 * @param {(item: T) => string} name
 * @param {(a: string[], b: string[]) => import("./edits.js").Hunk[]} hunks
 * @returns {[T|null, T|null][]}
 */
export function beside(left, right, name, hunks) {
  /** @type {[T|null, T|null][]} */
  const found = [];
  let [l, r] = [0, 0];
  for (const [i, j, k, end] of [...hunks(left.map(name), right.map(name)), [left.length, left.length, right.length, right.length]]) {
    while (l < i && r < k) found.push([left[l++], right[r++]]);
    while (l < j) found.push([left[l++], null]);
    while (r < end) found.push([null, right[r++]]);
  }
  return found;
}
