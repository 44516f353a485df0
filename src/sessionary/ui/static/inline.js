// What is inside a line of Markdown: emphasis, code, links. Pure, and linear but for runs of backticks; openers
// that wait are limited. Links keep their address as text: whether it may be followed is not decided here.

/**
 * @typedef {string | {type: "strong"|"em"|"strike", children: Inline[]} | {type: "code", text: string}
 *   | {type: "link", url: string, children: Inline[]} | {type: "image", url: string, alt: string} | {type: "break"}} Inline
 */

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
    this.flush(); // what is open stays what it looks like: text
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
    if (at < 0) return 0;
    const target = /^\(\s{0,9}<?((?:[^\s()<>]|\([^\s()<>]{0,500}\)){0,2000})>?(?:\s{1,9}["'(][^"')]{0,500}["')])?\s{0,9}\)/.exec(
      this.text.slice(i + 1, i + 3200),
    );
    if (!target) {
      this.open.splice(at, 1);
      return 0;
    }
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
    if (bare && /[^\s<>"'`*|\\]/.test(this.text[i + found[0].length] ?? " ")) return 0; // too long: its beginning is another one
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
