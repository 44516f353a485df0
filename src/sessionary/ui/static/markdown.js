// Markdown to a tree of plain objects. Pure, and linear in the text's length: nesting is limited, nothing is
// searched twice. There is no HTML in it: tags are text. What is not understood is text as well.

/**
 * @typedef {string | {type: "strong"|"em"|"strike", children: Inline[]} | {type: "code", text: string}
 *   | {type: "link", url: string, children: Inline[]} | {type: "image", url: string, alt: string} | {type: "break"}} Inline
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

/**
 * @param {string} text
 * @returns {Inline[]}
 */
export function inline(text) {
  return new Scanner(text).run();
}

class Scanner {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    /** @type {Inline[]} */
    this.out = [];
    this.plain = "";
    /** @type {{mark: string, at: number}[]} openers that wait for their end */
    this.open = [];
    /** @type {Set<number>} lengths of backtick runs that are known to have no end */
    this.noEnd = new Set();
  }

  run() {
    const { text } = this;
    for (let i = 0; i < text.length; ) {
      const step = this.special(i);
      if (step) i += step;
      else this.plain += text[i++];
    }
    while (this.open.length) this.giveUp();
    this.flush();
    return merged(this.out);
  }

  /**
   * @param {number} i
   * @returns {number} how much was read; 0 for an ordinary letter
   */
  special(i) {
    const { text } = this;
    switch (text[i]) {
      case "\\":
        if (!/[!-/:-@[-`{-~]/.test(text[i + 1] ?? "")) return 0;
        this.plain += text[i + 1];
        return 2;
      case "\n":
        this.plain = this.plain.trimEnd();
        this.push({ type: "break" });
        return 1;
      case "`":
        return this.code(i);
      case "*":
      case "_":
      case "~":
        return this.mark(i);
      case "!":
        return text[i + 1] === "[" ? this.opener("![", 2) : 0;
      case "[":
        return this.opener("[", 1);
      case "]":
        return this.link(i);
      case "<":
      case "h":
        return this.address(i);
      default:
        return 0;
    }
  }

  flush() {
    if (this.plain) this.out.push(this.plain);
    this.plain = "";
  }

  /** @param {Inline} node */
  push(node) {
    this.flush();
    this.out.push(node);
  }

  /**
   * @param {string} mark
   * @param {number} length
   */
  opener(mark, length) {
    this.push(mark);
    this.open.push({ mark, at: this.out.length - 1 });
    if (this.open.length > 64) this.open.shift();
    return length;
  }

  /** The last opener stays what it looks like: text. */
  giveUp() {
    this.open.pop();
  }

  /** @param {number} i */
  code(i) {
    const { text } = this;
    const run = length(text, i);
    if (this.noEnd.has(run)) return this.literal(i, run);
    for (let j = i + run; j < text.length; ) {
      const next = text.indexOf("`", j);
      if (next < 0) break;
      const size = length(text, next);
      if (size === run) {
        const inner = text.slice(i + run, next).replace(/\n/g, " ");
        const padded = inner.length > 2 && inner.startsWith(" ") && inner.endsWith(" ") && inner.trim();
        this.push({ type: "code", text: padded ? inner.slice(1, -1) : inner });
        return next + size - i;
      }
      j = next + size;
    }
    this.noEnd.add(run);
    return this.literal(i, run);
  }

  /**
   * @param {number} i
   * @param {number} size
   */
  literal(i, size) {
    this.plain += this.text.slice(i, i + size);
    return size;
  }

  /** @param {number} i */
  mark(i) {
    const { text } = this;
    const letter = text[i];
    const run = length(text, i);
    const [before, after] = [text[i - 1] ?? " ", text[i + run] ?? " "];
    let canOpen = !/\s/.test(after);
    let canClose = !/\s/.test(before);
    if (letter === "_") {
      canOpen &&= !/[\p{L}\p{N}]/u.test(before);
      canClose &&= !/[\p{L}\p{N}]/u.test(after);
    }
    if (run > 3 || (letter === "~" && run !== 2)) return this.literal(i, run);
    let left = run;
    while (left > 0 && canClose) {
      const at = this.open.findLastIndex(({ mark }) => mark[0] === letter && mark.length <= left);
      if (at < 0) break;
      const { mark, at: start } = this.open[at];
      this.flush();
      if (this.out.length - 1 === start) break;
      this.open.length = at;
      const children = merged(this.out.splice(start).slice(1));
      this.out.push({ type: letter === "~" ? "strike" : mark.length === 2 ? "strong" : "em", children });
      left -= mark.length;
    }
    while (left > 0) {
      const size = left >= 2 ? 2 : 1;
      if (canOpen) this.opener(letter.repeat(size), size);
      else this.plain += letter.repeat(size);
      left -= size;
    }
    return run;
  }

  /** @param {number} i */
  link(i) {
    const at = this.open.findLastIndex(({ mark }) => mark === "[" || mark === "![");
    if (at < 0 || this.text[i + 1] !== "(") return 0;
    const target = /^\(\s{0,9}<?((?:[^\s()<>]|\([^\s()<>]{0,500}\)){0,2000})>?(?:\s{1,9}["'(][^"')]{0,500}["')])?\s{0,9}\)/.exec(
      this.text.slice(i + 1, i + 3200),
    );
    if (!target) return 0;
    this.flush();
    const { mark, at: start } = this.open[at];
    this.open.length = at;
    const children = merged(this.out.splice(start).slice(1));
    if (mark === "![") this.out.push({ type: "image", url: target[1], alt: flat(children) });
    else this.out.push({ type: "link", url: target[1], children });
    return 1 + target[0].length;
  }

  /** @param {number} i */
  address(i) {
    const bare = this.text[i] === "h";
    if (bare && /[\p{L}\p{N}]/u.test(this.text[i - 1] ?? "")) return 0;
    if (!this.text.startsWith(bare ? "http" : "<http", i)) return 0;
    const found = /^<?(https?:\/\/[^\s<>"'`*|\\]{1,2000})(>?)/.exec(this.text.slice(i, i + 2100));
    if (!found || (!bare && !found[2])) return 0;
    let url = found[1];
    if (bare) {
      url = url.replace(/[.,:;!?]{1,20}$/, "");
      if (url.endsWith(")") && !url.includes("(")) url = url.slice(0, -1);
      if (url.endsWith("]")) url = url.slice(0, -1);
    }
    this.push({ type: "link", url, children: [url] });
    return bare ? url.length : url.length + 2;
  }
}

/**
 * The length of the run of one letter.
 * @param {string} text
 * @param {number} i
 */
function length(text, i) {
  let j = i;
  while (text[j] === text[i]) j++;
  return j - i;
}

/**
 * Neighbouring texts as one.
 * @param {Inline[]} nodes
 * @returns {Inline[]}
 */
function merged(nodes) {
  /** @type {Inline[]} */
  const out = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (typeof node === "string" && typeof last === "string") out[out.length - 1] = last + node;
    else out.push(node);
  }
  return out;
}

/**
 * @param {Inline[]} nodes
 * @returns {string}
 */
function flat(nodes) {
  return nodes
    .map((node) => (typeof node === "string" ? node : "children" in node ? flat(node.children) : "text" in node ? node.text : ""))
    .join("");
}
