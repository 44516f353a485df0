import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const from = (name) => import(new URL(`../../src/sessionary/ui/static/${name}.js`, import.meta.url));
const { parse } = await from("markdown");
const { inline } = await from("inline");
const format = await from("format");
const story = await from("story");

const cases = JSON.parse(readFileSync(new URL("cases.json", import.meta.url)));
for (const [name, pairs] of Object.entries(cases)) {
  test(`format.${name}`, () => {
    for (const [value, text] of pairs) assert.equal(format[name](value), text);
  });
}

test("ago", () => {
  const now = Date.parse("2026-11-24T14:00:00Z");
  const seconds = (s) => format.ago(new Date(now - s * 1000).toISOString(), now);
  assert.deepEqual([0, 12, 60, 3599, 7200, 3 * 86400].map(seconds), ["now", "12 s", "1 min", "59 min", "2 h", "3 d"]);
  assert.match(seconds(30 * 86400), /^2\d Oct$/);
  assert.equal(seconds(400 * 86400), "2025-10");
});

test("percentile", () => {
  assert.equal(format.percentile([], 0.5), null);
  assert.equal(format.percentile([3, 1, 2], 0.5), 2);
  assert.equal(format.percentile([...Array(100).keys()], 0.95), 95);
});

const one = (text) => parse(text)[0];

test("blocks", () => {
  assert.deepEqual(parse("# A\n\nb\nc\n\n---"), [
    { type: "heading", level: 1, children: ["A"] },
    { type: "paragraph", children: ["b", { type: "break" }, "c"] },
    { type: "rule" },
  ]);
  assert.deepEqual(one("```js\nlet a = `1`;\n\n<b>\n```\n"), { type: "code", lang: "js", text: "let a = `1`;\n\n<b>" });
  assert.deepEqual(one("```\nopen"), { type: "code", lang: "", text: "open" });
  assert.deepEqual(one("~~~~\n```\n~~~~").text, "```");
  assert.deepEqual(one("> a\n> > b").blocks[1].type, "quote");
  assert.equal(one("#no").type, "paragraph");
});

test("lists", () => {
  const list = one("- a\n  - b\n    - c\n- d\n\n  more\n\nend");
  assert.equal(list.items.length, 2);
  assert.equal(list.items[0].blocks[1].items[0].blocks[1].items[0].blocks[0].children[0], "c");
  assert.equal(list.items[1].blocks[1].children[0], "more");
  const ordered = one("3. a\n4. b\n\n   ```py\n   x = 1\n   ```\n5. c");
  assert.deepEqual([ordered.ordered, ordered.start, ordered.items.length], [true, 3, 3]);
  assert.deepEqual(ordered.items[1].blocks[1], { type: "code", lang: "py", text: "x = 1" });
  assert.deepEqual(one("- [x] done\n- [ ] open").items.map((i) => i.checked), [true, false]);
  assert.equal(parse("In 2024. That was\n1998. A year").length, 1);
  assert.deepEqual(parse("1. a\n\n2. b\n\ntext").map((b) => b.type), ["list", "paragraph"]);
});

test("tables", () => {
  const table = one("| a | b |\n|:--|--:|\n| 1 | `x` \\| 2 |\n| 3 |");
  assert.deepEqual(table.align, ["left", "right"]);
  assert.deepEqual(table.rows[0][1], [{ type: "code", text: "x" }, " | 2"]);
  assert.deepEqual(table.rows[1][1], []);
  assert.equal(one("a | b\nno divider").type, "paragraph");
});

test("inlines", () => {
  const kinds = (text) => inline(text).map((n) => (typeof n === "string" ? n : n.type));
  assert.deepEqual(inline("**a *b* c**"), [{ type: "strong", children: ["a ", { type: "em", children: ["b"] }, " c"] }]);
  assert.deepEqual(inline("***x***"), [{ type: "strong", children: [{ type: "em", children: ["x"] }] }]);
  assert.deepEqual(kinds("~~a~~ snake_case_name 2 * 3 * 4"), ["strike", " snake_case_name 2 * 3 * 4"]);
  assert.deepEqual(kinds("**open and *lost"), ["**open and *lost"]);
  assert.deepEqual(inline("`` a`b `` \\*x\\*"), [{ type: "code", text: "a`b" }, " *x*"]);
  assert.deepEqual(inline("[t](https://a.b/c_(d) \"x\")")[0], { type: "link", url: "https://a.b/c_(d)", children: ["t"] });
  assert.deepEqual(inline("![p](https://a.b/i.png)")[0], { type: "image", url: "https://a.b/i.png", alt: "p" });
  assert.deepEqual(inline("see https://a.b/c.")[1].url, "https://a.b/c");
  assert.deepEqual(inline("(https://a.b/c)")[1].url, "https://a.b/c");
  assert.deepEqual(kinds("<script>alert(1)</script>"), ["<script>alert(1)</script>"]);
  assert.deepEqual(kinds("a[0] and b](c)"), ["a[0] and b](c)"]);
});

test("nothing is lost", () => {
  const flat = (nodes) => nodes.map((n) => (typeof n === "string" ? n : n.text ?? n.alt ?? flat(n.children ?? []))).join("");
  for (const text of ["a **b", "x ]( y", "[a](b c d)", "**", "***", "_", "`", "![", "a\\", "<http", "https://", "[]()", "* *"]) {
    assert.ok(flat(inline(text)).length >= text.replace(/[\\*_`[\]()!]/g, "").length, text);
  }
});

test("hostile lengths stay quick", () => {
  const n = 20_000;
  const texts = ["*", "**a", "_a ", "[", "![", "](", "[a](", "`", "` `` ", "<http", "https://a ", "> ", "- ", "  - a\n", "|", "|-", "#", "\\", "*a_b~~", "((((", "```\n", "1. "].flatMap((part) => [
    part.repeat(n / part.length),
    `${part.repeat(n / part.length)}\n${part.repeat(20)}`,
  ]);
  texts.push(Array.from({ length: 190 }, (_, i) => "`".repeat(i + 1)).join(" "), "[a](" + "(".repeat(n), "a\n".repeat(n), "> ".repeat(5000) + "a");
  for (const text of texts) {
    const began = performance.now();
    parse(text);
    const took = performance.now() - began;
    assert.ok(took < 1500, `${JSON.stringify(text.slice(0, 12))}: ${took} ms`);
  }
});

const call = (turn, at, more = {}) => ({
  call: { id: `c${at}`, turn, created_at: new Date(at * 1000).toISOString(), duration_ms: 1000, status: "ok", cost: 0.5, input_tokens: 10, output_tokens: 1, endpoint: "chat/completions", ...more },
  messages: [],
  output: null,
  system: [],
  resent: 0,
  retry: false,
});

test("results find their calls, also when ids come again", () => {
  const ask = () => ({ role: "assistant", pieces: [{ type: "tool_call", id: "t1", name: "look" }] });
  const got = () => ({ role: "tool", pieces: [{ type: "tool_result", id: "t1", content: [] }] });
  const calls = [call(1, 0), call(1, 2), call(2, 4), call(2, 6)];
  calls[0].output = ask();
  calls[1].messages = [got()];
  calls[2].output = ask();
  calls[3].messages = [got(), got()];
  story.pair(calls);
  assert.equal(calls[0].output.pieces[0].result, calls[1].messages[0].pieces[0]);
  assert.equal(calls[2].output.pieces[0].result, calls[3].messages[0].pieces[0]);
  assert.equal(calls[3].messages[1].pieces[0].owner, undefined);
});

test("turns and pauses", () => {
  const calls = [call(1, 0), call(1, 5, { status: "upstream_error" }), call(2, 10), call(2, 700, { status: "live", duration_ms: null, cost: null })];
  calls[0].messages = [{ role: "user", pieces: [{ type: "text", text: "## **Do** it" }] }];
  const stops = story.rail(calls);
  assert.deepEqual(stops.map((s) => s.kind), ["turn", "turn", "idle", "turn"]);
  assert.deepEqual([stops[0].said, stops[0].ms, stops[0].cost, stops[0].failed, stops[0].calls], ["Do it", 2000, 1, 1, [0, 1]]);
  assert.equal(stops[2].ms, 689_000);
  assert.equal(stops[3].status, "live");
  assert.equal(stops[3].cost, null);
});

test("timeline folds pauses and keeps parallel calls apart", async () => {
  const { lay } = await from("timeline");
  const calls = [call(1, 0), call(1, 0.2), call(2, 3600)];
  const { bars, folds, length } = lay(calls, Date.now());
  assert.deepEqual(bars.map((b) => b.lane), [0, 1, 0]);
  assert.equal(folds.length, 1);
  assert.ok(length < 5000);
  const many = lay(Array.from({ length: 5000 }, (_, i) => call(i, i * 3)), Date.now());
  assert.ok(many.bars.length <= 240);
});

test("a person's words, and the notes around them", async () => {
  const { parts, words } = await from("speech");
  assert.deepEqual(parts("a < b"), [{ tag: "", text: "a < b" }]);
  assert.deepEqual(parts("<system-reminder>\nx\n</system-reminder>\nDo it <b>now</b>"), [
    { tag: "system-reminder", text: "x" },
    { tag: "", text: "Do it <b>now</b>" },
  ]);
  assert.deepEqual(parts("Do <environment_context>never closed"), [
    { tag: "", text: "Do" },
    { tag: "environment_context", text: "never closed" },
  ]);
  assert.equal(words("<system-reminder>a <system-reminder> b</system-reminder>yes<user_info>me</user_info>"), "yes");
  const began = performance.now();
  parts("<system-reminder>".repeat(20_000));
  assert.ok(performance.now() - began < 1500);
});

test("items of one speaker are one message", async () => {
  const { grouped } = await from("speech");
  const say = (role, text) => ({ role, pieces: [{ type: "text", text }] });
  const found = grouped([say("user", "a"), say("user", "b"), say("assistant", "c"), say("assistant", "d"), say("user", "e"), say("assistant", "f")]);
  assert.deepEqual(found.map((m) => [m.role, m.pieces.length]), [["user", 1], ["user", 1], ["assistant", 2], ["user", 1], ["assistant", 1]]);
});

const node = (id, more = {}) => ({ id, call_id: id, attempts: [id], parent: null, branch: null, agent: "", side: false, turn: 1, ...more });
const agent = (id, at) => ({ id, name: `the ${id}`, node: at, status: "ok", total: { calls: 2, input_tokens: 20, output_tokens: 2, cost: 1, active_ms: 2000 } });
const named = (id, at, more = {}) => ({ ...call(1, at), call: { ...call(1, at).call, id, ...more } });
const drawn = (items) => items.map((i) => `${"  ".repeat(i.folds.length)}${i.kind === "fold" ? i.key : i.index}`);

test("what belongs to a request is folded under it", async () => {
  const { outline, visible } = await from("outline");
  const calls = "abcdefgh".split("").map((id, n) => named(id, n));
  const tree = {
    nodes: [node("a"), node("b", { side: true }), node("c", { side: true }), node("d", { attempts: ["d", "e"], call_id: "e", parent: "a" }), node("f", { agent: "one" }), node("g", { agent: "two" }), node("h", { agent: "one", parent: "f" })],
    branches: [],
    agents: [agent("one", "a"), agent("two", "f")],
  };
  const items = outline(calls, tree);
  const all = ["0", "agent one", "  5", "  agent two", "    6", "  7", "side b", "  1", "  2", "4", "attempts d", "  3"];
  assert.deepEqual(drawn(items), all);
  assert.deepEqual(items[1].calls, [5, 6, 7]);
  assert.deepEqual(drawn(visible(items, new Set())), ["0", "agent one", "side b", "4", "attempts d"]);
  assert.deepEqual(drawn(visible(items, new Set(["agent two"]))), ["0", "agent one", "side b", "4", "attempts d"]);
  assert.deepEqual(items.find((i) => i.attempt)?.attempt, { nth: 1, of: 2 });
  assert.deepEqual([items[2].nth, items[5].nth], [1, 2]);
  const stops = story.rail(calls, items);
  assert.deepEqual(stops.map((s) => [s.kind, s.depth ?? s.calls, s.beside]), [["turn", [0, 4, 3], [1, 2]], ["agent", 1, undefined], ["agent", 2, undefined]]);
  assert.deepEqual([stops[1].cost, stops[1].count, stops[1].tokens], [1, 2, 22]);
});

test("a reader is told what a call goes on from, where that is not above it", async () => {
  const { outline } = await from("outline");
  const calls = [named("a", 0), named("b", 1), named("b2", 2, { parent_id: "a" }), named("c", 3, { parent_id: "b" }), named("d", 4, { parent_id: "a" }), named("e", 5, { parent_id: "c" })];
  const tree = {
    nodes: [node("a"), node("b", { attempts: ["b", "b2"], call_id: "b2", parent: "a" }), node("c", { parent: "b" }), node("d", { parent: "a" }), node("e", { parent: "c" })],
    branches: [{ id: "a", fork: null, fork_call: null }, { id: "d", fork: "a", fork_call: "a" }],
    agents: [],
  };
  const told = outline(calls, tree).filter((i) => i.kind === "call" && !i.attempt).map((i) => [i.index, i.after, i.begins]);
  assert.deepEqual(told, [[0, null, false], [2, null, false], [3, 1, false], [4, 0, true], [5, 3, false]]);
});

test("agents that started each other, or nobody knows from where, are shown all the same", async () => {
  const { outline } = await from("outline");
  const calls = "abcd".split("").map((id, n) => named(id, n));
  const tree = {
    nodes: [node("a", { agent: "x" }), node("b", { agent: "y" }), node("c", { agent: "z" })],
    branches: [{ id: "b", fork: "gone", fork_call: null }],
    agents: [agent("x", "b"), agent("y", "a"), agent("z", "gone"), agent("w", null)],
  };
  const shown = drawn(outline(calls, tree)).filter((line) => !line.includes("agent"));
  assert.deepEqual(shown.map((line) => line.trim()).sort(), ["0", "1", "2", "3"]); // the last is not in the tree yet
  const chain = Array.from({ length: 5000 }, (_, n) => named(`n${n}`, n));
  const deep = { nodes: chain.map((c, n) => node(c.call.id, { agent: n ? `g${n}` : "" })), branches: [], agents: chain.slice(1).map((_, n) => agent(`g${n + 1}`, `n${n}`)) };
  const began = performance.now();
  const items = outline(chain, deep);
  assert.equal(items.filter((i) => i.kind === "call").length, 5000);
  assert.ok(performance.now() - began < 1500);
});

test("the address of a session's page names it", async () => {
  const { named: id } = await from("why");
  assert.equal(id(" my/id "), "my/id");
  assert.equal(id("https://a.b:4000/ui/sessions/ses_1?tab=why#call_2"), "ses_1");
  assert.equal(id("http://a/ui/sessions/a%2Fb"), "a/b");
  assert.equal(id("http://a/ui/sessions/%"), "http://a/ui/sessions/%");
});

test("what came where nothing was said", () => {
  const piece = (p) => story.rail([{ ...call(1, 0), messages: [{ role: "user", pieces: [p] }] }])[0].said;
  assert.equal(piece({ type: "tool_result", id: "x", owner: "look" }), "the result of look");
  assert.equal(piece({ type: "other", value: { type: "mcp_approval_response" } }), "mcp approval response");
  assert.equal(piece({ type: "image" }), "image");
});
