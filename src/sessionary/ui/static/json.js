// A text that is JSON: as a tree, or as it was written.

import { coloured } from "./code.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { shortened } from "./long.js";
import { Exact, tree } from "./tree.js";

const MOST = 2_000_000;
const SMALL = 1500;

/**
 * @param {string} text
 * @returns {HTMLElement|null} null where it is no JSON object or list
 */
export function json(text) {
  const start = text.trimStart()[0];
  if ((start !== "{" && start !== "[") || text.length > MOST) return null;
  const value = parsed(text);
  if (value === undefined) return null;
  const shown = tree(value, { open: text.length < SMALL ? 9 : 2 });
  /** @type {HTMLElement|null} */
  let raw = null;
  const turn = el("button", { type: "button", class: "copy", "aria-pressed": "false", title: "As it was written", onclick: toggle }, "Raw");
  function toggle() {
    raw ??= shortened(el("pre", { class: "plain mono", tabindex: 0, dir: "ltr" }), text, (part) => coloured(part, "json"));
    const now = shown.isConnected;
    (now ? shown : raw).replaceWith(now ? raw : shown);
    turn.setAttribute("aria-pressed", String(now));
  }
  return el("div", { class: "json" }, el("div", { class: "json-top" }, turn, copyButton(() => text, "Copy", "Copy this JSON")), shown);
}

/**
 * @param {string} text
 * @returns {any} undefined where it is not JSON; numbers that JavaScript cannot hold as they are written
 */
export function parsed(text) {
  try {
    return /\d{16}|\d[eE]\+?\d{3}/.test(text) ? JSON.parse(text, kept) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {string} _key
 * @param {any} value
 * @param {{source?: string}} [context] not in every browser
 */
function kept(_key, value, context) {
  const source = context?.source;
  return typeof value === "number" && source && !Number.isSafeInteger(value) && String(value) !== source && /^-?\d{16,}$|[eE]/.test(source) ? new Exact(source) : value;
}
