// JSON as a tree that opens. What is closed is not in the document; long texts and lists are cut until asked for.

import { letters } from "./code.js";
import { el } from "./el.js";
import { instead } from "./focus.js";
import { plural } from "./format.js";
import { strings } from "./sought.js";
import { hides } from "./unfold.js";

const TEXT = 600;
const ITEMS = 60;

/** A number as it was written, where JavaScript has no such number. */
export class Exact {
  /** @param {string} source */
  constructor(source) {
    this.source = source;
  }

  toJSON() {
    return this.source;
  }
}

/**
 * @param {any} value
 * @param {{open?: number, label?: (path: string[], value: any) => string}} [how] `open`: how many levels are open;
 *   `label`: a word about a closed object, such as a message's role
 */
export function tree(value, { open = 1, label } = {}) {
  return el("div", { class: "tree" }, node([], value, open, label));
}

/**
 * @param {string[]} path
 * @param {any} value
 * @param {number} open
 * @param {((path: string[], value: any) => string)|undefined} label
 * @returns {HTMLElement}
 */
function node(path, value, open, label) {
  const name = path.length ? el("span", { class: "k" }, el("bdi", null, letters(path[path.length - 1], true))) : null;
  if (value === null || typeof value !== "object" || value instanceof Exact) return el("div", { class: "leaf" }, name, leaf(value));
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  if (!entries.length) return el("div", { class: "leaf" }, name, el("span", { class: "v" }, list ? "[ ]" : "{ }"));
  const note = (!list && label?.(path, value)) || (list ? plural(entries.length, "item") : plural(entries.length, "field"));
  const inside = el("div", { class: "inside" });
  const fill = () => {
    if (!inside.firstChild) more(inside, path, entries, 0, open - 1, label);
  };
  const details = el("details", { open: open > 0, ontoggle: fill }, el("summary", null, name, el("span", { class: "note" }, note)), inside);
  if (open > 0) fill();
  return hides(details, { texts: () => strings(value), open: () => (fill(), void (details.open = true)) });
}

/**
 * @param {HTMLElement} inside
 * @param {string[]} path
 * @param {[string, any][]} entries
 * @param {number} from
 * @param {number} open
 * @param {((path: string[], value: any) => string)|undefined} label
 */
function more(inside, path, entries, from, open, label) {
  for (const [key, value] of entries.slice(from, from + ITEMS)) inside.append(node([...path, key], value, open, label));
  const left = entries.length - from - ITEMS;
  if (left <= 0) return;
  const rest = () => entries.slice(from + ITEMS).flat().flatMap(strings);
  const button = hides(el("button", { type: "button", class: "rest", onclick: next }, `… ${left.toLocaleString("en-US")} more`), { texts: rest, open: next });
  function next() {
    instead(button, () => (button.remove(), more(inside, path, entries, from + ITEMS, open, label)));
  }
  inside.append(button);
}

/** @param {any} value */
function leaf(value) {
  if (value instanceof Exact) return el("span", { class: "v number" }, value.source);
  if (typeof value !== "string") return el("span", { class: `v ${value === null ? "null" : typeof value}` }, String(value));
  if (value.length <= TEXT) return el("span", { class: "v string", dir: "auto" }, value ? letters(value, true) : "“”");
  const box = el("span", { class: "v string", dir: "auto" }, letters(value.slice(0, TEXT), true));
  const rest = `… ${(value.length - TEXT).toLocaleString("en-US")} more characters`;
  /** @type {() => void} */
  const open = () => instead(button, () => box.replaceChildren(...letters(value, true)));
  const button = hides(el("button", { type: "button", class: "rest", onclick: open }, rest), { texts: () => [value.slice(TEXT)], open });
  box.append(button);
  return box;
}
