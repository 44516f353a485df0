// Differences as elements: words within running text, lines side by side, steps between JSON values. What is the same
// on both sides is folded; what is too long is shown up to a bound, the rest when asked for.

import { json, lines, words } from "./diff.js";
import { el } from "./el.js";
import { instead } from "./focus.js";
import { plural } from "./format.js";
import { tree } from "./tree.js";

/** @typedef {import("./diff.js").Change} Change */
/** @typedef {{kind: "same"|"add"|"del"|"change", left: string|null, right: string|null, at: [number, number]}} Row line numbers from 0 */

const NEAR = 3; // lines kept beside a change
const LETTERS = 160; // letters kept beside a change
const MOST = 300; // rows, or changes, at once

/**
 * Running text with what is gone struck out and what is new underlined.
 * @param {string} a
 * @param {string} b
 */
export function inline(a, b) {
  return shown(legible(words(a, b)));
}

/**
 * @param {Change[]} changes
 * @param {number} [near] letters of an equal stretch kept beside a change
 * @returns {HTMLElement}
 */
export function shown(changes, near = LETTERS) {
  const box = el("div", { class: "diff-words" });
  const draw = (/** @type {number} */ from) => {
    box.append(...changes.slice(from, from + MOST).flatMap((change, i) => parts(change, from + i === 0, from + i === changes.length - 1, near)));
    const left = changes.length - from - MOST;
    if (left > 0) box.append(later(`… ${plural(left, "more part")}`, () => draw(from + MOST)));
  };
  draw(0);
  return box;
}

/**
 * The same as two texts: the first with what is gone marked, the second with what is new. Of texts that have nothing
 * in common nothing is marked.
 * @param {Change[]} changes
 * @returns {[HTMLElement, HTMLElement]}
 */
export function halves(changes) {
  const all = legible(changes);
  const any = all.some(({ kind }) => kind === "same");
  const half = (/** @type {"add"|"del"} */ not) => all.filter(({ kind }) => kind !== not).map((change) => (any ? change : { ...change, kind: /** @type {const} */ ("same") }));
  return [shown(half("add"), any ? LETTERS : Infinity), shown(half("del"), any ? LETTERS : Infinity)];
}

/**
 * A text that was written anew is easier to read whole than in splinters.
 * @param {Change[]} changes
 * @returns {Change[]}
 */
export function legible(changes) {
  const letters = (/** @type {import("./diff.js").Kind} */ of) => changes.reduce((sum, { kind, text }) => sum + (kind === of ? text.length : 0), 0);
  if (changes.length < 4 || letters("same") * 3 > Math.max(letters("del"), letters("add"))) return changes;
  const whole = (/** @type {import("./diff.js").Kind} */ not) => changes.flatMap(({ kind, text }) => (kind === not ? [] : [text])).join("");
  return [{ kind: "del", text: whole("add") }, { kind: "add", text: whole("del") }];
}

/**
 * @param {Change} change
 * @param {boolean} first
 * @param {boolean} last
 * @param {number} near
 * @returns {(Node|string)[]}
 */
function parts({ kind, text }, first, last, near) {
  if (kind !== "same") return [el(kind === "add" ? "ins" : "del", null, text)];
  const head = first ? 0 : edge(text, near, 1);
  const tail = last ? text.length : text.length - edge(text, near, -1);
  if (tail - head < 2 * near) return [text];
  const middle = text.slice(head, tail);
  const size = middle.length.toLocaleString("en-US");
  return [text.slice(0, head), later(`… ${size} characters unchanged …`, (button) => button.replaceWith(middle)), text.slice(tail)];
}

/**
 * Where to cut, so that no word is cut in two.
 * @param {string} text
 * @param {number} near
 * @param {1|-1} from which end
 */
function edge(text, near, from) {
  const part = from > 0 ? text.slice(near, near + 40) : [...text.slice(-near - 40, -near)].reverse().join("");
  const blank = part.search(/\s/);
  return Math.min(text.length, near + Math.max(0, blank));
}

/**
 * Lines side by side, one below the other where there is no room.
 * @param {string} a
 * @param {string} b
 * @param {{left?: string, right?: string}} [names] for those who cannot see the columns
 */
export function sideBySide(a, b, { left = "left", right = "right" } = {}) {
  const box = el("div", { class: "diff-lines", role: "table", "aria-label": `${left} and ${right}, line by line` });
  const groups = folded(rows(lines(a, b)));
  let at = 0;
  const draw = () => {
    for (let count = 0; at < groups.length && count < MOST; at++) {
      const group = groups[at];
      if (Array.isArray(group)) box.append(gap(group));
      else box.append(row(group));
      count++;
    }
    if (at < groups.length) box.append(el("div", { role: "row", class: "gap-row" }, el("span", { role: "cell" }, later(`… ${plural(groups.length - at, "more line")}`, draw))));
  };
  draw();
  return box;
}

/**
 * Lines as rows: what was replaced beside what replaced it.
 * @param {Change[]} changes
 * @returns {Row[]}
 */
export function rows(changes) {
  /** @type {Row[]} */
  const found = [];
  const at = /** @type {[number, number]} */ ([0, 0]);
  const put = (/** @type {string|null} */ left, /** @type {string|null} */ right, /** @type {Row["kind"]} */ kind) => {
    found.push({ kind, left, right, at: [at[0], at[1]] });
    if (left !== null) at[0]++;
    if (right !== null) at[1]++;
  };
  for (let i = 0; i < changes.length; i++) {
    const { kind, text } = changes[i];
    const next = changes[i + 1];
    const these = split(text);
    if (kind === "same") for (const line of these) put(line, line, "same");
    else if (kind === "del" && next?.kind === "add") {
      const others = split(next.text);
      for (let line = 0; line < Math.max(these.length, others.length); line++) {
        const [left, right] = [these[line] ?? null, others[line] ?? null];
        put(left, right, left === null ? "add" : right === null ? "del" : "change");
      }
      i++;
    } else for (const line of these) put(kind === "del" ? line : null, kind === "add" ? line : null, kind);
  }
  return found;
}

/** @param {string} text */
const split = (text) => (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");

/**
 * @param {Row[]} all
 * @returns {(Row|Row[])[]} a list stands for rows that are folded
 */
export function folded(all) {
  /** @type {(Row|Row[])[]} */
  const found = [];
  for (let i = 0; i < all.length; ) {
    let to = i;
    while (to < all.length && all[to].kind === "same") to++;
    const [from, end] = [i === 0 ? 0 : i + NEAR, to === all.length ? to : to - NEAR];
    if (end - from > 1) found.push(...all.slice(i, from), all.slice(from, end), ...all.slice(end, to));
    else found.push(...all.slice(i, to));
    if (to < all.length) found.push(all[to++]);
    i = to;
  }
  return found;
}

/** @param {Row} line */
function row({ kind, left, right, at }) {
  const changes = kind === "change" ? legible(words(left ?? "", right ?? "")) : [];
  const alike = changes.some(({ kind }) => kind === "same");
  const cell = (/** @type {string|null} */ text, /** @type {"add"|"del"} */ own, /** @type {number} */ number) => {
    const mark = kind === "same" || text === null ? "" : own === "add" ? "+" : "−";
    const inside = alike ? changes.filter(({ kind }) => kind === "same" || kind === own).map((change) => (change.kind === "same" ? change.text : el(own === "add" ? "ins" : "del", null, change.text))) : text;
    return el("div", { role: "cell", class: `${own === "add" ? "right" : "left"}${text === null ? " none" : ""}` }, text === null ? null : [el("span", { class: "at", "data-mark": mark }, number + 1), el("code", null, inside)]);
  };
  return el("div", { role: "row", class: kind }, cell(left, "del", at[0]), cell(right, "add", at[1]));
}

/** @param {Row[]} hidden */
function gap(hidden) {
  const line = el("div", { role: "row", class: "gap-row" });
  line.append(el("span", { role: "cell" }, later(`${plural(hidden.length, "unchanged line")}`, () => open(0))));
  const open = (/** @type {number} */ from) => {
    line.before(...hidden.slice(from, from + MOST).map(row));
    if (from + MOST < hidden.length) line.replaceChildren(el("span", { role: "cell" }, later(`${plural(hidden.length - from - MOST, "unchanged line")}`, () => open(from + MOST))));
    else line.remove();
  };
  return line;
}

/**
 * Where two JSON values differ, a line each; null where they do not.
 * @param {any} a
 * @param {any} b
 */
export function jsonDiff(a, b) {
  const steps = json(a, b);
  if (!steps.length) return null;
  const list = el("ul", { class: "diff-json" });
  const draw = (/** @type {number} */ from) => {
    list.append(...steps.slice(from, from + MOST).map(step));
    const left = steps.length - from - MOST;
    const rest = left > 0 ? el("li", null, later(`… ${plural(left, "more difference")}`, () => (rest?.remove(), draw(from + MOST)))) : null;
    if (rest) list.append(rest);
  };
  draw(0);
  return list;
}

/** @param {import("./diff.js").Differing} step */
function step({ path, kind, before, after }) {
  const name = el("span", { class: "k" }, where(path));
  if (kind !== "change") return el("li", { class: kind }, name, el(kind === "add" ? "ins" : "del", null, value(kind === "add" ? after : before)));
  const changes = typeof before === "string" && typeof after === "string" ? legible(words(before, after)) : [];
  if (changes.some(({ kind }) => kind === "same")) return el("li", { class: kind }, name, shown(changes));
  return el("li", { class: kind }, name, el("del", null, value(before)), " → ", el("ins", null, value(after)));
}

/** @param {any} given */
function value(given) {
  return given !== null && typeof given === "object" && Object.keys(given).length ? tree(given, { open: 0 }) : typeof given === "string" && given ? given.slice(0, 2000) : JSON.stringify(given);
}

/**
 * A path as it is written in programs.
 * @param {(string|number)[]} path
 */
export function where(path) {
  const text = path.map((part, i) => (typeof part === "number" ? `[${part}]` : /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(part) ? `${i ? "." : ""}${part}` : `[${JSON.stringify(part)}]`)).join("");
  return text || "value";
}

/**
 * A button for more, which goes when it is pressed.
 * @param {string} text
 * @param {(button: HTMLElement) => void} show
 */
function later(text, show) {
  const button = el("button", { type: "button", class: "rest", onclick: () => instead(button, () => (show(button), button.remove())) }, text);
  return button;
}
