// Characters that do something instead of being seen. Pure and linear. Codes of a terminal are dropped: they colour
// and move. Other control characters, what turns the direction of writing, and letters that nobody sees but a model
// reads are named instead. What right-to-left text and emoji need stays as it is.

import { plural } from "./format.js";

/** @typedef {string | {name: string, title: string}} Run a text, or the name of what is not seen */

/** Of a terminal: colours and moves. */
const CODES = /(?:\u001b\[|\u009b)[0-?]{0,64}[ -/]{0,8}[@-~]|\u001b[ -/]{0,8}[0-OQ-WYZ\\`-~]/g;
/** Of a terminal: links, titles and other texts that it does not show. */
const STRINGS = "(?:\\u001b[\\]PX^_]|\\u009d)[^\\u0007\\u001b\\u009c]{0,2000}(?:\\u0007|\\u001b\\\\|\\u009c)";
const NAMES = /** @type {Record<string, string>} */ ({
  "\u202a": "LRE left-to-right embedding",
  "\u202b": "RLE right-to-left embedding",
  "\u202c": "PDF end of a direction",
  "\u202d": "LRO left-to-right override",
  "\u202e": "RLO right-to-left override",
  "\u2066": "LRI left-to-right isolate",
  "\u2067": "RLI right-to-left isolate",
  "\u2068": "FSI first strong isolate",
  "\u2069": "PDI end of an isolate",
  "\u200e": "LRM left-to-right mark",
  "\u200f": "RLM right-to-left mark",
  "\u061c": "ALM Arabic letter mark",
  "\u200b": "ZWSP zero width space",
  "\u200c": "ZWNJ zero width non-joiner",
  "\u200d": "ZWJ zero width joiner",
  "\u2060": "WJ word joiner",
  "\ufeff": "BOM byte order mark",
  "\u00ad": "SHY soft hyphen",
  "\u2028": "LS line separator",
  "\u2029": "PS paragraph separator",
  "\u3164": "HF Hangul filler",
});
const SHORT = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" ");
/** Alphabets that are not seen: one for each letter of ASCII, one for each byte. A flag's emoji uses the first. */
const HIDDEN = "\\u{1f3f4}?[\\u{e0000}-\\u{e007f}]+|[\\u{fe00}-\\u{fe0f}\\u{e0100}-\\u{e01ef}]{2,}";
const FLAG = /^\u{1f3f4}[\u{e0030}-\u{e007a}]{3,6}\u{e007f}$/u;
const CONTROL = "\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a\\u202b\\u202d\\u202e\\u2028\\u2029\\u2060\\u3164\\ufffe\\uffff";
const IN_PROSE = new RegExp(`${STRINGS}|${HIDDEN}|([${CONTROL}])\\1*`, "gu");
const IN_CODE = new RegExp(`${STRINGS}|${HIDDEN}|([${CONTROL}\\u061c\\u200b-\\u200f\\u202c\\u2066-\\u2069\\ufeff\\u00ad])\\1*`, "gu");
const ANY = /[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\u3164\ufe00-\ufe0f\ufeff\ufffe\uffff]|[\u{e0000}-\u{e01ef}]/u;
/** Past so many, those that follow are one sign each. */
const MOST = 500;

/**
 * @param {string} text
 * @param {boolean} [code] in code everything that is not seen is named; in prose what changes the reading
 * @returns {Run[]}
 */
export function runs(text, code = false) {
  if (!ANY.test(text)) return text ? [text] : [];
  const said = settled(text);
  /** @type {Run[]} */
  const found = [];
  let at = 0;
  for (const { 0: hidden, index } of said.matchAll(code ? IN_CODE : IN_PROSE)) {
    if (FLAG.test(hidden)) continue;
    if (found.length > MOST) return [...found, said.slice(at).replace(code ? IN_CODE : IN_PROSE, (/** @type {string} */ one) => (FLAG.test(one) ? one : "\ufffd"))];
    if (index > at) found.push(said.slice(at, index));
    found.push(named(hidden));
    at = index + hidden.length;
  }
  if (at < said.length) found.push(said.slice(at));
  return found;
}

/**
 * Without colours and moves, and with one kind of line end.
 * @param {string} text
 */
function settled(text) {
  const plain = text.includes("\u001b") || text.includes("\u009b") ? text.replace(CODES, "") : text;
  return plain.includes("\r") ? plain.replace(/\r\n?/g, "\n") : plain;
}

/**
 * @param {string} hidden
 * @returns {Run}
 */
function named(hidden) {
  const point = hidden.codePointAt(0) ?? 0;
  if (hidden.length > 1 && (point === 0x1b || point === 0x9d)) return { name: "OSC", title: `a terminal's code: ${hidden.slice(point === 0x1b ? 2 : 1, 300)}` };
  const times = hidden.length > 1 && point < 0x10000 ? hidden.length : 1;
  if (point >= 0x1f3f4 || (times > 1 && point >= 0xfe00 && point <= 0xfe0f)) return { name: `hidden: ${decoded(hidden)}`, title: "letters that are not seen, but that a model reads" };
  const hex = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  const [name, ...words] = (NAMES[hidden[0]] ?? `${SHORT[point] ?? hex} control character`).split(" ");
  return { name: times > 1 ? `${name} ×${times}` : name, title: `${hex} ${words.join(" ")}` };
}

/**
 * What a hidden alphabet says.
 * @param {string} hidden
 */
function decoded(hidden) {
  const points = Array.from(hidden.slice(0, 2000), (letter) => letter.codePointAt(0) ?? 0).filter((point) => point !== 0x1f3f4);
  const tags = points.every((point) => point >= 0xe0000 && point < 0xe0080);
  const bytes = points.map((point) => (tags ? point - 0xe0000 : point < 0xfe10 ? point - 0xfe00 : point - 0xe0100 + 16));
  const said = new TextDecoder().decode(Uint8Array.from(bytes)).replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, "");
  return said || plural(points.length, "letter");
}
