// Two turns beside each other, as elements: what was asked, answered and called on either side, where that differs;
// what is equal is said once. Whatever two turns they are.

import { beside } from "./compare-align.js";
import { reading, readings } from "./compare-prose.js";
import { alike, said } from "./compare-said.js";
import { delta, METRICS } from "./delta.js";
import { words } from "./diff.js";
import { jsonDiff, legible, shown, sideBySide } from "./diffview.js";
import { hunks } from "./edits.js";
import { el } from "./el.js";
import { plural } from "./format.js";
import { tree } from "./tree.js";

/** @typedef {import("./compare-turns.js").Told} Told */
/** @typedef {import("./compare-turns.js").Sums} Sums */
/** @typedef {import("./compare-said.js").Said} Said */
/** @typedef {import("./compare-said.js").Tool} Tool */
/** @typedef {import("./compare-side.js").Side} Side */
/** @typedef {"sides"|"words"|"a"|"b"} Mode both beside each other, one text with what differs marked, or one side */
/**
 * @typedef {object} Pairing
 * @property {Told|null} left
 * @property {Told|null} right
 * @property {"common"|"text"|"order"|"alone"} how
 * @property {string} id of its element
 */

const SHORT = 240;
const HOW = { common: "in common", text: "", order: "matched by their place", alone: "" };

/**
 * @param {Pairing} pair
 * @param {[Side, Side]} sides
 * @param {{mode: Mode, open: boolean, reach: number, toggle: () => void, further: () => void, selected: boolean}} how
 */
export function pairView({ left, right, how, id }, [a, b], { mode, open, reach, toggle, further, selected }) {
  const one = left && said(left, (call) => a.added(call), reach);
  const two = right && said(right, (call) => b.added(call), reach);
  const equal = how === "common" || Boolean(one && two && alike(one, two));
  const article = (/** @type {string} */ kind, /** @type {(Node|null)[]} */ ...inside) => el("article", { class: `match ${kind}${selected ? " selected" : ""}`, id, "aria-label": label(left, right) }, inside);
  const fold = (/** @type {string} */ note) => el("button", { type: "button", class: "fold-line", "aria-expanded": String(open), onclick: toggle }, el("b", null, label(left, right)), el("span", { class: "gist" }, (one?.user || one?.answer || "").slice(0, 200)), el("span", { class: "note" }, note));
  if (equal && !open) return article("equal", fold(how === "common" ? "in common" : "says the same"), how === "common" ? null : facts(left, right));
  const whole = Boolean(one?.known ?? true) && Boolean(two?.known ?? true);
  return article(
    equal ? "equal open" : "differs",
    equal ? fold(how === "common" ? "in common" : "says the same") : el("h2", { class: "sep" }, link(a, left, "A"), link(b, right, "B"), HOW[how] ? el("span", { class: "tag" }, HOW[how]) : null),
    how === "common" ? null : facts(left, right),
    whole ? null : el("p", { class: "waiting" }, el("i"), "loading"),
    ...(whole ? contents(one, two, mode) : []),
    one?.left || two?.left ? el("p", { class: "further" }, `${plural(Math.max(one?.left ?? 0, two?.left ?? 0), "more request")} of this turn, before its last: `, el("button", { type: "button", class: "link", onclick: further }, "compare more of them")) : null,
  );
}

/**
 * @param {Told|null} left
 * @param {Told|null} right
 */
export function label(left, right) {
  if (!left || !right) return `turn ${(left ?? right)?.number} only in ${left ? "A" : "B"}`;
  return left.number === right.number ? `turn ${left.number}` : `turn ${left.number} and ${right.number}`;
}

/**
 * @param {Side} side
 * @param {Told|null} turn
 * @param {string} letter
 */
function link(side, turn, letter) {
  if (!turn) return el("span", { class: "end none" }, el("b", { class: "side" }, letter), "no such turn");
  const call = turn.asked[0];
  return el("a", { class: "end", href: side.href(call), title: `Open this turn in its session (${letter})` }, el("b", { class: "side" }, letter), `turn ${turn.number}`, el("span", { class: "soft" }, turn.sums.models.slice(0, 2).join(" · ")));
}

/**
 * @param {Told|null} left
 * @param {Told|null} right
 */
function facts(left, right) {
  const list = METRICS.filter(({ whole }) => !whole).map((metric) => {
    const [a, b] = [left, right].map((turn) => (turn ? metric.of(turn.sums) : null));
    if (!a && !b) return null;
    const { text, mood } = left && right ? delta(metric, a, b) : { text: "", mood: "other" };
    if (mood === "same") return null;
    const values = left && right ? `${metric.show(a)} → ${metric.show(b)}` : metric.show(left ? a : b);
    return el("li", { class: mood }, el("i", null, metric.name), el("span", null, values), text ? el("b", null, text) : null);
  });
  const any = list.some((item) => item !== null);
  return el("ul", { class: "facts" }, any ? list : el("li", null, el("b", null, "the same numbers")));
}

/**
 * @param {Said|null} a
 * @param {Said|null} b
 * @param {Mode} mode
 * @returns {(HTMLElement|null)[]}
 */
function contents(a, b, mode) {
  const tools = beside(a?.tools ?? [], b?.tools ?? [], ({ name }) => name, hunks);
  return [
    a?.system || b?.system ? prompt(a, b) : null,
    part("user", "user", a?.user, b?.user, mode),
    ...tools.map(([one, two]) => toolPart(one, two)),
    part("assistant", "answer", a?.answer, b?.answer, mode),
    part("failed", "failed", a?.trouble, b?.trouble, mode),
  ];
}

/**
 * @param {Said|null} a
 * @param {Said|null} b
 */
function prompt(a, b) {
  if (a?.system === b?.system) return section("system", "system prompt", "the same");
  if (!a || !b || !a.system || !b.system) return section("system", "system prompt", `only in ${a?.system ? "A" : "B"}`, fold("show it", () => shown([{ kind: a?.system ? "del" : "add", text: (a?.system || b?.system) ?? "" }])));
  return section("system", "system prompt", "differs", sideBySide(a.system, b.system, { left: "A", right: "B" }));
}

/**
 * A text of both sides: as it reads, or in one text, as it was written.
 * @param {string} kind
 * @param {string} name
 * @param {string|undefined} a
 * @param {string|undefined} b
 * @param {Mode} mode
 */
export function part(kind, name, a, b, mode) {
  if (!a && !b) return null;
  if (a === undefined || b === undefined) return section(kind, name, "", el("div", { class: "two" }, ...[a, b].map((text) => (text === undefined ? el("div", { class: "none" }) : reading(kind, text)))));
  if (a === b) return section(kind, name, "the same", a.length <= SHORT ? reading(kind, a) : fold(`${a.slice(0, 120).trim()} …`, () => reading(kind, a)));
  if (mode === "words") return section(kind, name, "", shown(legible(words(a, b))));
  const [left, right] = readings(kind, a, b);
  if (mode !== "sides") return section(kind, name, `in ${mode.toUpperCase()}`, mode === "a" ? left : right);
  return section(kind, name, "", el("div", { class: "two" }, left, right));
}

/**
 * A tool that either called, or both.
 * @param {Tool|null} a
 * @param {Tool|null} b
 */
function toolPart(a, b) {
  const one = /** @type {Tool} */ (a ?? b);
  const args = (/** @type {Tool} */ { arguments: given }) => (given === null || given === undefined || given === "" ? el("p", { class: "soft" }, "no arguments") : typeof given === "object" ? tree(given, { open: 2 }) : el("div", { class: "text mono" }, String(given)));
  if (!a || !b) return section(`tool ${a ? "gone" : "come"}`, `ƒ ${one.name}`, `only in ${a ? "A" : "B"}`, args(one), result(a, b));
  const steps = jsonDiff(a.arguments, b.arguments);
  return section("tool", `ƒ ${one.name}`, steps ? "other arguments" : "same arguments", steps, result(a, b));
}

/**
 * @param {Tool|null} a
 * @param {Tool|null} b
 */
function result(a, b) {
  const [one, two] = [a?.result ?? null, b?.result ?? null];
  if (one === null && two === null) return null;
  if (a && b && one === two) return el("p", { class: "soft small" }, `same result${a.failed ? ", an error" : ""}`);
  if (one === null || two === null) return fold(`result${(a ?? b)?.failed ? ", an error" : ""}${a && b ? `, only in ${one === null ? "B" : "A"}` : ""}`, () => el("div", { class: "text mono" }, one ?? two));
  return fold(`other result${a?.failed !== b?.failed ? `: failed in ${a?.failed ? "A" : "B"} only` : ""}`, () => sideBySide(one, two, { left: "A", right: "B" }));
}

/**
 * @param {string} kind
 * @param {string} name
 * @param {string} note
 * @param {...(HTMLElement|null)} inside
 */
export function section(kind, name, note, ...inside) {
  return el("section", { class: `msg ${kind}` }, el("h3", null, el("b", null, name), note ? el("span", null, note) : null), inside);
}

/**
 * What is made only when it is opened.
 * @param {string} text
 * @param {() => HTMLElement} make
 */
export function fold(text, make) {
  const inside = el("div");
  return el("details", { class: "fold", ontoggle: () => inside.firstChild || inside.append(make()) }, el("summary", null, text), inside);
}
