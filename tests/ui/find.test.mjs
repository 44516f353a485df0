// What is searched for, and the pieces of a call that have it.

import assert from "node:assert/strict";
import test from "node:test";
import { Sought, folded, pattern, places, strings } from "../../src/sessionary/ui/static/sought.js";

const all = (q, text) => [...folded(text).matchAll(pattern(new Sought(q).terms))].map(({ index, 0: found }) => text.slice(index, index + found.length));

test("the last word may be a beginning, others are whole", () => {
  assert.deepEqual(all("re", "refund a re-entry, are"), ["re", "re"]);
  assert.deepEqual(all("re fund", "refund re fund"), ["re", "fund"]);
  assert.deepEqual(all('"re"', "refund re"), ["re"]);
  assert.deepEqual(all('re "part 7"', "part 7, part 70, 7 re"), ["part 7", "re"]);
});

test("punctuation is between words, and nothing is syntax", () => {
  assert.deepEqual(all("find_charges", "find_charges find.charges findcharges"), ["find_charges", "find.charges"]);
  assert.deepEqual(all("(.*+ a|b", "a|b ab"), ["a|b"]);
  assert.deepEqual(all('"" . -', "anything"), []);
});

test("without accents, letter for letter", () => {
  assert.deepEqual(all("cafe", "Ein CAFÉ, İstanbul, 𝐀"), ["CAFÉ"]);
  for (const text of ["İıß", "ﬁ Ǆ", "e\u0301", "\ud800 x", "𝐀É"]) assert.equal(folded(text).length, text.length);
  assert.deepEqual(all("istanbul", "aİ İstanbul"), ["İstanbul"]);
});

test("every name and text of a value, in order and at any depth", () => {
  assert.deepEqual(strings({ a: ["b", { c: 1 }], d: null, e: false }), ["a", "b", "c", "1", "d", "e", "false"]);
  let deep = "end";
  for (let n = 0; n < 50_000; n++) deep = [deep];
  assert.deepEqual(strings(deep), ["end"]);
});

test("places are those that have most; a result is where its tool's call is", () => {
  const text = (words) => ({ type: "text", text: words });
  const result = { type: "tool_result", id: "t", content: [text("one two")], owner: "f", home: "call_1" };
  const added = { call: { id: "call_2" }, system: [], messages: [{ role: "tool", pieces: [result] }, { role: "user", pieces: [text("one")] }], output: { role: "assistant", pieces: [text("two one")] } };
  assert.deepEqual(places(added, new Sought("one two")).map(({ call, anchor }) => [call, anchor]), [["call_1", "call_1/answer"], ["call_2", "call_2/answer"]]);
  assert.equal(places(added, new Sought("one")).length, 3);
  assert.deepEqual(places(added, new Sought("three")), []);
});
