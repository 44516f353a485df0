// A list: its state is the address; rows come page by page and only those near the screen are in the document; what
// stands beside them (histogram, facets) comes after the rows, so that the list is never late.

import { cameFrom } from "./beside.js";
import { columns, headers, widened } from "./columns.js";
import { byId, el } from "./el.js";
import { facets } from "./facets.js";
import { filterField } from "./filter-field.js";
import { toggled } from "./filter-text.js";
import { ago, plural } from "./format.js";
import { histogram } from "./histogram.js";
import { keyboard } from "./list-keys.js";
import { news, off } from "./list-news.js";
import { before, remember } from "./list-return.js";
import * as source from "./list-source.js";
import { apiQuery, query, read } from "./list-state.js";
import { standIn } from "./list-stand-in.js";
import { written } from "./plot.js";
import { savedViews } from "./saved-views.js";
import { selection } from "./selection.js";
import { timeRange, within } from "./time-range.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Hit} Hit */
/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./list-state.js").State} State */

const AHEAD = 900; // pixels before the end where the next page is asked for

/**
 * @typedef {object} Spec
 * @property {"sessions"|"calls"} of
 * @property {string} path the page's
 * @property {string} noun one of its rows
 * @property {Record<string, (row: any, hit?: Hit) => HTMLTableCellElement>} cells by column
 * @property {(row: any) => string} dot its state, as a dot is drawn
 * @property {(row: any) => string} title
 * @property {(session: Session) => any} [changed] the row that a changed session is
 */

/** @param {Spec} spec */
export function list(spec) {
  const { of } = spec;
  const body = byId("rows");
  const tableNode = /** @type {HTMLTableElement} */ (body.closest("table"));
  const usual = tableNode.dataset.order ?? "";
  const more = /** @type {HTMLAnchorElement} */ (byId("more"));
  let state = read(location.search);
  /** @type {any[]} */
  let rows = [];
  /** @type {Map<string, Hit>} */
  let hits = new Map();
  let cursor = "";
  /** @type {Promise<boolean>|null} the next page, on its way */
  let fetching = null;
  /** @type {AbortController|null} */
  let asking = null;
  /** @type {import("./types.js").Summary|null} */
  let summary = null;

  const address = (/** @type {State} */ of) => spec.path + query(of, off() ? { live: "off" } : {});
  const input = /** @type {HTMLInputElement} */ (byId("q"));
  const narrow = byId("show-filters"); // on small screens the facets are folded away
  const field = filterField({ box: byId("ask"), input, mistake: byId("mistake"), of, onchange: (filter, push) => go({ filter }, push) });
  const choice = columns(of, (cols) => go({ cols }, false));
  const range = timeRange((since, until) => go({ filter: within(state.filter, since, until) }));
  const plot = histogram({ host: byId("plot"), onpick: (since, until) => go({ filter: within(state.filter, written(since), written(until)) }) });
  const side = facets(byId("facets"), (name, value) => (folded(true), go({ filter: toggled(state.filter, name, value) })));
  const saved = savedViews(of, spec.path, () => state);
  const place = standIn(byId("state"), spec.noun, (filter) => go({ filter }));
  if (choice.early !== null) {
    state = { ...state, cols: choice.early };
    history.replaceState(null, "", address(state));
  }
  let shown = choice.show(state.cols);
  let look = "";
  /** @type {WeakMap<object, string>} rows as text: what changed is drawn anew */
  const texts = new WeakMap();

  const table = new Virtual({
    scroller: document.documentElement,
    host: body,
    estimate: (row) => (hits.has(row.id) ? 82 : 60),
    reach: 700,
    key: (row) => row.id,
    version: (row) => `${texts.get(row) ?? write(row)} ${JSON.stringify(hits.get(row.id))} ${look}`,
    render: (row) => rendered(row),
    onscroll: () => cursor && more.getBoundingClientRect().top < innerHeight + AHEAD && next(),
    spacer: () => /** @type {HTMLElement} */ (el("tr", { class: "gap", "aria-hidden": "true" }, el("td", null))),
  });
  const picked = selection({ of, rows: () => rows, table, onchange: () => load(false) });
  const keep = keyboard({ body, table, rows: () => rows, search: field.focus, pick: picked.toggle, act: picked.act });

  /** @param {any} row */
  function write(row) {
    const text = JSON.stringify(row);
    texts.set(row, text);
    return text;
  }

  /** @param {any} row */
  function rendered(row) {
    const hit = hits.get(row.id);
    const status = el("span", { class: `dot ${spec.dot(row)}`, role: "img", "aria-label": row.status, title: row.status });
    const first = el("td", { class: "state" }, picked.box(row, spec.title(row), status));
    return el("tr", { class: "row" }, first, shown.map(({ name }) => spec.cells[name](row, hit)));
  }

  /** @param {any[]} found */
  function show(found) {
    rows = found;
    table.set(rows);
    tableNode.hidden = !rows.length;
    if (more.parentElement) more.parentElement.hidden = !cursor;
  }

  function head() {
    look = shown.map(({ name }) => name).join();
    tableNode.classList.toggle("chosen", !choice.usual(shown));
    const sort = state.sort || usual;
    const sorted = (/** @type {string} */ by) => ({ ...state, sort: by === usual ? "" : by });
    tableNode.tHead?.replaceChildren(headers(shown, sort, (by) => address(sorted(by)), (by) => go(sorted(by))));
    widened(tableNode);
    /** @type {HTMLAnchorElement} */ (byId("csv")).href = `/api/${of}.csv${apiQuery(state)}`;
    range.show(state.filter);
    saved.show();
    side.show(summary, state.filter);
  }

  /**
   * Another state: another address, and other rows.
   * @param {Partial<State>} change
   * @param {boolean} [push] as a step that "back" undoes
   */
  function go(change, push = true) {
    const next = { ...state, ...change };
    if (query(next) === query(state) && !("cols" in change)) return;
    const same = apiQuery(next) === apiQuery(state);
    const typed = next.filter === input.value.trim();
    state = next;
    history[push ? "pushState" : "replaceState"](null, "", address(state));
    if (!typed) field.set(state.filter);
    shown = choice.show(state.cols);
    head();
    if (same) return show(rows);
    scrollTo(0, 0);
    load();
  }

  /**
   * The first page for the state as it is.
   * @param {boolean} [anew] whether what was selected is let go
   */
  async function load(anew = true) {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    cameFrom(of, apiQuery(state));
    tableNode.classList.add("busy");
    if (anew) picked.clear();
    try {
      const [page, found] = await Promise.all([source.page(of, state, "", signal), source.hits(of, state, signal)]);
      hits = found;
      cursor = page.next_cursor ?? "";
      field.problem("");
      live.settle(null);
      show(page.data);
      place.show(rows.length ? null : { filter: state.filter });
      tableNode.classList.remove("busy");
      await measure(signal);
    } catch (error) {
      if (!signal.aborted) trouble(error);
    }
  }

  /** @param {AbortSignal} [signal] */
  async function measure(signal) {
    const found = await source.summary(of, state, plot.room(), signal);
    summary = found?.matched ? found : null;
    plot.show(summary, spec.noun);
    side.show(found, state.filter);
    byId("fold").textContent = `Show ${found ? plural(found.matched, spec.noun) : of}`;
  }

  /** @param {any} error */
  function trouble(error) {
    tableNode.classList.remove("busy");
    const mistake = error.param === "filter";
    field.problem(mistake ? error.message : "");
    if (mistake && rows.length) return; // while one types, what was found last stays
    cursor = "";
    show([]);
    plot.show(null, spec.noun);
    place.show({ filter: state.filter, error, retry: () => load(false) });
  }

  /** The next page of the list; whether it came. */
  function next() {
    fetching ??= further().finally(() => (fetching = null));
    return fetching;
  }

  async function further() {
    const asked = apiQuery(state);
    const page = cursor ? await source.page(of, state, cursor).catch(() => null) : null;
    if (!page || asked !== apiQuery(state)) return false;
    cursor = page.next_cursor ?? "";
    const known = new Set(rows.map((row) => row.id));
    show([...rows, ...page.data.filter((row) => !known.has(row.id))]);
    return true;
  }

  /** @param {boolean} [away] else what is not open opens */
  function folded(away) {
    const open = byId("side").classList.toggle("open", away ? false : undefined);
    narrow.setAttribute("aria-expanded", String(open));
    if (away && narrow.checkVisibility()) narrow.focus();
  }

  const live = news({
    of,
    rows: () => rows,
    show,
    page: async () => {
      const asked = apiQuery(state);
      const page = await source.page(of, state);
      if (asked !== apiQuery(state) || fetching) return null;
      if (rows.length <= source.PAGE) cursor = page.next_cursor ?? "";
      return page.data;
    },
    newest: () => !state.sort || state.sort === usual,
    reading: () => scrollY > 40 || body.matches(":hover, :focus-within") || keep.held() || picked.size() > 0,
    load: () => (scrollTo(0, 0), keep.leave(), load()),
    measure: () => measure(asking?.signal).catch(() => {}), // another list was asked for meanwhile
    changed: spec.changed,
  });

  addEventListener("resize", () => widened(tableNode), { passive: true });
  narrow.hidden = false;
  narrow.addEventListener("click", () => folded());
  byId("fold").addEventListener("click", () => (folded(true), scrollTo(0, 0)));
  byId("search").hidden = true;
  byId("list").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", (event) => {
    if (!cursor) return; // what is shown is still the server's, and the link leads on from there
    event.preventDefault();
    next();
  });
  addEventListener("popstate", () => {
    state = read(location.search);
    live.sync();
    field.set(state.filter);
    shown = choice.show(state.cols);
    head();
    load();
  });
  setInterval(() => {
    for (const time of body.querySelectorAll("td:not(.at) > time")) time.textContent = ago(time.getAttribute("datetime") ?? "");
  }, 10_000);
  if (location.hash === "#q" && document.activeElement !== input) field.focus();
  const left = before();
  remember(() => ({ rows: rows.length, anchor: table.anchor() }));
  head();
  comeBack();

  async function comeBack() {
    await load();
    const { rows: many, anchor } = left ?? { rows: 0, anchor: null };
    while (cursor && rows.length < many && (await next()));
    if (anchor) table.show(rows.findIndex((row) => row.id === anchor.key), { margin: -anchor.into });
  }
}
