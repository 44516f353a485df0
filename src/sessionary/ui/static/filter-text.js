// The filter language as the pages need it: to colour what is typed, and to change one term of it. Pure. What a
// filter means, and whether it is right, the server alone says (api/language.py).
//
//   model:gpt* cost>0.5 key:ci,web -client:curl text:"refund"     field, operator, values; - negates
//   refund                                                        a word is searched for in the messages

/**
 * @typedef {{from: number, to: number, value: string, quoted: boolean}} Value
 * @typedef {object} Token
 * @property {number} from
 * @property {number} to
 * @property {boolean} negated by a - in front
 * @property {string} field in lower case; "" where it is a word
 * @property {string} op "" where it is a word
 * @property {number} start of the field's name
 * @property {number} opFrom
 * @property {Value[]} values several mean any of them
 */

const TERM = /^([A-Za-z_]+)(>=|<=|!=|:|=|>|<)/;

/**
 * @param {string} text
 * @returns {Token[]}
 */
export function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) {
      at++;
      continue;
    }
    const from = at;
    const negated = text[at] === "-" && at + 1 < text.length && !/\s/.test(text[at + 1]);
    const start = negated ? at + 1 : at;
    const term = TERM.exec(text.slice(start, start + 80));
    const opFrom = start + (term ? term[1].length : 0);
    /** @type {Value[]} */
    const values = [];
    at = term ? start + term[0].length : start;
    for (;;) {
      const value = read(text, at, Boolean(term));
      values.push(value);
      at = value.to;
      if (!term || text[at] !== ",") break;
      at++;
    }
    if (at === from) at++;
    found.push({ from, to: at, negated, field: term ? term[1].toLowerCase() : "", op: term ? term[2] : "", start, opFrom, values });
  }
  return found;
}

/**
 * @param {string} text
 * @param {number} from
 * @param {boolean} list whether a comma ends a value
 * @returns {Value}
 */
function read(text, from, list) {
  let at = from;
  let value = "";
  if (text[at] === '"') {
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === "\\" && at + 1 < text.length) at++;
      value += text[at];
    }
    return { from, to: Math.min(text.length, at + 1), value, quoted: true };
  }
  while (at < text.length && !/\s/.test(text[at]) && !(list && text[at] === ",")) value += text[at++];
  return { from, to: at, value, quoted: false };
}

/**
 * A value as it is written after an operator: in quotes where it would be read as something else.
 * @param {string} value
 */
export function quoted(value) {
  return /^[^\s,"]+$/.test(value) ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** @param {Token} token */
const any = (token) => !token.negated && (token.op === ":" || token.op === "=");

/**
 * The values of which a field is to have any, in lower case.
 * @param {string} text
 * @param {string} field
 */
export function chosen(text, field) {
  const terms = tokens(text).filter((token) => token.field === field && any(token));
  return new Set(terms.flatMap((token) => token.values.map(({ value }) => value.toLowerCase())));
}

/**
 * The fields that are to have some value.
 * @param {string} text
 */
export function chosenFields(text) {
  return [...new Set(tokens(text).filter((token) => token.field && any(token)).map((token) => token.field))];
}

/**
 * `text` with a value of a field added to those that will do, or taken away where it is among them.
 * @param {string} text
 * @param {string} field
 * @param {string} value
 */
export function toggled(text, field, value) {
  const terms = tokens(text);
  const same = (/** @type {Value} */ v) => v.value.toLowerCase() === value.toLowerCase();
  const own = terms.filter((token) => token.field === field && any(token));
  const holder = own.find((token) => token.values.some(same));
  if (holder) {
    const rest = holder.values.filter((v) => !same(v)).map((v) => text.slice(v.from, v.to));
    const head = text.slice(holder.from, holder.values[0].from);
    return replaced(text, [[holder, rest.length ? head + rest.join(",") : ""]]);
  }
  if (own.length) return replaced(text, [[own[0], `${text.slice(own[0].from, own[0].to)},${quoted(value)}`]]);
  return `${text.trim()} ${field}:${quoted(value)}`.trim();
}

/**
 * `text` with other terms for some fields: a field's terms go, and what is given comes instead.
 * @param {string} text
 * @param {Record<string, string>} terms field -> value, "" for none
 */
export function put(text, terms) {
  const gone = tokens(text).filter((token) => Object.hasOwn(terms, token.field));
  const kept = replaced(text, gone.map((token) => [token, ""]));
  const added = Object.entries(terms).filter(([, value]) => value).map(([field, value]) => `${field}:${value}`);
  return [kept, ...added].filter(Boolean).join(" ");
}

/**
 * The value of a field that has one.
 * @param {string} text
 * @param {string} field
 */
export function value(text, field) {
  return tokens(text).find((token) => token.field === field && any(token))?.values[0]?.value ?? "";
}

/**
 * What is searched for in the messages.
 * @param {string} text
 */
export function words(text) {
  const found = tokens(text).filter((token) => !token.negated && (!token.field || (token.field === "text" && any(token))));
  return found.flatMap((token) => token.values.map((v) => (v.quoted && /\s/.test(v.value) ? `"${v.value}"` : v.value))).join(" ");
}

/**
 * @param {string} text
 * @param {[Token, string][]} changes
 */
export function replaced(text, changes) {
  const instead = new Map(changes.map(([token, other]) => [token.from, other]));
  return tokens(text).map((token) => instead.get(token.from) ?? text.slice(token.from, token.to)).filter(Boolean).join(" ");
}
