// Highlighting, characters that are not seen, and what tools were asked: right, and linear whatever the text is.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

const from = (name) => import(new URL(`../../src/sessionary/ui/static/${name}.js`, import.meta.url));
const { highlight } = await from("highlight");
const { LANGUAGES, language, guess } = await from("languages");
const { runs } = await from("characters");
const { parse } = await from("markdown");
const { inline } = await from("inline");
const { parts } = await from("speech");
const { sha256 } = await from("sha256");
const { sources } = await from("sources");

const marked = (text, lang) => highlight(text, lang).filter(({ kind }) => kind).map(({ kind, text: part }) => `${kind} ${part}`);

test("python", () => {
  assert.deepEqual(marked('@app.get("/")\nasync def f(self) -> List:\n  return 1_0 # c', "py"), [
    "key @app.get", 'string "/"', "keyword async", "keyword def", "name f", "number self", "type List", "keyword return", "number 1_0", "comment # c",
  ]);
  assert.deepEqual(marked('"""a\nb""" x', "python"), ['string """a\nb"""']);
  assert.deepEqual(marked("a.class", "python"), []);
});

test("javascript and typescript", () => {
  assert.deepEqual(marked("const a = `b${c}`; // d", "ts"), ["keyword const", "string `b${c}`", "comment // d"]);
  assert.deepEqual(marked("x = /[/]a/g; y = b / c / d", "js"), ["string /[/]a/g"]);
});

test("data", () => {
  assert.deepEqual(marked('{"a": ["b", -1.5e3, true]}', "json"), ['key "a"', 'string "b"', "number -1.5e3", "number true"]);
  assert.deepEqual(marked("a: http://b # c\nd: true", "yml"), ["key a", "comment # c", "key d", "number true"]);
});

test("shell and sql", () => {
  assert.deepEqual(marked('$ cat a | grep -v "$B" # c', "sh"), ["name cat", "name grep", "key -v", 'string "$B"', "comment # c"]);
  assert.deepEqual(marked("Select count(*) from t where a = 'it''s' -- c", "sql"), [
    "keyword Select", "name count", "keyword from", "keyword where", "string 'it''s'", "comment -- c",
  ]);
});

test("markup and style", () => {
  assert.deepEqual(marked('<!-- a --><p class="b" c>d &amp; e</p>', "html"), [
    "comment <!-- a -->", "type <p", "key class", 'string "b"', "key c", "type >", "number &amp;", "type </p>",
  ]);
  assert.deepEqual(marked(".a { color: #fff } /* b */", "css"), ["name .a", "key color", "number #fff", "comment /* b */"]);
});

test("others", () => {
  assert.deepEqual(marked("func f() { `a` }", "go"), ["keyword func", "name f", "string `a`"]);
  assert.deepEqual(marked("fn f<'a>() { g!('b') }", "rs"), ["keyword fn", "key 'a", "name g!", "string 'b'"]);
  assert.deepEqual(marked("#include <a>\nint f() { return 0x1F; }", "c++"), ["key #include", "number int", "name f", "keyword return", "number 0x1F"]);
  assert.deepEqual(marked("@@ a\n-b\n-c\n+d\n e", "diff"), ["hunk @@ a\n", "del -b\n", "del -c\n", "add +d\n"]);
  assert.deepEqual(highlight("if 1 <b>", "klingon"), [{ kind: "", text: "if 1 <b>" }]);
  assert.deepEqual(["/a/b.test.TSX", "C:\\x.py", "__proto__", "constructor", "C#", "a.b/"].map(language), ["javascript", "python", "", "", "c", ""]);
  assert.deepEqual(["diff --git a b", "*** Begin Patch", "-- a list"].map(guess), ["diff", "diff", ""]);
});

/** A generator of numbers below 1, the same each time. */
function random(seed) {
  return () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

const BITS = ["/", "[", '"', "'", "`", "\\", "<", "<!--", "-->", "/*", "*/", "#", "$", "${", "{", "}", "(", ")", "a", " ", "\n", "\t", "0", "1e+", "@", "&", "-", "--", "+", "=", 'r#"', '"""', "'''", "'a", "=/[", "é", "\ud83d", "😀", "\u202e", ":", ";", "]]>", "<![CDATA[", "<a ", "*** ", "!", "%", "|", "~", ">", "_", "*", "![", "](", "http://", "\x1b[", "\x1b]", "\x9b", "\r", "\0", "\u{e0041}", "\u{1f3f4}", "<system-reminder>", "</system-reminder>", ". ", "1.", "- "];
const LANGS = Object.keys(LANGUAGES);
const whole = (text, lang) => highlight(text, lang).map((token) => token.text).join("");

test("any text comes back whole", () => {
  const next = random(7);
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: 1 + next() * 40 }, () => BITS[Math.floor(next() * BITS.length)]).join("");
    assert.equal(whole(text, LANGS[i % LANGS.length]), text);
    runs(text, true);
    runs(text);
    parse(text);
    parts(text);
  }
});

/** The work grows with the text, not with its square: eight times the text is not sixty-four times the work. */
function linear(name, read, made) {
  const took = (text) => {
    const start = process.cpuUsage().user;
    read(text);
    return (process.cpuUsage().user - start) / 1000;
  };
  const [short, long] = [made(2_000), made(16_000)];
  took(short);
  if (took(long) < 60) return;
  const ratio = Math.min(took(long), took(long)) / Math.max(0.3, Math.min(took(short), took(short), took(short)));
  assert.ok(ratio < 40, `${name}: ${ratio.toFixed(0)} times the time for 8 times ${JSON.stringify(made(30))}`);
}

test("no text hangs a reader", () => {
  const readers = [...LANGS.map((lang) => [lang, (text) => highlight(text, lang)]), ["markdown", parse], ["inline", inline], ["speech", parts], ["prose", (text) => runs(text)], ["code", (text) => runs(text, true)]];
  for (const [name, read] of readers) {
    for (const a of BITS) {
      for (const b of ["", ...BITS.filter((_, i) => i % 12 === BITS.indexOf(a) % 12)]) linear(name, read, (size) => (a + b).repeat(Math.ceil(size / (a + b).length)));
      linear(name, read, (size) => a.repeat(size / 2) + "x" + a.repeat(size / 2));
      linear(name, read, (size) => `${a}${"x".repeat(size)}`);
      linear(name, read, (size) => `${" ".repeat(size)}${a}`);
    }
  }
});

test("a terminal's codes are dropped, what it hides is named", () => {
  assert.deepEqual(runs("\x1b[1m\x1b[31mred\x1b[0m\r\nb\x9b2Kc\x1b(B"), ["red\nbc"]);
  assert.deepEqual(runs("\x1b]8;;https://evil.example/\x07t"), [{ name: "OSC", title: "a terminal's code: 8;;https://evil.example/\x07" }, "t"]);
  assert.deepEqual(runs("a\x1b]0;never ends").map((run) => run.name ?? run), ["a", "ESC", "]0;never ends"]);
  assert.deepEqual(runs("a\0\0\0b"), ["a", { name: "NUL ×3", title: "U+0000 control character" }, "b"]);
  assert.deepEqual(runs("\x85")[0].name, "U+0085");
});

test("directions and hidden letters are named, what languages need stays", () => {
  assert.deepEqual(runs("a\u202egnp"), ["a", { name: "RLO", title: "U+202E right-to-left override" }, "gnp"]);
  const family = "👨‍👩‍👧 می‌خواهم \u2067שלום\u2069\u200f ❤️";
  assert.deepEqual(runs(family), [family]);
  assert.deepEqual(runs("a\u200bb", true)[1].name, "ZWSP");
  const said = [..."Ignore"].map((letter) => String.fromCodePoint(0xe0000 + letter.codePointAt(0))).join("");
  assert.deepEqual(runs(`hi${said}`)[1].name, "hidden: Ignore");
  const bytes = [..."Hi!"].map((letter) => String.fromCodePoint(0xe0100 + letter.charCodeAt(0) - 16)).join("");
  assert.deepEqual(runs(`😀${bytes}`)[1].name, "hidden: Hi!");
  const england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
  assert.deepEqual(runs(england), [england]);
  assert.equal(runs("\0\u202e".repeat(2000)).length, 502);
});

test("hashes are those of others", () => {
  const next = random(3);
  for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000, 100_001]) {
    const bytes = Uint8Array.from({ length }, () => next() * 256);
    assert.equal(sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("sources, each once", () => {
  const page = { type: "url_citation", url: "https://a.example", title: "A" };
  const place = { document_title: "B", start_page_number: 2, cited_text: "x" };
  assert.deepEqual(sources([page, page, { url_citation: page }, place, { ...place, cited_text: "y" }, null, 3, {}, { document_index: 0 }]), [
    { url: "https://a.example", title: "A", place: "", quotes: [] },
    { url: "", title: "B", place: "page 2", quotes: ["x", "y"] },
    { url: "", title: "document 1", place: "", quotes: [] },
  ]);
  for (const odd of [undefined, null, "x", { length: 3 }, [[]]]) assert.deepEqual(sources(odd), []);
});
