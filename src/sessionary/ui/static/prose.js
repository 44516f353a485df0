// Markdown as elements. An image in Markdown is a link with its text: a page never loads what a model names.

import { copyButton } from "./copy.js";
import { el, outward } from "./el.js";
import { parse } from "./markdown.js";

/** @typedef {import("./inline.js").Inline} Inline */
/** @typedef {import("./markdown.js").Block} Block */

const MOST = 20_000;

/**
 * A text as Markdown; a long one is cut until asked for.
 * @param {string} text
 */
export function prose(text) {
  const box = el("div", { class: "prose" });
  show(box, text, MOST, (part) => parse(part).map(block));
  return box;
}

/**
 * A text as it is, lines kept; a long one is cut until asked for.
 * @param {string} text
 * @param {string} [kind]
 */
export function plain(text, kind = "prose plain") {
  const box = el("div", { class: kind });
  show(box, text, MOST, (part) => [document.createTextNode(part)]);
  return box;
}

/**
 * @param {HTMLElement} box
 * @param {string} text
 * @param {number} limit
 * @param {(text: string) => Node[]} render
 */
function show(box, text, limit, render) {
  if (text.length <= limit * 1.1) {
    box.replaceChildren(...render(text));
    return;
  }
  const rest = text.length - limit;
  const size = rest > 2000 ? `${Math.round(rest / 1000).toLocaleString("en-US")}k` : String(rest);
  const more = el("button", { type: "button", class: "rest", onclick: () => show(box, text, limit * 10, render) }, `… ${size} more characters`);
  box.replaceChildren(...render(text.slice(0, limit)), more);
}

/**
 * @param {Block} b
 * @returns {HTMLElement}
 */
function block(b) {
  switch (b.type) {
    case "heading":
      return el("p", { class: `heading h${b.level}`, role: "heading", "aria-level": Math.min(6, b.level + 3) }, inlines(b.children));
    case "code":
      return code(b.text, b.lang);
    case "quote":
      return el("blockquote", null, b.blocks.map(block));
    case "rule":
      return el("hr");
    case "list":
      return el(b.ordered ? "ol" : "ul", b.ordered && b.start !== 1 ? { start: b.start } : null, b.items.map(item));
    case "table":
      return el(
        "div",
        { class: "wide", tabindex: 0 },
        el(
          "table",
          null,
          el("thead", null, el("tr", null, b.head.map((cell, i) => el("th", { class: b.align[i] }, inlines(cell))))),
          el("tbody", null, b.rows.map((row) => el("tr", null, row.map((cell, i) => el("td", { class: b.align[i] }, inlines(cell)))))),
        ),
      );
    default:
      return el("p", null, inlines(b.children));
  }
}

/** @param {import("./markdown.js").Item} i */
function item(i) {
  const only = i.blocks.length === 1 && i.blocks[0].type === "paragraph" ? i.blocks[0] : null;
  const inside = only ? inlines(only.children) : i.blocks.map(block);
  if (i.checked === null) return el("li", null, inside);
  return el("li", { class: "task" }, el("input", { type: "checkbox", disabled: true, checked: i.checked, "aria-label": i.checked ? "done" : "open" }), inside);
}

/**
 * Code with what it is written in, and a button that copies it.
 * @param {string} text
 * @param {string} [lang]
 */
export function code(text, lang = "") {
  return el(
    "div",
    { class: "code" },
    el("div", { class: "code-top" }, el("span", null, lang.slice(0, 30)), copyButton(() => text, "Copy", "Copy this code")),
    el("pre", { tabindex: 0 }, el("code", null, text)),
  );
}

/**
 * @param {Inline[]} nodes
 * @returns {Node[]}
 */
function inlines(nodes) {
  return nodes.map((node) => {
    if (typeof node === "string") return document.createTextNode(node);
    switch (node.type) {
      case "strong":
        return el("strong", null, inlines(node.children));
      case "em":
        return el("em", null, inlines(node.children));
      case "strike":
        return el("s", null, inlines(node.children));
      case "code":
        return el("code", null, node.text);
      case "link":
        return outward(node.url, ...inlines(node.children));
      case "image":
        return outward(node.url, `image: ${node.alt || node.url}`);
      default:
        return el("br");
    }
  });
}
