// Code to coloured pieces. Pure, total and linear: the pieces' texts in a row are the text, whatever it is; what is
// not understood is plain.

import { LANGUAGES, language } from "./languages.js";

/** @typedef {import("./languages.js").Kind} Kind */
/** @typedef {import("./languages.js").Language} Language */
/** @typedef {{kind: Kind, text: string}} Token */

/** @typedef {{pattern: RegExp, kinds: (Kind|"word")[], words: Set<string>, values: Set<string>}} Made */

/** Longer texts stay plain: a page need not colour what nobody reads to its end. */
const MOST = 200_000;

/** @type {Map<Language, Made>} */
const made = new Map();

/**
 * @param {string} text
 * @param {string} lang as a fence or a file's name says it
 * @returns {Token[]} neighbours are of different kinds, but for lines of a diff
 */
export function highlight(text, lang) {
  const name = text.length <= MOST ? language(lang) : "";
  const out = new Tokens();
  if (!name) out.push("", text);
  else if (name === "html") markup(text, out);
  else scan(text, LANGUAGES[name], out);
  return out.list;
}

class Tokens {
  constructor() {
    /** @type {Token[]} */
    this.list = [];
  }

  /**
   * @param {Kind} kind
   * @param {string} text
   */
  push(kind, text) {
    if (!text) return;
    const last = this.list.at(-1);
    if (last?.kind === kind && kind !== "add" && kind !== "del") last.text += text;
    else this.list.push({ kind, text });
  }
}

/**
 * @param {Language} language
 * @returns {Made}
 */
function prepared(language) {
  const known = made.get(language);
  if (known) return known;
  const { rules, words = "", values = "" } = language;
  const set = (/** @type {string} */ names) => new Set(names.split(" ").filter(Boolean));
  const fresh = { pattern: new RegExp(rules.map(([, source]) => `(${source})`).join("|"), "gmu"), kinds: rules.map(([kind]) => kind), words: set(words), values: set(values) };
  made.set(language, fresh);
  return fresh;
}

/**
 * @param {string} text
 * @param {Language} language
 * @param {Tokens} out
 */
function scan(text, language, out) {
  const { pattern, kinds, words, values } = prepared(language);
  let at = 0;
  pattern.lastIndex = 0;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    const [whole] = found;
    if (!whole) {
      pattern.lastIndex += 1;
      continue;
    }
    out.push("", text.slice(at, found.index));
    const kind = kinds[found.findIndex((group, i) => i > 0 && group !== undefined) - 1];
    const end = found.index + whole.length;
    if (kind === "word") out.push(named(whole, text, found.index, end, language, words, values), whole);
    else out.push(kind === "string" && language.key && follows(text, end, language.key) ? "key" : kind, whole);
    at = end;
  }
  out.push("", text.slice(at));
}

/**
 * What a word is.
 * @param {string} word
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @param {Language} language
 * @param {Set<string>} words
 * @param {Set<string>} values
 * @returns {Kind}
 */
function named(word, text, start, end, { fold, types, key, commands }, words, values) {
  const plain = fold ? word.toLowerCase() : word;
  if (key && follows(text, end, key)) return "key";
  if (words.has(plain)) return text[start - 1] === "." ? "" : "keyword";
  if (values.has(plain)) return "number";
  if (commands) return /(?:^|[\n|;&(`]|\$ )[ \t]{0,40}$/.test(text.slice(Math.max(0, start - 42), start)) ? "name" : "";
  if (key && /^[-+]?\d[\d.]*$/.test(word)) return "number";
  if (text[end] === "(") return "name";
  return types && /^\p{Lu}/u.test(word) ? "type" : "";
}

/**
 * @param {string} text
 * @param {number} at
 * @param {string} mark one letter, or one and a space: then white space must follow it
 */
function follows(text, at, mark) {
  for (let i = at; i < at + 8; i++) {
    if (text[i] === mark[0]) return mark.length === 1 || !text[i + 1]?.trim();
    if (text[i] !== " ") return false;
  }
  return false;
}

/**
 * HTML and XML: inside a tag stand names and values.
 * @param {string} text
 * @param {Tokens} out
 */
function markup(text, out) {
  const { pattern, kinds } = prepared(LANGUAGES.html);
  const inside = /[^<>"']|"[^"]*"?|'[^']*'?/gy;
  let at = 0;
  pattern.lastIndex = 0;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    out.push("", text.slice(at, found.index));
    const kind = kinds[found.findIndex((group, i) => i > 0 && group !== undefined) - 1];
    out.push(kind === "word" ? "" : kind, found[0]);
    at = pattern.lastIndex;
    if (kind !== "type") continue;
    let end = at;
    inside.lastIndex = at;
    while (inside.exec(text)) end = inside.lastIndex;
    scan(text.slice(at, end), LANGUAGES.tag, out);
    if (text[end] === ">") out.push("type", text[end++]);
    at = end;
    pattern.lastIndex = end;
  }
  out.push("", text.slice(at));
}
