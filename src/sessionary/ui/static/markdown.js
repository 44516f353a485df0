// Markdown to a tree of plain objects. Pure, and linear in the text's length: nesting is limited, nothing is
// searched twice. There is no HTML in it: tags are text. What is not understood is text as well.

import { inline } from "./inline.js";

/**
 * @typedef {import("./inline.js").Inline} Inline
 * @typedef {{blocks: Block[], checked: boolean|null}} Item
 * @typedef {{type: "heading", level: number, children: Inline[]} | {type: "paragraph", children: Inline[]}
 *   | {type: "code", lang: string, text: string} | {type: "list", ordered: boolean, start: number, items: Item[]}
 *   | {type: "quote", blocks: Block[]} | {type: "rule"}
 *   | {type: "table", align: string[], head: Inline[][], rows: Inline[][][]}} Block
 */

const DEEPEST = 8;
const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DIVIDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/;

/**
 * @param {string} text
 * @returns {Block[]}
 */
export function parse(text) {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {Block[]}
 */
function blocks(lines, depth) {
  /** @type {Block[]} */
  const found = [];
  /** @type {string[]} */
  let open = [];
  const close = () => {
    if (open.length) found.push({ type: "paragraph", children: inline(open.join("\n")) });
    open = [];
  };
  for (let i = 0; i < lines.length; ) {
    const line = lines[i];
    if (!line.trim()) {
      close();
      i += 1;
      continue;
    }
    const block = leaf(lines, i) ?? (depth < DEEPEST ? nest(lines, i, depth, open.length > 0) : null);
    if (block) {
      close();
      found.push(block.block);
      i = block.next;
    } else {
      open.push(line.trim());
      i += 1;
    }
  }
  close();
  return found;
}

/**
 * A block without blocks in it.
 * @param {string[]} lines
 * @param {number} i
 * @returns {{block: Block, next: number}|null}
 */
function leaf(lines, i) {
  const line = lines[i];
  const fence = FENCE.exec(line);
  if (fence) return fenced(lines, i, fence[1], fence[2].trim());
  const heading = HEADING.exec(line);
  if (heading) {
    const text = heading[2].trim().replace(/(?:^|[ \t])#+$/, "");
    return { block: { type: "heading", level: heading[1].length, children: inline(text) }, next: i + 1 };
  }
  if (line.length < 500 && RULE.test(line.trimEnd())) return { block: { type: "rule" }, next: i + 1 };
  const under = lines[i + 1];
  if (line.includes("|") && under !== undefined && under.includes("-") && under.length < 2000 && DIVIDER.test(under.trimEnd())) {
    return table(lines, i);
  }
  return null;
}

/**
 * @param {string[]} lines
 * @param {number} i
 * @param {string} mark
 * @param {string} lang
 * @returns {{block: Block, next: number}}
 */
function fenced(lines, i, mark, lang) {
  const indent = indentOf(lines[i]);
  const text = [];
  let next = i + 1;
  for (; next < lines.length; next++) {
    const end = lines[next].trim();
    if (end.length >= mark.length && end === mark[0].repeat(end.length)) break;
    text.push(dedent(lines[next], indent));
  }
  return { block: { type: "code", lang: lang.split(/\s/)[0], text: text.join("\n") }, next: Math.min(next + 1, lines.length) };
}

/**
 * @param {string[]} lines
 * @param {number} i
 * @returns {{block: Block, next: number}|null}
 */
function table(lines, i) {
  const head = cells(lines[i]);
  const align = cells(lines[i + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  if (head.length !== align.length) return null;
  const rows = [];
  let next = i + 2;
  for (; next < lines.length && lines[next].includes("|"); next++) {
    const row = cells(lines[next]);
    rows.push(head.map((_, column) => inline(row[column] ?? "")));
  }
  return { block: { type: "table", align, head: head.map(inline), rows }, next };
}

/** @param {string} line */
function cells(line) {
  const parts = [""];
  const text = line.trim().replace(/^\|/, "");
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\" && text[i + 1] === "|") parts[parts.length - 1] += "|", i++;
    else if (text[i] === "|") parts.push("");
    else parts[parts.length - 1] += text[i];
  }
  if (parts.length > 1 && !parts[parts.length - 1].trim()) parts.pop();
  return parts.map((part) => part.trim());
}

/**
 * A quote or a list.
 * @param {string[]} lines
 * @param {number} i
 * @param {number} depth
 * @param {boolean} inside a paragraph, which only a bullet or a 1 may end
 * @returns {{block: Block, next: number}|null}
 */
function nest(lines, i, depth, inside) {
  if (/^ {0,3}>/.test(lines[i])) {
    let next = i;
    const quoted = [];
    for (; next < lines.length && /^ {0,3}>/.test(lines[next]); next++) quoted.push(lines[next].replace(/^ {0,3}> ?/, ""));
    return { block: { type: "quote", blocks: blocks(quoted, depth + 1) }, next };
  }
  const first = ITEM.exec(lines[i]);
  if (!first || (inside && !/^(?:[-*+]|1[.)])$/.test(first[2]))) return null;
  const ordered = first[2].length > 1;
  const sort = first[2].at(-1);
  /** @type {Item[]} */
  const items = [];
  let next = i;
  while (next < lines.length) {
    const mark = ITEM.exec(lines[next]);
    if (!mark || mark[2].at(-1) !== sort || mark[1].length > first[1].length + 1 || RULE.test(lines[next].trimEnd())) break;
    const inner = Math.min(mark[0].length, mark[1].length + mark[2].length + 1);
    const own = [lines[next].slice(mark[0].length)];
    for (next += 1; next < lines.length; next++) {
      const line = lines[next];
      const indent = indentOf(line);
      const blank = !line.trim();
      if (blank) {
        const after = lines[next + 1];
        if (after === undefined || !after.trim() || indentOf(after) < mark[1].length + 2) break;
      } else if (indent < mark[1].length + 2) {
        if (ITEM.test(line) || FENCE.test(line) || HEADING.test(line) || !own.at(-1)?.trim()) break;
      }
      own.push(dedent(line, inner));
    }
    const box = /^\[([ xX])\][ \t]+/.exec(own[0]);
    if (box) own[0] = own[0].slice(box[0].length);
    items.push({ blocks: blocks(own, depth + 1), checked: box ? box[1] !== " " : null });
    if (next < lines.length && !lines[next].trim() && ITEM.test(lines[next + 1] ?? "")) next += 1;
  }
  if (!items.length) return null;
  return { block: { type: "list", ordered, start: ordered ? parseInt(first[2], 10) : 1, items }, next };
}

/** @param {string} line */
function indentOf(line) {
  return line.length - line.trimStart().length;
}

/**
 * @param {string} line
 * @param {number} by
 */
function dedent(line, by) {
  return line.slice(Math.min(by, indentOf(line)));
}
