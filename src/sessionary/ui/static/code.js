// Code and other exact texts as elements: coloured by their language, with what is not seen named.

import { runs } from "./characters.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { highlight } from "./highlight.js";
import { guess } from "./languages.js";

/** Colours past which a text is plain: each is an element. */
const MOST = 6000;

/**
 * A text's letters, with the names of those that are not seen.
 * @param {string} text
 * @param {boolean} [exact] as in code
 * @returns {Node[]}
 */
export function letters(text, exact = false) {
  return runs(text, exact).map((run) => (typeof run === "string" ? document.createTextNode(run) : el("span", { class: "unseen", title: run.title }, run.name)));
}

/**
 * @param {string} text
 * @param {string} [lang] as a fence or a file's name says it
 * @returns {Node[]}
 */
export function coloured(text, lang = "") {
  const tokens = highlight(text, lang || guess(text));
  if (tokens.length > MOST) return letters(text, true);
  return tokens.flatMap(({ kind, text: part }) => (kind ? [el("span", { class: `t-${kind}` }, letters(part, true))] : letters(part, true)));
}

/**
 * Code with what it is written in, and a button that copies it.
 * @param {string} text
 * @param {string} [lang]
 * @param {string} [title] instead of the language's name
 */
export function code(text, lang = "", title = lang) {
  return el(
    "div",
    { class: "code" },
    el("div", { class: "code-top" }, el("span", null, title.slice(0, 200)), copyButton(() => text, "Copy", "Copy this code")),
    el("pre", { tabindex: 0, dir: "ltr" }, el("code", null, coloured(text, lang))),
  );
}
