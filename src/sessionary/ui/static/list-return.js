// Coming back to a list by "back": to the row that one was at, though rows come page by page, and new ones may be above.

const KEY = "list-place";
const MOST = 5000; // rows that are fetched for it

/** @typedef {{key: string, into: number}} Anchor the row at the top, and how far it has been scrolled past */

/**
 * Remembers the place when the page is left.
 * @param {() => {rows: number, anchor: Anchor|null}} here
 */
export function remember(here) {
  history.scrollRestoration = "manual"; // the browser cannot know of rows that are not there yet
  addEventListener("pagehide", () => sessionStorage.setItem(KEY, JSON.stringify({ at: location.pathname + location.search, ...here() })));
}

/**
 * Where one was in this list, if one comes back to it.
 * @returns {{rows: number, anchor: Anchor}|null}
 */
export function before() {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (entry?.type !== "back_forward" && entry?.type !== "reload") return null;
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  const same = kept?.at === location.pathname + location.search && kept.anchor;
  return same ? { rows: Math.min(kept.rows, MOST), anchor: kept.anchor } : null;
}
