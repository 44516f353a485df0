// Markdown as elements. An image in Markdown is a link with its text: a page never loads what a model names.

import { code, coloured, letters } from "./code.js";
import { el, outward } from "./el.js";
import { shortened, stretches } from "./long.js";
import { parse } from "./markdown.js";

/** @typedef {import("./inline.js").Inline} Inline */
/** @typedef {import("./markdown.js").Block} Block */

/**
 * A text as Markdown; of a long one the beginning, until all is asked for.
 * @param {string} text
 */
export function prose(text) {
  return shortened(el("div", { class: "prose", dir: "auto" }), text, blocks);
}

/**
 * A text as it is, lines kept; a long one likewise.
 * @param {string} text
 * @param {string} [kind]
 */
export function plain(text, kind = "prose plain") {
  const exact = kind.includes("mono");
  return shortened(el("div", { class: kind, dir: "auto" }), text, (part) => {
    const parts = stretches(part);
    if (parts.length > 1) return parts.map((stretch) => el("div", null, letters(stretch, exact)));
    return exact ? coloured(part) : letters(part);
  });
}

/**
 * @param {string} text
 * @returns {HTMLElement[]} headings by rank below the message's own, none left out between two
 */
function blocks(text) {
  /** @type {number[]} */
  const above = [];
  return parse(text).map((b) => {
    if (b.type === "heading") {
      while (above.length && above[above.length - 1] >= b.level) above.pop();
      above.push(b.level);
    }
    return block(b, above.length);
  });
}

/**
 * @param {Block} b
 * @param {number} [rank] of a heading
 * @returns {HTMLElement}
 */
function block(b, rank = 1) {
  switch (b.type) {
    case "heading":
      return el("p", { class: `heading h${b.level}`, role: "heading", "aria-level": rank + 3 }, inlines(b.children));
    case "code":
      return code(b.text, b.lang);
    case "quote":
      return el("blockquote", null, b.blocks.map((inner) => block(inner)));
    case "rule":
      return el("hr");
    case "list":
      return el(b.ordered ? "ol" : "ul", b.ordered && b.start !== 1 ? { start: b.start } : null, b.items.map(item));
    case "table":
      return el(
        "div",
        { class: "wide", tabindex: 0, role: "group", "aria-label": "Table" },
        el(
          "table",
          null,
          el("thead", null, el("tr", null, b.head.map((cell, i) => el("th", { class: b.align[i] }, inlines(cell))))),
          el("tbody", null, b.rows.map((row) => el("tr", null, row.map((cell, i) => el("td", { class: b.align[i] }, inlines(cell)))))),
        ),
      );
    default:
      return el("p", { dir: "auto" }, inlines(b.children));
  }
}

/** @param {import("./markdown.js").Item} i */
function item(i) {
  const only = i.blocks.length === 1 && i.blocks[0].type === "paragraph" ? i.blocks[0] : null;
  const inside = only ? inlines(only.children) : i.blocks.map((inner) => block(inner));
  if (i.checked === null) return el("li", null, inside);
  return el("li", { class: "task" }, el("input", { type: "checkbox", disabled: true, checked: i.checked, "aria-label": i.checked ? "done" : "open" }), inside);
}

/**
 * @param {Inline[]} nodes
 * @returns {Node[]}
 */
function inlines(nodes) {
  return nodes.flatMap((node) => {
    if (typeof node === "string") return letters(node);
    switch (node.type) {
      case "strong":
        return el("strong", null, inlines(node.children));
      case "em":
        return el("em", null, inlines(node.children));
      case "strike":
        return el("s", null, inlines(node.children));
      case "code":
        return el("code", { dir: "ltr" }, letters(node.text, true));
      case "link":
        return outward(node.url, ...inlines(node.children));
      case "image":
        return outward(node.url, ...letters(`image: ${node.alt || node.url}`));
      default:
        return el("br");
    }
  });
}
