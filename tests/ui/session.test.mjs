// The session page's pure parts: branches as lines, requests compared, answers that grow.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Contents } from "../../src/sessionary/ui/static/contents.js";
import { LANES, graph } from "../../src/sessionary/ui/static/graph.js";
import { grown } from "../../src/sessionary/ui/static/growing.js";
import { plain, speaker } from "../../src/sessionary/ui/static/story.js";
import { apart, brokenBy, same, since, written } from "../../src/sessionary/ui/static/request.js";

test("who answered is who speaks", () => {
  for (const [model, upstream_model, status, said] of JSON.parse(readFileSync(new URL("speakers.json", import.meta.url)))) {
    assert.equal(speaker({ model, upstream_model, status }), said, `${model} ${upstream_model}`);
  }
});

const stop = (path, fork = null) => ({ path, fork });
const hang = { path: null, fork: null, hangs: true };
const idle = { path: null, fork: null };

test("one branch is one line", () => {
  assert.deepEqual(graph([stop("a"), stop("a"), stop("a")]), [
    { lane: 0, through: [], above: false, below: true, out: [] },
    { lane: 0, through: [], above: true, below: true, out: [] },
    { lane: 0, through: [], above: true, below: false, out: [] },
  ]);
});

test("a branch leaves its fork, passes what is between, and ends", () => {
  const rows = graph([stop("a"), stop("a"), stop("b", 0), stop("b"), stop("a")]);
  assert.deepEqual(rows.map((row) => row.lane), [0, 0, 1, 1, 0]);
  assert.deepEqual(rows[0].out, [1]);
  assert.deepEqual(rows[1].through, [1]);
  assert.deepEqual(rows[2], { lane: 1, through: [0], above: true, below: true, out: [] });
  assert.deepEqual(rows[3], { lane: 1, through: [0], above: true, below: false, out: [] });
  assert.deepEqual(rows[4], { lane: 0, through: [], above: true, below: false, out: [] });
});

test("agents hang on their turn, pauses let the lines through", () => {
  const rows = graph([stop("a"), hang, idle, stop("a"), hang]);
  assert.deepEqual(rows[1].through, [0]);
  assert.deepEqual(rows[2].through, [0]);
  assert.equal(rows[3].below, true);
  assert.deepEqual(rows[4], { lane: 0, through: [], above: true, below: false, out: [] });
});

test("a lane is free again when its branch has ended", () => {
  const rows = graph([stop("a"), stop("b", 0), stop("a"), stop("c", 2), stop("a")]);
  assert.deepEqual(rows.map((row) => row.lane), [0, 1, 0, 1, 0]);
});

test("very many branches share the last lane", () => {
  const rows = graph([stop("a"), ...Array.from({ length: 40 }, (_, n) => stop(`b${n}`, 0)), stop("a")]);
  assert.ok(rows.every((row) => row.lane < LANES && row.through.every((lane) => lane < LANES)));
});

test("every line that comes in goes on above, and every line that goes on comes in below", () => {
  let seed = 7;
  const any = (n) => ((seed = (seed * 48271) % 2147483647), seed % n);
  for (let round = 0; round < 300; round++) {
    const stops = [stop("p0")];
    const paths = ["p0"];
    for (let n = 0; n < 12; n++) {
      const kind = any(5);
      if (kind === 0) stops.push(hang);
      else if (kind === 1) stops.push(idle);
      else if (kind === 2 && paths.length < LANES) {
        const turns = stops.flatMap(({ path }, at) => (path === null ? [] : [at]));
        paths.push(`p${paths.length}`);
        stops.push(stop(paths.at(-1), turns[any(turns.length)]));
      } else stops.push(stop(paths[any(paths.length)]));
    }
    const rows = graph(stops);
    const isTurn = (at) => stops[at].path !== null;
    const bottom = (at) => new Set([...rows[at].through, ...rows[at].out, ...(isTurn(at) && rows[at].below ? [rows[at].lane] : [])]);
    const top = (at) => new Set([...rows[at].through, ...(rows[at].above && (isTurn(at) || stops[at].hangs) ? [rows[at].lane] : [])]);
    for (let at = 1; at < rows.length; at++) {
      if (stops[at].hangs || stops[at - 1].hangs) continue; // a twig may begin where no line runs
      assert.deepEqual([...bottom(at - 1)].sort(), [...top(at)].sort(), JSON.stringify(stops));
    }
  }
});

test("a request by its parts, in three formats", () => {
  const tools = [{ name: "look" }];
  assert.deepEqual(apart({ model: "m", messages: [1], tools }), { settings: { model: "m" }, tools, system: [], messages: [1] });
  assert.deepEqual(apart({ input: "hi", instructions: "be brief" }), { settings: {}, tools: [], system: ["be brief"], messages: ["hi"] });
  assert.deepEqual(apart({ system: [{ text: "s" }], messages: [] }).system, [{ text: "s" }]);
  assert.deepEqual(apart(undefined).messages, []);
});

test("where the cached beginning ends", () => {
  const before = { model: "m", tools: [{ name: "a" }], system: "s", messages: ["1", "2"] };
  const after = (change) => brokenBy(apart(before), apart({ ...before, messages: ["1", "2", "3"], ...change }));
  assert.equal(after({}), null);
  assert.equal(after({ model: "n" }), "model");
  assert.equal(after({ tools: [] }), "tools");
  assert.equal(after({ system: "t" }), "system");
  assert.equal(after({ messages: ["1", "3"] }), "messages");
  assert.equal(after({ temperature: 1 }), null);
  assert.deepEqual(since(["1", "2"], ["1", "3", "4"]), { common: 1, gone: ["2"], came: ["3", "4"] });
});

test("marks for the cache are no part of what is cached", () => {
  const message = { role: "user", content: [{ type: "text", text: "x" }] };
  const marked = { role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] };
  assert.ok(same(message, marked));
});

test("all that is written in a message", () => {
  assert.equal(written({ role: "user", content: [{ type: "text", text: "a" }, { type: "tool_result", content: "b" }] }), "a\n\nb");
  assert.equal(written("plain"), "plain");
});

test("an answer grows piece by piece, and is told again from its beginning", () => {
  const first = grown(null, [{ index: 0, type: "reasoning", from: 0, text: "Let me" }]);
  const more = grown(first, [{ index: 0, type: "reasoning", from: 6, text: " see" }, { index: 1, type: "text", from: 0, text: "Yes" }]);
  assert.deepEqual(more.pieces.map(({ type, text }) => [type, text]), [["reasoning", "Let me see"], ["text", "Yes"]]);
  const again = grown(more, [{ index: 1, type: "text", from: 0, text: "Yes, so" }]);
  assert.equal(again.pieces[1].text, "Yes, so");
  assert.equal(more.pieces[1].text, "Yes", "what was shown is not changed beneath");
  const tool = grown(again, [{ index: 2, type: "tool_call", name: "look", id: "c1", from: 0, text: '{"pla' }]);
  assert.deepEqual(tool.pieces[2], { type: "tool_call", text: "", name: "look", id: "c1", arguments: '{"pla' });
});

test("previews are without Markdown's marks", () => {
  assert.equal(plain("## Two\n\n| a | b |\n|---|:--:|\n| 1 | **2** |\n\n> so | it `is`"), "Two a | b 1 | 2 so | it is");
});

test("what was asked for while a call was in flight does not undo that it has ended", () => {
  const call = (status) => ({ id: "a", status, duration_ms: status === "live" ? null : 5, session_id: "s" });
  const added = (status, output) => ({ call: call(status), messages: [], system: [], output });
  const contents = new Contents("/nowhere", () => {});
  contents.set([call("ok")]);
  contents.take([added("live", null)]);
  assert.deepEqual([contents.calls[0].call.status, contents.have.has("a")], ["ok", false]);
  contents.take([added("ok", { role: "assistant", pieces: [] })]);
  assert.deepEqual([contents.calls[0].call.status, contents.have.has("a")], ["ok", true]);
  contents.set([call("live")]);
  contents.take([added("errors", null)]); // the contents are the newer ones
  assert.equal(contents.calls[0].call.status, "errors");
});
