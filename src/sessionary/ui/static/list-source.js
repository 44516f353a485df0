// What a list asks the API for: its rows page by page, where the words were found, and the summary.

import * as api from "./api.js";
import { chosenFields, put, words } from "./filter-text.js";
import { apiQuery } from "./list-state.js";

/** @typedef {import("./list-state.js").State} State */
/** @typedef {import("./types.js").Hit} Hit */
/** @typedef {import("./types.js").Summary} Summary */

export const PAGE = 100;
const MOST_HITS = 200;
const MOST_FIELDS = 4; // whose other values are counted

/**
 * The first page, or the one after a cursor.
 * @param {"sessions"|"calls"} of
 * @param {State} state
 * @param {string} [cursor]
 * @param {AbortSignal} [signal]
 * @returns {Promise<{data: any[], next_cursor: string|null}>}
 */
export function page(of, state, cursor = "", signal = undefined) {
  return api.get(`/api/${of}${apiQuery(state, { limit: PAGE, cursor })}`, signal);
}

/**
 * Where the words of a filter were found, by session or by call; the newest that can be.
 * @param {"sessions"|"calls"} of
 * @param {State} state
 * @param {AbortSignal} [signal]
 * @returns {Promise<Map<string, Hit>>}
 */
export async function hits(of, state, signal) {
  const q = words(state.filter);
  if (!q) return new Map();
  const query = new URLSearchParams({ q, limit: String(MOST_HITS), ...(state.project ? { project: state.project } : {}) });
  const found = await api.get(`/api/search?${query}`, signal).catch(() => ({ data: [] }));
  return new Map(found.data.reverse().map((/** @type {Hit} */ hit) => [of === "calls" ? hit.call_id : hit.session, { ...hit, q }]));
}

/**
 * Counts over time and by value; null where there are none to be had. Of a field that values are chosen of, the others
 * are counted too: as if the field were not in the filter.
 * @param {"sessions"|"calls"} of
 * @param {State} state
 * @param {number} bars
 * @param {AbortSignal} [signal]
 * @returns {Promise<Summary|null>}
 */
export async function summary(of, state, bars, signal) {
  const fields = chosenFields(state.filter).slice(0, MOST_FIELDS);
  const [all, ...others] = await Promise.all([
    asked(of, state, bars, signal),
    ...fields.map((field) => asked(of, { ...state, filter: put(state.filter, { [field]: "" }) }, 1, signal)),
  ]);
  if (!all) return null;
  const instead = new Map(fields.map((field, i) => [field, others[i]?.facets.find((facet) => facet.field === field)]));
  return { ...all, facets: all.facets.map((facet) => instead.get(facet.field) ?? facet) };
}

/**
 * @param {"sessions"|"calls"} of
 * @param {State} state
 * @param {number} bars
 * @param {AbortSignal} [signal]
 * @returns {Promise<Summary|null>}
 */
function asked(of, state, bars, signal) {
  const query = apiQuery({ ...state, sort: "" }, { bars });
  return api.get(`/api/summary${query}&of=${of}`, signal).catch((error) => {
    if (error instanceof DOMException) throw error;
    return null;
  });
}
