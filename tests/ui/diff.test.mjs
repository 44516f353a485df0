import assert from "node:assert/strict";
import { test } from "node:test";

const from = (name) => import(new URL(`../../src/sessionary/ui/static/${name}.js`, import.meta.url));
const { json, lines, words } = await from("diff");
const { hunks } = await from("edits");

/** Numbers in [0, 1) that are the same in every run. */
function lot(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PARTS = ["the", "a", " ", " ", "\n", "fish", "漢字", "é", "🐟", "\ud800", ".", "x_1", "\t", "\r\n", "{", "0"];
const text = (random, most) => Array.from({ length: Math.floor(random() * most) }, () => PARTS[Math.floor(random() * PARTS.length)]).join("");
const side = (changes, not) => changes.filter(({ kind }) => kind !== not).map((change) => change.text).join("");

for (const [name, diff] of Object.entries({ lines, words })) {
  test(`${name}: what is the same and gone is the first text, what is the same and new the second`, () => {
    for (let seed = 0; seed < 250; seed++) {
      const random = lot(seed);
      const a = text(random, 80);
      const at = Math.floor(random() * a.length);
      const b = seed % 2 ? text(random, 80) : a.slice(0, at) + text(random, 9) + a.slice(at + Math.floor(random() * 20));
      const changes = diff(a, b);
      assert.equal(side(changes, "add"), a);
      assert.equal(side(changes, "del"), b);
      assert.ok(changes.every((change) => change.text));
      assert.ok(changes.every(({ kind }, i) => kind !== changes[i + 1]?.kind));
      if (a === b) assert.deepEqual(changes, a ? [{ kind: "same", text: a }] : []);
    }
  });
}

test("words: a phrase stays whole, the rest is told apart", () => {
  assert.deepEqual(words("It costs 5 euro today.", "It costs seven dollars today."), [
    { kind: "same", text: "It costs " },
    { kind: "del", text: "5 euro" },
    { kind: "add", text: "seven dollars" },
    { kind: "same", text: " today." },
  ]);
  assert.deepEqual(words("東京に行く", "京都に行く").filter(({ kind }) => kind === "same").at(-1), { kind: "same", text: "に行く" });
});

test("lines: whole lines", () => {
  assert.deepEqual(lines("a\nb\nc", "a\nx\nc"), [
    { kind: "same", text: "a\n" },
    { kind: "del", text: "b\n" },
    { kind: "add", text: "x\n" },
    { kind: "same", text: "c" },
  ]);
});

/** The length of the longest common subsequence, by the textbook. */
function common(a, b) {
  const row = new Array(b.length + 1).fill(0);
  for (const token of a) {
    let corner = 0;
    for (let j = 1; j <= b.length; j++) [corner, row[j]] = [row[j], token === b[j - 1] ? corner + 1 : Math.max(row[j], row[j - 1])];
  }
  return row[b.length];
}

test("of short lists no more is changed than must be", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = lot(seed);
    const list = () => Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * (2 + (seed % 9))));
    const [a, b] = [list(), list()];
    const gone = hunks(a, b).reduce((sum, [i, j]) => sum + j - i, 0);
    assert.equal(a.length - gone, common(a, b));
  }
});

const HOSTILE = {
  "nothing in common": (n) => [Array.from({ length: n }, (_, i) => i), Array.from({ length: n }, (_, i) => -1 - i)],
  "two words in any order": (n) => [lot(1), lot(2)].map((random) => Array.from({ length: n }, () => Math.floor(random() * 2))),
  "back to front": (n) => [Array.from({ length: n }, (_, i) => i), Array.from({ length: n }, (_, i) => n - i)],
  "the halves swapped": (n) => [Array.from({ length: n }, (_, i) => i), Array.from({ length: n }, (_, i) => (i + n / 2) % n)],
  "one word, but for the end": (n) => [Array(n).fill(7), [...Array(n / 2).fill(7), 8, ...Array(n).fill(7)]],
  "every second one is new": (n) => [Array.from({ length: n }, (_, i) => i), Array.from({ length: n }, (_, i) => (i % 2 ? i : -i - 1))],
  "shuffled": (n) => [lot(3), lot(4)].map((random) => Array.from({ length: n }, (_, i) => [random(), i]).sort((x, y) => x[0] - y[0]).map(([, i]) => i)),
};

for (const [name, make] of Object.entries(HOSTILE)) {
  // The square of the length would be forty billion steps.
  test(`the work grows with the length: ${name}`, { timeout: 30_000 }, () => {
    const [a, b] = make(200_000);
    const made = [];
    let at = 0;
    for (const [i, j, k, l] of hunks(a, b)) {
      assert.ok(i >= at && j >= i && l >= k);
      for (; at < i; at++) made.push(a[at]);
      for (let place = k; place < l; place++) made.push(b[place]);
      at = j;
    }
    for (; at < a.length; at++) made.push(a[at]);
    assert.ok(made.every((item, place) => item === b[place]) && made.length === b.length);
  });
}

test("a long text without a blank, and one of blanks", { timeout: 30_000 }, () => {
  const long = "x".repeat(3_000_000);
  assert.equal(words(long, `${long}y`).length, 2);
  const random = lot(5);
  const [a, b] = [0, 1].map(() => Array.from({ length: 600_000 }, () => PARTS[Math.floor(random() * PARTS.length)]).join(""));
  const changes = words(a, b);
  assert.equal(side(changes, "add"), a);
  assert.equal(side(changes, "del"), b);
});

/** Does the steps. */
function apply(value, steps) {
  let whole = structuredClone(value);
  const places = steps.map(({ path }) => path.slice(0, -1).join("\0"));
  for (let i = 0; i < steps.length; i++) {
    let to = i;
    while (steps[to + 1]?.kind === "del" && steps[i].kind === "del" && places[to + 1] === places[i]) to++;
    for (let at = to; at >= i; at--) whole = step(whole, steps[at]);
    i = to;
  }
  return whole;
}

function step(whole, { path, kind, after }) {
  if (!path.length) return after;
  const last = path.at(-1);
  const holder = path.slice(0, -1).reduce((value, part) => value[part], whole);
  if (!Array.isArray(holder)) {
    if (kind === "del") delete holder[last];
    else Object.defineProperty(holder, last, { value: after, enumerable: true, writable: true, configurable: true });
  } else if (kind === "change") holder[last] = after;
  else holder.splice(last, kind === "del" ? 1 : 0, ...(kind === "del" ? [] : [structuredClone(after)]));
  return whole;
}

function anything(random, deep = 0) {
  const kind = Math.floor(random() * (deep > 3 ? 4 : 7));
  if (kind < 4) return [null, random() < 0.5, Math.floor(random() * 3), ["", "a", "b"][Math.floor(random() * 3)]][kind];
  const parts = Array.from({ length: Math.floor(random() * 5) }, () => anything(random, deep + 1));
  return kind < 6 ? parts : Object.fromEntries(parts.map((part) => [["a", "b", "c", "__proto__", "0"][Math.floor(random() * 5)], part]));
}

test("json: the steps done, the first value is the second", () => {
  for (let seed = 0; seed < 1000; seed++) {
    const random = lot(seed);
    const a = anything(random);
    const b = seed % 3 ? anything(random) : [a, anything(random), a];
    assert.deepStrictEqual(apply(a, json(a, b)), b);
    assert.deepEqual(json(a, structuredClone(a)), []);
  }
});

test("json: where, and what", () => {
  const a = { q: "refund", limit: 5, list: [1, 2, 3], gone: true };
  const b = { limit: 10, q: "refund", list: [0, 1, 3], come: null };
  assert.deepEqual(json(a, b), [
    { path: ["gone"], kind: "del", before: true },
    { path: ["come"], kind: "add", after: null },
    { path: ["limit"], kind: "change", before: 5, after: 10 },
    { path: ["list", 1], kind: "del", before: 2 },
    { path: ["list", 0], kind: "add", after: 0 },
  ]);
  assert.deepEqual(json(1, "1"), [{ path: [], kind: "change", before: 1, after: "1" }]);
  assert.deepEqual(json({ a: 1 }, [1])[0].kind, "change");
  assert.deepEqual(json({}, { constructor: 1 }), [{ path: ["constructor"], kind: "add", after: 1 }]);
});

test("json: however deep", () => {
  const deep = (end) => JSON.parse(`${'{"a":'.repeat(5000)}${end}${"}".repeat(5000)}`);
  const steps = json(deep(1), deep(2));
  assert.equal(steps.length, 1);
  assert.ok(steps[0].path.length <= 300);
});
