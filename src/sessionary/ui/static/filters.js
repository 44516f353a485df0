// The list's filters and the page's address: one is the other. Pure.

export const NAMES = ["q", "model", "status", "source", "since", "until", "key", "user", "client", "session_id", "project", "sort"];
export const DEFAULT_SORT = "-last_at";

/**
 * Filters that are set, from an address's query or a form's fields.
 * @param {Iterable<[string, any]>} entries
 * @returns {Record<string, string>}
 */
export function read(entries) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [name, value] of entries) {
    const text = typeof value === "string" ? value.trim() : "";
    if (NAMES.includes(name) && text && !(name === "sort" && text === DEFAULT_SORT)) found[name] = text;
  }
  return found;
}

/**
 * The same filters in one order, so that equal filters are equal addresses.
 * @param {Record<string, string>} filters
 * @param {Record<string, string|number>} [more]
 */
export function query(filters, more = {}) {
  const params = new URLSearchParams();
  for (const name of NAMES) if (filters[name]) params.set(name, filters[name]);
  for (const [name, value] of Object.entries(more)) params.set(name, String(value));
  const text = params.toString();
  return text ? `?${text}` : "";
}

/**
 * Whether anything narrows the list; an order does not.
 * @param {Record<string, string>} filters
 */
export function narrowed(filters) {
  return NAMES.some((name) => name !== "sort" && name !== "project" && Boolean(filters[name]));
}

/**
 * Whether the newest session comes first.
 * @param {Record<string, string>} filters
 */
export function newestFirst(filters) {
  return (filters.sort ?? DEFAULT_SORT) === DEFAULT_SORT;
}
