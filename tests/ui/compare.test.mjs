import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const from = (name) => import(new URL(`../../src/sessionary/ui/static/${name}.js`, import.meta.url));
const { align, beside, common } = await from("compare-align");
const { hunks } = await from("edits");
const { alike, needed, said } = await from("compare-said");
const { answer, parts } = await from("compare-request");
const { delta, METRICS } = await from("delta");
const { branches, kept, sums, turns } = await from("compare-turns");

const gist = (said, more = {}) => ({ calls: [`call ${said} ${Math.random()}`], messages: null, said, ...more });
const told = (list) => list.map((text) => gist(text));
const drawn = (pairs) => pairs.map(({ left, right, how }) => `${left < 0 ? "-" : left}${right < 0 ? "-" : right} ${how}`);

test("every turn of either side comes once, in order", () => {
  const words = ["index", "export", "backup", "report", "please", "now", "again", ""];
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 300; round++) {
    const side = () => told(Array.from({ length: Math.floor(random() * 12) }, () => Array.from({ length: Math.floor(random() * 4) }, () => words[Math.floor(random() * words.length)]).join(" ")));
    const [left, right] = [side(), side()];
    const pairs = align(left, right);
    assert.deepEqual(pairs.map((pair) => pair.left).filter((at) => at >= 0), left.map((_, i) => i));
    assert.deepEqual(pairs.map((pair) => pair.right).filter((at) => at >= 0), right.map((_, i) => i));
    assert.ok(pairs.every(({ left, right, how }) => (left < 0 || right < 0) === (how === "alone")));
  }
});

test("what is in common is known by calls, or by messages", () => {
  const shared = gist("a", { calls: ["1"], messages: ["x"] });
  assert.equal(common([shared, gist("b")], [gist("a", { calls: ["1"] }), gist("b")]), 1);
  assert.equal(common([shared], [gist("a", { calls: ["2"], messages: ["x"] })]), 1);
  assert.equal(common([shared], [gist("a", { calls: ["2"], messages: ["y"] })]), 0);
  assert.equal(common([gist("a", { messages: [] })], [gist("a", { messages: [] })]), 0);
});

test("the rest is matched by what was said, and what is left by its place", () => {
  const left = told(["Add an index to the orders table", "Is the backup slow?", "Write the ticket"]);
  const right = told(["Add the index to the orders", "Write the ticket now"]);
  assert.deepEqual(drawn(align(left, right)), ["00 text", "1- alone", "21 text"]);
  assert.deepEqual(drawn(align(told(["yes, go ahead"]), told(["no, cancel it"]))), ["00 order"]);
  assert.deepEqual(drawn(align([], told(["a"]))), ["-0 alone"]);
  assert.deepEqual(drawn(align(told(["東京に行きたい"]), told(["東京に行きたくない"]))), ["00 text"]);
});

test("turns that are not known yet are matched by their place", () => {
  const left = [gist("a"), gist(null), gist(null)];
  const right = [gist("a"), gist(null)];
  assert.deepEqual(drawn(align(left, right)), ["00 text", "11 order", "2- alone"]);
});

test("very many turns", { timeout: 20_000 }, () => {
  const many = (n) => told(Array.from({ length: n }, (_, i) => `step ${i} of it`));
  assert.equal(align(many(3000), many(2990)).length, 3000);
});

test("tools beside each other", () => {
  assert.deepEqual(beside(["read", "edit", "run"], ["read", "run", "ask"], (name) => name, hunks), [["read", "read"], ["edit", null], ["run", "run"], [null, "ask"]]);
});

const call = (id, more = {}) => ({ id, status: "ok", model: "m", cost: 1, duration_ms: 10, ttft_ms: 5, input_tokens: 2, cached_tokens: 1, output_tokens: 1, reasoning_tokens: 0, ...more });
const BRANCHES = JSON.parse(readFileSync(new URL("branches.json", import.meta.url)));

test("a side is one way through each conversation, with the agents that were started on it", () => {
  assert.deepEqual(branches(BRANCHES.tree).map(({ id }) => id), BRANCHES.choices);
  for (const [branch, ids] of Object.entries(BRANCHES.kept)) assert.equal(kept(BRANCHES.tree, branch).map(({ id }) => id).join(""), ids);
});

test("agents, attempts and calls for a title count to the turn that they belong to", () => {
  const calls = ["1", "2", "2b", "a", "t", "3", "y", "4"].map((id) => call(id, id === "2" ? { status: "upstream_error", cost: null } : {}));
  const nodes = BRANCHES.tree.nodes.slice(0, 7).map((node) => (node.id === "2" ? { ...node, attempts: ["2", "2b"], call_id: "2b" } : node));
  const found = turns(calls, { ...BRANCHES.tree, nodes }, "b1");
  assert.deepEqual(found.map(({ number, calls }) => [number, calls.map(({ id }) => id).join(" ")]), [[1, "1"], [2, "2 2b a t"]]);
  assert.deepEqual([found[1].spoken, found[1].asked], [["2b"], ["2"]]);
  assert.deepEqual([found[1].sums.errors, found[1].sums.cost, found[1].sums.unpriced], [1, 3, 1]);
  assert.equal(sums([call("1", { cost: null, duration_ms: null, ttft_ms: null })]).cost, null);
});

test("calls for a title that come first are of the first turn, and are one where there is no other", () => {
  const side = { ...BRANCHES.tree.nodes[0], id: "s", call_id: "s", attempts: ["s"], side: true, turn: 0, branch: null, parent: null };
  const tree = (nodes) => ({ ...BRANCHES.tree, nodes });
  const first = turns([call("s"), call("1")], tree([side, BRANCHES.tree.nodes[0]]), "");
  assert.deepEqual(first.map(({ number, calls, spoken }) => [number, calls.map(({ id }) => id).join(" "), spoken]), [[1, "s 1", ["1"]]]);
  assert.deepEqual(turns([call("s")], tree([side]), "").map(({ number, calls }) => [number, calls.length]), [[0, 1]]);
});

const metric = (name) => METRICS.find((one) => one.name === name);

test("a difference says what is better, in words", () => {
  assert.deepEqual(delta(metric("cost"), 0.1, 0.05), { text: "−$0.050 · −50% · cheaper", mood: "better" });
  assert.deepEqual(delta(metric("time"), 1000, 3000), { text: "+2.0 s · +200% · slower", mood: "worse" });
  assert.deepEqual(delta(metric("failed"), 0, 2), { text: "+2 · more", mood: "worse" });
  assert.deepEqual(delta(metric("input"), 1000, 1001), { text: "+1 · +<1% · more", mood: "other" });
  assert.deepEqual(delta(metric("cached"), 80, 90), { text: "+10 points · better cached", mood: "better" });
  assert.deepEqual(delta(metric("cost"), null, 1), { text: "not known of both", mood: "other" });
  assert.deepEqual(delta(metric("calls"), 2, 2), { text: "the same", mood: "same" });
  assert.deepEqual(delta(metric("time"), 88.1, 88.4), { text: "the same", mood: "same" });
  assert.deepEqual(delta(metric("cost"), 0.0121, 0.0122), { text: "the same", mood: "same" });
});

test("what a turn says", () => {
  const turn = { key: "1", number: 1, calls: [call("1"), call("2", { status: "timeout", error: { message: "too slow" } })], spoken: ["1", "2"], asked: ["1", "2"], sums: sums([]) };
  const added = {
    1: { call: call("1"), system: [], messages: [{ role: "user", pieces: [{ type: "text", text: "<system-reminder>x</system-reminder>Do it" }, { type: "image", name: "a.png" }] }], output: { role: "assistant", pieces: [{ type: "tool_call", name: "run", arguments: '{"a": 1}', result: { content: [{ type: "text", text: "ok" }] } }] } },
    2: { call: call("2"), system: [], messages: [{ role: "tool", pieces: [] }], output: { role: "assistant", pieces: [{ type: "reasoning", text: "hm" }, { type: "text", text: "Done." }] } },
  };
  const one = said(turn, (id) => added[id]);
  assert.deepEqual(one, { system: "", user: "Do it\n\n[a.png]", answer: "Done.", tools: [{ name: "run", arguments: { a: 1 }, result: "ok", failed: false }], trouble: "timeout: too slow", known: true, left: 0 });
  assert.ok(alike(one, said(turn, (id) => added[id])));
  assert.ok(!alike(one, said(turn, () => undefined)));
  const long = { ...turn, spoken: Array.from({ length: 100 }, (_, i) => `s${i}`), asked: Array.from({ length: 100 }, (_, i) => `s${i}`) };
  assert.deepEqual([needed(long, 3), said(long, () => undefined, 3).left], [["s0", "s1", "s2", "s99"], 96]);
});

test("a request's parts, in each format", () => {
  const tool = { name: "look", input_schema: {} };
  const chat = parts({ model: "m", temperature: 1, messages: [{ role: "system", content: "Be kind" }, { role: "user", content: [{ type: "text", text: "Hi" }] }, { role: "assistant", content: null, tool_calls: [{ function: { name: "look", arguments: '{"q":1}' } }] }], tools: [{ type: "function", function: { name: "look" } }] });
  assert.deepEqual(chat.settings, { model: "m", temperature: 1 });
  assert.deepEqual([chat.system, chat.messages[0].text, chat.messages[1].text, Object.keys(chat.tools)], ["Be kind", "Hi", 'look({\n  "q": 1\n})', ["look"]]);
  const messages = parts({ system: [{ type: "text", text: "Be kind" }], messages: [{ role: "user", content: "Hi" }, { role: "assistant", content: [{ type: "tool_use", name: "look", input: { q: 1 } }] }, { role: "user", content: [{ type: "tool_result", content: [{ type: "text", text: "seen" }] }] }], tools: [tool] });
  assert.deepEqual([messages.system, ...messages.messages.map(({ text }) => text)], ["Be kind", "Hi", 'look({\n  "q": 1\n})', "seen"]);
  const responses = parts({ instructions: "Be kind", input: [{ type: "message", role: "user", content: "Hi" }, { type: "function_call", name: "look", arguments: "{}" }, { type: "function_call_output", output: "seen" }] });
  assert.deepEqual([responses.system, ...responses.messages.map(({ role, text }) => `${role}: ${text}`)], ["Be kind", "user: Hi", "function_call: look({})", "function_call_output: seen"]);
  assert.deepEqual(parts({ input: "Hi" }).messages, [{ role: "user", text: "Hi" }]);
  assert.deepEqual(parts(null), { settings: {}, system: "", tools: {}, messages: [] });
  assert.deepEqual(parts({ messages: [null, 1, { role: 7 }], tools: [null, "x"] }).messages.length, 3);
});

test("an answer, in each format", () => {
  assert.equal(answer({ choices: [{ message: { content: "Hi" } }] }), "Hi");
  assert.equal(answer({ choices: [{ text: "Hi" }] }), "Hi");
  assert.equal(answer({ content: [{ type: "text", text: "Hi" }, { type: "tool_use", name: "f", input: {} }] }), "Hi\n\nf({})");
  assert.equal(answer({ output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi" }] }] }), "Hi");
  assert.equal(answer({ error: 1 }), '{\n  "error": 1\n}');
});
