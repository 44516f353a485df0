// What could be typed next in a filter: fields, their operators, their values. Pure.

import { quoted, tokens } from "./filter-text.js";

/**
 * @typedef {import("./types.js").Field} Field
 * @typedef {object} Spot what the caret is in
 * @property {"field"|"value"|"none"} kind
 * @property {number} from what would be replaced
 * @property {number} to
 * @property {string} prefix of it, up to the caret
 * @property {Field|null} field whose value it is
 * @property {string[]} [taken] values that the term has already
 *
 * @typedef {object} Option
 * @property {string} insert
 * @property {string} label
 * @property {string} help
 * @property {boolean} goes on: what follows is completed too
 */

/** How a kind of field is compared: operator and what it means. */
const OPERATORS = /** @type {Record<string, [string, string][]>} */ ({
  text: [[":", "is, or matches with *"], ["!=", "is not"]],
  choice: [[":", "is"], ["!=", "is not"]],
  flag: [[":", "yes or no"]],
  number: [[">", "more than"], ["<", "less than"], [":", "exactly"]],
  money: [[">", "more than"], ["<", "less than"], [":", "exactly"]],
  duration: [[">", "longer than"], ["<", "shorter than"]],
  time: [[">", "after a time, or an age such as 24h"], ["<", "before"]],
});
const BOUND = /** @type {[string, string][]} */ ([[":", "a time, or an age such as 24h"]]);

/** @param {Field} field */
const operators = ({ name, kind }) => (name === "since" || name === "until" ? BOUND : (OPERATORS[kind] ?? OPERATORS.text));

/** Values that are offered where none can be known. */
const EXAMPLES = /** @type {Record<string, string[]>} */ ({
  flag: ["yes", "no"],
  money: ["0.01", "0.1", "1", "10"],
  duration: ["1s", "10s", "1m", "10m", "1h"],
  time: ["1h", "24h", "7d", "30d"],
});

/**
 * @param {string} text
 * @param {number} caret
 * @param {Field[]} fields
 * @returns {Spot}
 */
export function spot(text, caret, fields) {
  const token = tokens(text).find(({ from, to }) => from < caret && caret <= to);
  if (!token) return { kind: "field", from: caret, to: caret, prefix: "", field: null };
  const none = { kind: /** @type {"none"} */ ("none"), from: caret, to: caret, prefix: "", field: null };
  if (!token.field || caret <= token.opFrom) {
    if (token.values[0]?.quoted) return none;
    return { kind: "field", from: token.start, to: token.field ? token.values[0].from : token.to, prefix: text.slice(token.start, caret), field: null };
  }
  const field = fields.find(({ name }) => name === token.field) ?? null;
  const value = token.values.find((v) => v.from <= caret && caret <= v.to);
  if (!field || !value) return none;
  const prefix = text.slice(value.from, caret).replace(/^"/, "");
  const taken = token.values.filter((v) => v !== value).map((v) => v.value);
  return { kind: "value", from: value.from, to: value.to, prefix, field, taken };
}

/**
 * Options that need no one to be asked.
 * @param {Spot} at
 * @param {Field[]} fields
 * @returns {Option[]}
 */
export function options(at, fields) {
  if (at.kind === "field") return named(at.prefix.toLowerCase(), fields);
  if (at.kind !== "value" || !at.field || at.field.suggests) return [];
  return values(at, at.field.choices ?? EXAMPLES[at.field.kind] ?? []);
}

/**
 * @param {string} prefix
 * @param {Field[]} fields
 * @returns {Option[]}
 */
function named(prefix, fields) {
  const exact = fields.find(({ name }) => name === prefix);
  const first = exact ? operators(exact).map(([op, help]) => option(prefix + op, help)) : [];
  const others = fields.filter(({ name }) => name !== prefix && name.startsWith(prefix));
  return [...first, ...others.map((field) => option(field.name + operators(field)[0][0], field.help))];
}

/**
 * @param {string} text
 * @param {string} help
 * @returns {Option}
 */
const option = (text, help) => ({ insert: text, label: text, help, goes: true });

/**
 * @param {Spot} at
 * @param {string[]} known
 * @returns {Option[]}
 */
export function values(at, known) {
  const prefix = at.prefix.toLowerCase().replace(/\*$/, "");
  const fit = known.filter((value) => value.toLowerCase().includes(prefix) && !at.taken?.includes(value));
  const begins = (/** @type {string} */ value) => Number(!value.toLowerCase().startsWith(prefix));
  return [...fit].sort((a, b) => begins(a) - begins(b)).map((value) => ({ insert: quoted(value), label: value, help: "", goes: false }));
}

/**
 * `text` with an option put in, and where the caret is then.
 * @param {string} text
 * @param {Spot} at
 * @param {Option} chosen
 * @returns {{text: string, caret: number}}
 */
export function complete(text, at, chosen) {
  const rest = text.slice(at.to);
  const space = chosen.goes || /^[\s,]/.test(rest) ? "" : " ";
  const caret = at.from + chosen.insert.length + space.length;
  return { text: text.slice(0, at.from) + chosen.insert + space + rest, caret };
}
