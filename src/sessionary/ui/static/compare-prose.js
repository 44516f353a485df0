// What was said, as it reads: Markdown as on a session's page, and on two sides the words that differ marked in it. Texts
// that are data, or too long to be laid out twice, stay as they were written.

import { words } from "./diff.js";
import { halves, legible } from "./diffview.js";
import { el } from "./el.js";
import { prose } from "./prose.js";

/** @typedef {{node: Text, from: number}} Place a text's node, and where it begins among all */

const SAID = ["user", "assistant"];
const MOST = 20_000; // letters

/**
 * @param {string} kind of the message
 * @param {string} text
 */
export function reading(kind, text) {
  return reads(kind, text) ? prose(text) : el("div", { class: "text" }, text);
}

/**
 * Both, with what is only in the first marked in the first, and what is only in the second in the second.
 * @param {string} kind
 * @param {string} a
 * @param {string} b
 * @returns {[HTMLElement, HTMLElement]}
 */
export function readings(kind, a, b) {
  if (!reads(kind, a) || !reads(kind, b)) return halves(words(a, b));
  const sides = /** @type {[HTMLElement, HTMLElement]} */ ([prose(a), prose(b)]);
  const [one, two] = sides.map(flow);
  if (one.text === two.text) return halves(words(a, b)); // only signs of Markdown differ
  const changes = legible(words(one.text, two.text));
  if (changes.some(({ kind }) => kind === "same")) {
    mark(one.places, changes, "del");
    mark(two.places, changes, "ins");
  }
  for (const side of sides) side.classList.add("diff-words");
  return sides;
}

/**
 * @param {string} kind
 * @param {string} text
 */
function reads(kind, text) {
  return SAID.includes(kind) && text.length <= MOST && !/^\s*[{[][^]*[}\]]\s*$/.test(text);
}

/**
 * The text that is read, a line for each block of it.
 * @param {HTMLElement} side
 * @returns {{text: string, places: Place[]}}
 */
function flow(side) {
  const walker = document.createTreeWalker(side, NodeFilter.SHOW_TEXT);
  /** @type {Place[]} */
  const places = [];
  let [text, within] = ["", /** @type {Element|null} */ (null)];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement?.closest("button")) continue;
    const block = node.parentElement?.closest("p, li, td, th, pre, blockquote, div") ?? null;
    if (within && block !== within) text += "\n";
    within = block;
    places.push({ node: /** @type {Text} */ (node), from: text.length });
    text += node.nodeValue;
  }
  return { text, places };
}

/**
 * @param {Place[]} places
 * @param {import("./diff.js").Change[]} changes
 * @param {"ins"|"del"} tag
 */
function mark(places, changes, tag) {
  const own = tag === "ins" ? "add" : "del";
  /** @type {[number, number][]} */
  const marked = [];
  let at = 0;
  for (const { kind, text } of changes) {
    if (kind !== "same" && kind !== own) continue;
    if (kind === own) marked.push([at, at + text.length]);
    at += text.length;
  }
  let next = 0;
  for (const { node, from } of places) {
    const text = node.data;
    const parts = [];
    let done = 0;
    while (next < marked.length && marked[next][1] <= from) next++;
    for (let i = next; i < marked.length && marked[i][0] < from + text.length; i++) {
      const [begin, end] = [Math.max(0, marked[i][0] - from), Math.min(text.length, marked[i][1] - from)];
      if (!text.slice(begin, end).trim()) continue;
      parts.push(text.slice(done, begin), el(tag, null, text.slice(begin, end)));
      done = end;
    }
    if (parts.length) node.replaceWith(...parts, text.slice(done));
  }
}
