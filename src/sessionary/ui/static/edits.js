// Where two lists differ. Pure. Myers' shortest edits within a budget; past it the lists are cut where items that
// occur once in either line up (patience), and what has none of those is replaced whole. So the work stays in
// proportion to the length, and only how fine the difference is suffers from lists without likeness.

/** @typedef {[from: number, to: number, from: number, to: number]} Hunk a[i, j) became b[k, l) */

const BUDGET = 30_000; // steps for free; more in proportion to the length
const EDITS = 600; // Myers keeps the square of it
const DEEP = 12;

/**
 * Where two lists differ, by what `===` tells apart.
 * @param {(string|number)[]} a
 * @param {(string|number)[]} b
 * @returns {Hunk[]} in order, never touching
 */
export function hunks(a, b) {
  const numbers = new Map();
  const number = (/** @type {string|number} */ token) => {
    const known = numbers.get(token) ?? numbers.size;
    numbers.set(token, known);
    return known;
  };
  /** @type {Hunk[]} */
  const found = [];
  solve(Int32Array.from(a, number), Int32Array.from(b, number), 0, 0, 0, found);
  return found.reduce(joined, /** @type {Hunk[]} */ ([]));
}

/**
 * @param {Hunk[]} all
 * @param {Hunk} hunk
 */
function joined(all, hunk) {
  const last = all[all.length - 1];
  if (last && last[1] === hunk[0] && last[3] === hunk[2]) [last[1], last[3]] = [hunk[1], hunk[3]];
  else all.push(hunk);
  return all;
}

/**
 * @param {Int32Array} a
 * @param {Int32Array} b
 * @param {number} i where `a` begins in the whole
 * @param {number} k where `b` begins in the whole
 * @param {number} deep
 * @param {Hunk[]} found
 */
function solve(a, b, i, k, deep, found) {
  let start = 0;
  let [m, n] = [a.length, b.length];
  while (start < m && start < n && a[start] === b[start]) start++;
  while (m > start && n > start && a[m - 1] === b[n - 1]) [m, n] = [m - 1, n - 1];
  if (start === m && start === n) return;
  [a, b, i, k] = [a.subarray(start, m), b.subarray(start, n), i + start, k + start];
  if (!a.length || !b.length) return void found.push([i, i + a.length, k, k + b.length]);
  const edits = shortest(a, b, BUDGET + 8 * (a.length + b.length));
  if (edits) return void found.push(...edits.map(([p, q, r, s]) => /** @type {Hunk} */ ([i + p, i + q, k + r, k + s])));
  const anchors = deep < DEEP ? unique(a, b) : [];
  if (!anchors.length) return void found.push([i, i + a.length, k, k + b.length]);
  let [p, r] = [0, 0];
  for (const [q, s] of [...anchors, [a.length, b.length]]) {
    solve(a.subarray(p, q), b.subarray(r, s), i + p, k + r, deep + 1, found);
    [p, r] = [q + 1, s + 1];
  }
}

/**
 * Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy one.
 * @param {Int32Array} a
 * @param {Int32Array} b
 * @param {number} budget steps
 * @returns {Hunk[]|null} null where the budget is spent
 */
function shortest(a, b, budget) {
  const [m, n] = [a.length, b.length];
  const most = Math.min(m + n, EDITS);
  const ends = new Int32Array(2 * most + 3); // the furthest place in `a` on each diagonal
  /** @type {Int32Array[]} */
  const trace = [];
  for (let d = 0; d <= most; d++) {
    trace.push(ends.slice(most - d, most + d + 3));
    budget -= d + 1;
    for (let diagonal = -d; diagonal <= d; diagonal += 2) {
      const at = most + 1 + diagonal;
      const down = diagonal === -d || (diagonal !== d && ends[at - 1] < ends[at + 1]);
      let x = down ? ends[at + 1] : ends[at - 1] + 1;
      const from = x;
      while (x < m && x - diagonal < n && a[x] === b[x - diagonal]) x++;
      ends[at] = x;
      budget -= x - from;
      if (x >= m && x - diagonal >= n) return walked(trace, m, n);
    }
    if (budget < 0) return null;
  }
  return null;
}

/**
 * @param {Int32Array[]} trace of step d: diagonals -d - 1 to d + 1
 * @param {number} x
 * @param {number} y
 * @returns {Hunk[]}
 */
function walked(trace, x, y) {
  /** @type {Hunk[]} */
  const found = [];
  for (let d = trace.length - 1; d > 0; d--) {
    const ends = trace[d];
    const diagonal = x - y;
    const at = d + 1 + diagonal;
    const down = diagonal === -d || (diagonal !== d && ends[at - 1] < ends[at + 1]);
    const before = down ? ends[at + 1] : ends[at - 1];
    const beside = before - (down ? diagonal + 1 : diagonal - 1);
    found.push(down ? [before, before, beside, beside + 1] : [before, before + 1, beside, beside]);
    [x, y] = [before, beside];
  }
  return found.reverse().reduce(joined, /** @type {Hunk[]} */ ([]));
}

/**
 * The longest row of tokens that occur once in `a` and once in `b`, in the same order.
 * @param {Int32Array} a
 * @param {Int32Array} b
 * @returns {[number, number][]} places in `a` and `b`
 */
function unique(a, b) {
  const places = (/** @type {Int32Array} */ tokens) => {
    /** @type {Map<number, number>} */
    const found = new Map();
    tokens.forEach((token, at) => found.set(token, found.has(token) ? -1 : at));
    return found;
  };
  const [of, other] = [places(a), places(b)];
  const pairs = [...of].flatMap(([token, at]) => (at >= 0 && (other.get(token) ?? -1) >= 0 ? [[at, Number(other.get(token))]] : []));
  /** @type {number[]} the last pair of the best row of each length */
  const tops = [];
  /** @type {number[]} */
  const before = [];
  for (const [index, [, place]] of pairs.entries()) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tops[middle]][1] < place) low = middle + 1;
      else high = middle;
    }
    before[index] = low ? tops[low - 1] : -1;
    tops[low] = index;
  }
  /** @type {[number, number][]} */
  const row = [];
  for (let index = tops.length ? tops[tops.length - 1] : -1; index >= 0; index = before[index]) row.push([pairs[index][0], pairs[index][1]]);
  return row.reverse();
}
