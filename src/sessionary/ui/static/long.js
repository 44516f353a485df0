// Long texts: their beginning, and all of it when it is asked for, some of it at a time so that the page stays usable.

import { el } from "./el.js";
import { size } from "./format.js";
import { hides } from "./unfold.js";

const MOST = 20_000;
/** Elements in a part, which is laid out only where it is seen; parts that are added between two frames. */
const PART = 60;
const AT_ONCE = 25;

/**
 * @template {HTMLElement} E
 * @param {E} box
 * @param {string} text
 * @param {(text: string) => Node[]} render
 * @returns {E} the box, filled
 */
export function shortened(box, text, render) {
  if (text.length <= MOST * 1.1) {
    box.append(...render(text));
    return box;
  }
  const all = () => {
    box.classList.add("long");
    box.replaceChildren();
    return /** @type {Promise<void>} */ (new Promise((done) => fill(box, grouped(render(text)), 0, button("show less", less), done)));
  };
  const more = hides(button(`… show all ${size(new Blob([text]).size)}`, all), { texts: () => [text.slice(end(text))], open: all });
  const less = () => {
    box.classList.remove("long");
    box.replaceChildren(...render(text.slice(0, end(text))), more);
    box.scrollIntoView({ block: "nearest" });
  };
  box.append(...render(text.slice(0, end(text))), more);
  return box;
}

/**
 * Where the beginning ends: at a line's end where one is near, and in no letter.
 * @param {string} text
 */
function end(text) {
  const line = text.lastIndexOf("\n", MOST);
  if (line > MOST * 0.8) return line;
  return /[\ud800-\udbff]/.test(text[MOST - 1]) ? MOST - 1 : MOST;
}

/** @param {Node[]} nodes */
function grouped(nodes) {
  const found = [];
  for (let at = 0; at < nodes.length; at += PART) found.push(el("div", { class: "part" }, nodes.slice(at, at + PART)));
  return found;
}

/**
 * @param {HTMLElement} box
 * @param {Node[]} nodes
 * @param {number} from
 * @param {HTMLElement} last
 * @param {() => void} done told when all of it is there, or nobody looks any more
 */
function fill(box, nodes, from, last, done) {
  box.append(...nodes.slice(from, from + AT_ONCE));
  if (from + AT_ONCE >= nodes.length) box.append(last);
  else if (!from || box.isConnected) return requestAnimationFrame(() => fill(box, nodes, from + AT_ONCE, last, done));
  return done();
}

/**
 * @param {string} label
 * @param {() => void} onclick
 */
function button(label, onclick) {
  return el("button", { type: "button", class: "rest", onclick }, label);
}

/**
 * A text in stretches of whole lines, none of them very long.
 * @param {string} text
 * @returns {string[]}
 */
export function stretches(text) {
  if (text.length <= MOST * 1.1) return [text];
  const found = [];
  for (let at = 0; at < text.length; ) {
    const line = text.lastIndexOf("\n", at + MOST);
    const next = line > at && text.length - at > MOST ? line : at + MOST;
    found.push(text.slice(at, next));
    at = text[next] === "\n" ? next + 1 : next;
  }
  return found;
}
