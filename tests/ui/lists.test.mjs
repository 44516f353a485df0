import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const from = (name) => import(new URL(`../../src/sessionary/ui/static/${name}.js`, import.meta.url));
const filter = await from("filter-text");
const completing = await from("complete");
const state = await from("list-state");
const plot = await from("plot");
const mark = await from("client-mark");
const cases = JSON.parse(readFileSync(new URL("clients.json", import.meta.url)));

const FIELDS = [
  { name: "model", kind: "text", help: "as it was asked for", suggests: true },
  { name: "status", kind: "choice", help: "", choices: ["live", "ok", "errors", "cut"] },
  { name: "cost", kind: "money", help: "dollars" },
  { name: "errors", kind: "number", help: "" },
  { name: "error", kind: "flag", help: "" },
  { name: "since", kind: "time", help: "" },
  { name: "first", kind: "time", help: "" },
];

test("terms and words", () => {
  const text = 'model:gpt*,"a, \\"b\\"" -cost>=0.5 refund "two words" -x a:b:c 3:x';
  const found = filter.tokens(text).map((t) => [t.negated ? "-" : "", t.field, t.op, t.values.map((v) => v.value)]);
  assert.deepEqual(found, [
    ["", "model", ":", ["gpt*", 'a, "b"']],
    ["-", "cost", ">=", ["0.5"]],
    ["", "", "", ["refund"]],
    ["", "", "", ["two words"]],
    ["-", "", "", ["x"]],
    ["", "a", ":", ["b:c"]],
    ["", "", "", ["3:x"]],
  ]);
  for (const { from, to } of filter.tokens(text)) assert.equal(text.slice(from, to).trim(), text.slice(from, to));
});

test("half of a term is still one", () => {
  for (const text of ["model:", "model:a,", '"open', 'model:"open', "-", "- a", "cost>", ",", ",,", '"', '""']) {
    const all = filter.tokens(text);
    assert.ok(all.length > 0, text);
    assert.equal(all.at(-1).to, text.length, text);
  }
});

test("a value is added and taken away", () => {
  assert.equal(filter.toggled("", "status", "ok"), "status:ok");
  assert.equal(filter.toggled("status:ok", "status", "errors"), "status:ok,errors");
  assert.equal(filter.toggled("a status:ok,errors b", "status", "OK"), "a status:errors b");
  assert.equal(filter.toggled("a status:ok b", "status", "ok"), "a b");
  assert.equal(filter.toggled("-status:ok", "status", "ok"), "-status:ok status:ok");
  assert.equal(filter.toggled("client:x", "client", 'Claude Code, "2"'), 'client:x,"Claude Code, \\"2\\""');
  assert.equal(filter.toggled('client:x,"Claude Code 2"', "client", "Claude Code 2"), "client:x");
  assert.deepEqual([...filter.chosen("status:ok,Errors -status:cut cost>1 status=live", "status")], ["ok", "errors", "live"]);
});

test("fields that are to have some value", () => {
  assert.deepEqual(filter.chosenFields('status:ok -model:x cost>1 key=a,b word status:cut text:"c"'), ["status", "key", "text"]);
});

test("a range of time takes the place of another", () => {
  assert.equal(filter.put("since:24h a until:2026-11-01", { since: "1h", until: "" }), "a since:1h");
  assert.equal(filter.put("constructor:x", { since: "", until: "" }), "constructor:x");
  assert.equal(filter.value("a since:2026-11-24T14:00:00Z", "since"), "2026-11-24T14:00:00Z");
  assert.equal(filter.value("a", "since"), "");
});

test("what is searched for", () => {
  assert.equal(filter.words('refund model:x -not text:order text:"two words" "and more"'), 'refund order "two words" "and more"');
});

const at = (text, caret = text.length) => completing.spot(text, caret, FIELDS);
const labels = (text, caret) => completing.options(at(text, caret), FIELDS).map((o) => o.label);

test("fields, operators and values are offered", () => {
  assert.deepEqual(labels("m"), ["model:"]);
  assert.deepEqual(labels("a co"), ["cost>"]);
  assert.deepEqual(labels("model"), ["model:", "model!="]);
  assert.deepEqual(labels("since"), ["since:"]);
  assert.deepEqual(labels("first"), ["first>", "first<"]);
  assert.deepEqual(labels("error"), ["error:", "errors>"]);
  assert.deepEqual(labels("status:"), ["live", "ok", "errors", "cut"]);
  assert.deepEqual(labels("status:ok,"), ["live", "errors", "cut"]);
  assert.deepEqual(labels("-status:e"), ["errors", "live"]);
  assert.deepEqual(labels("error:"), ["yes", "no"]);
  assert.deepEqual(labels("nothing:x"), []);
  assert.deepEqual(labels('"quoted mo'), []);
  assert.deepEqual(labels("").length, FIELDS.length);
  assert.deepEqual(labels("status:ok model:x", 3), ["status:"]);
});

test("an option is put in where the caret is", () => {
  const take = (text, index, caret = text.length) => completing.complete(text, at(text, caret), completing.options(at(text, caret), FIELDS)[index]);
  assert.deepEqual(take("a mo", 0), { text: "a model:", caret: 8 });
  assert.deepEqual(take("status:o", 0), { text: "status:ok ", caret: 10 });
  assert.deepEqual(take("status:o,cut b", 0, 8), { text: "status:ok,cut b", caret: 9 });
  const spot = at("model:cl");
  const [option] = completing.values(spot, ["gpt-4o", "claude 4"]);
  assert.equal(completing.complete("model:cl", spot, option).text, 'model:"claude 4" ');
});

test("the state is the address and back", () => {
  const given = state.read("?filter=a+b%3Ac&cols=turns&cols=cost&sort=-cost&cursor=x&evil=1");
  assert.deepEqual(given, { filter: "a b:c", sort: "-cost", cols: "turns,cost", project: "" });
  assert.equal(state.query(given), "?filter=a%20b:c&sort=-cost&cols=turns,cost");
  assert.equal(state.query(state.read("")), "");
  assert.equal(state.apiQuery(given, { limit: 5, cursor: "" }), "?filter=a%20b:c&sort=-cost&limit=5");
  const hostile = { filter: 'x&y=#"<>%+', sort: "", cols: "", project: "" };
  assert.deepEqual(state.read(state.query(hostile)), hostile);
  assert.deepEqual([state.ordered("-cost", "cost"), state.ordered("cost", "cost"), state.ordered("-a", "cost")], ["cost", "-cost", "-cost"]);
});

test("bars", () => {
  const bars = [
    { at: "", calls: 0, errors: 0, cost: 0 },
    { at: "", calls: 10, errors: 5, cost: 2 },
    { at: "", calls: 10_000, errors: 1, cost: null },
  ];
  const { bars: drawn, cost, most, dearest } = plot.drawn(bars, 300, 60);
  assert.deepEqual(drawn.map((b) => [b.x, b.height, b.failed]), [[0, 0, 0], [100, 2, 2], [200, 60, 2]]);
  assert.equal(cost.split(" ").length, 3);
  assert.deepEqual([most, dearest], [10_000, 2]);
  assert.equal(plot.drawn([], 300, 60).cost, "");
  assert.equal(plot.drawn(bars.map((b) => ({ ...b, cost: 0 })), 300, 60).cost, "");
});

test("times along the foot are round, and not too many", () => {
  const since = Date.parse("2026-11-24T14:03:00Z");
  for (const span of [60e3, 3600e3, 86400e3, 30 * 86400e3, 3 * 365 * 86400e3]) {
    const found = plot.times(since, since + span, 900);
    assert.ok(found.length >= 2 && found.length <= 9, `${span}: ${found.length}`);
    for (const { x, at } of found) assert.ok(Math.abs((at - since) / span - x / 900) < 1e-6);
  }
  assert.deepEqual(plot.times(5, 5, 900), []);
  assert.equal(plot.written(since + 123), "2026-11-24T14:03:00Z");
});

test("marks of programs", () => {
  for (const [client, shape, letters] of cases) assert.deepEqual([mark.shape(client), mark.letters(client)], [shape, letters], client);
});
