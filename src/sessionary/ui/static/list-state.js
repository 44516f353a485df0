// A list's state and its address: one is the other. Pure.

/**
 * @typedef {object} State
 * @property {string} filter
 * @property {string} sort "" is the usual order
 * @property {string} cols names with commas, "" for the usual ones
 * @property {string} project of the master's view, "" for all
 */

const NAMES = /** @type {(keyof State)[]} */ (["filter", "sort", "cols", "project"]);

/**
 * @param {string} search an address's query
 * @returns {State}
 */
export function read(search) {
  const params = new URLSearchParams(search);
  const [filter, sort, cols, project] = NAMES.map((name) => params.getAll(name).join(",").trim());
  return { filter, sort, cols, project };
}

/**
 * The same state in one order, so that equal states are equal addresses. Colons and commas stay readable.
 * @param {Partial<State>} state
 * @param {Record<string, string|number>} [more]
 */
export function query(state, more = {}) {
  const params = [...NAMES.map((name) => [name, state[name] ?? ""]), ...Object.entries(more)].filter(([, value]) => value !== "");
  const text = params.map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%(?:3A|2C|22|3E|3C|2F|40|24)/gi, plain)}`).join("&");
  return text ? `?${text}` : "";
}

/** @param {string} code */
const plain = (code) => (/22|3E|3C/i.test(code) ? code : decodeURIComponent(code));

/**
 * What the API is asked: columns are the page's own.
 * @param {State} state
 * @param {Record<string, string|number>} [more]
 */
export function apiQuery(state, more) {
  return query({ ...state, cols: "" }, more);
}

/**
 * The order after a click on a column's header: the largest first, then the other way round.
 * @param {string} now
 * @param {string} column
 */
export function ordered(now, column) {
  return now === `-${column}` ? column : `-${column}`;
}
