// The list: filters in the address, more rows as they are scrolled to, news without moving what is being read.

import * as api from "./api.js";
import { byId, el } from "./el.js";
import * as filters from "./filters.js";
import { ago, plural } from "./format.js";
import { keys } from "./keys.js";
import { row } from "./rows.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Hit} Hit */

const PAGE = 50;

if (document.querySelector("[data-empty]")) waitForTheFirst();
else list();

/** The empty page becomes the list when there is something to list. */
function waitForTheFirst() {
  keys({});
  for (const pre of document.querySelectorAll("pre")) {
    import("./copy.js").then(({ copyButton }) => pre.parentElement?.querySelector("h2")?.append(copyButton(() => pre.textContent ?? "")));
  }
  let leaving = false; // the demo's own session opens by itself
  document.querySelector("form.try")?.addEventListener("submit", () => (leaving = true));
  api.watch("", () => leaving || location.reload());
}

function list() {
  const form = /** @type {HTMLFormElement} */ (byId("filter"));
  const more = /** @type {HTMLAnchorElement} */ (byId("more"));
  const live = byId("live");
  const news = byId("news");
  let now = filters.read(new URLSearchParams(location.search));
  /** @type {Session[]} */
  let rows = [];
  /** @type {Session[]|null} the first page as it is now, where it was not shown yet */
  let waiting = null;
  /** @type {Map<string, Hit>} */
  let hits = new Map();
  let cursor = "";
  let chosen = -1;
  /** @type {AbortController|null} */
  let asking = null;

  const table = new Virtual({
    scroller: document.documentElement,
    host: byId("rows"),
    estimate: (s) => (hits.has(s.id) ? 84 : 62),
    reach: 700,
    key: (/** @type {Session} */ s) => s.id,
    version: (s) => JSON.stringify(s) + (hits.get(s.id)?.call_id ?? ""),
    render: (s) => row(s, hits.get(s.id)),
    spacer: () => /** @type {HTMLElement} */ (el("tr", { class: "gap", "aria-hidden": "true" }, el("td", { colspan: 9 }))),
  });

  /** @param {Session[]} found */
  function show(found) {
    rows = found;
    table.set(rows);
    const none = !rows.length;
    document.querySelector("table.rows")?.toggleAttribute("hidden", none);
    byId("nothing").hidden = !none;
    if (more.parentElement) more.parentElement.hidden = !cursor;
    suggest("models", rows.flatMap((s) => s.models));
    suggest("keys", rows.flatMap((s) => s.keys ?? []));
  }

  /** The first page for the filters as they are. */
  async function load() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    sessionStorage.setItem("list", filters.query(now));
    byId("clear").hidden = !filters.narrowed(now);
    try {
      const [page, found] = await Promise.all([
        api.get(`/api/sessions${filters.query(now, { limit: PAGE })}`, signal),
        now.q ? api.get(`/api/search?q=${encodeURIComponent(now.q)}&limit=200`, signal).catch(() => ({ data: [] })) : { data: [] },
      ]);
      hits = new Map(found.data.reverse().map((/** @type {Hit} */ hit) => [hit.session, hit]));
      cursor = page.next_cursor ?? "";
      trouble("");
      tell(null);
      show(page.data);
    } catch (error) {
      if (!signal.aborted) trouble(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} text */
  function trouble(text) {
    byId("problem").hidden = !text;
    byId("problem").textContent = text;
  }

  /**
   * @param {string} id
   * @param {string[]} values
   */
  function suggest(id, values) {
    const different = [...new Set(values)].sort().slice(0, 50);
    byId(id).replaceChildren(...different.map((value) => el("option", { value })));
  }

  // Filters

  /** @param {boolean} [push] as a step that "back" undoes */
  function changed(push = true) {
    const next = filters.read(/** @type {any} */ (new FormData(form)));
    if (filters.query(next) === filters.query(now)) return;
    now = next;
    history[push ? "pushState" : "replaceState"](null, "", `/ui/${filters.query(now)}`);
    scrollTo(0, 0);
    load();
  }

  let typing = 0;
  form.addEventListener("submit", (event) => (event.preventDefault(), changed()));
  form.addEventListener("change", () => changed());
  form.addEventListener("input", (event) => {
    if (!(event.target instanceof HTMLInputElement) || !["search", "text"].includes(event.target.type)) return;
    clearTimeout(typing);
    typing = setTimeout(() => changed(false), 250);
  });
  byId("clear").addEventListener("click", (event) => {
    event.preventDefault();
    fill({});
    changed();
  });
  addEventListener("popstate", () => {
    now = filters.read(new URLSearchParams(location.search));
    fill(now);
    load();
  });

  /** @param {Record<string, string>} values */
  function fill(values) {
    for (const field of form.elements) {
      if (field instanceof HTMLSelectElement) field.value = values[field.name] ?? filters.DEFAULT_SORT;
      else if (field instanceof HTMLInputElement && field.type === "radio") field.checked = field.value === (values[field.name] ?? "");
      else if (field instanceof HTMLInputElement && field.name) field.value = values[field.name] ?? "";
    }
  }

  // More

  let fetching = false;
  async function next() {
    if (!cursor || fetching) return;
    fetching = true;
    const asked = filters.query(now);
    const page = await api.get(`/api/sessions${filters.query(now, { limit: PAGE, cursor })}`).catch((error) => (trouble(error.message), null));
    fetching = false;
    if (!page || asked !== filters.query(now)) return;
    cursor = page.next_cursor ?? "";
    const known = new Set(rows.map((s) => s.id));
    show([...rows, ...page.data.filter((/** @type {Session} */ s) => !known.has(s.id))]);
  }
  more.addEventListener("click", (event) => (event.preventDefault(), next()));
  new IntersectionObserver(([entry]) => entry.isIntersecting && next(), { rootMargin: "600px" }).observe(more);

  // News

  const pressed = () => live.getAttribute("aria-pressed") === "true";
  live.hidden = false;
  byId("search").hidden = true;
  live.addEventListener("click", () => {
    live.setAttribute("aria-pressed", String(!pressed()));
    if (pressed()) refresh();
  });

  /** @param {Session[]|null} fresh */
  function tell(fresh) {
    waiting = fresh;
    const known = new Set(rows.map((s) => s.id));
    const added = fresh?.filter((s) => !known.has(s.id)).length ?? 0;
    news.hidden = !added;
    news.textContent = `${plural(added, "new session")} ↑`;
  }

  /** Whether someone may be reading or about to click: then nothing moves by itself. */
  function reading() {
    return scrollY > 40 || byId("rows").matches(":hover, :focus-within") || chosen >= 0;
  }

  const refresh = api.calmly(async () => {
    if (!pressed()) return;
    const asked = filters.query(now);
    const page = await api.get(`/api/sessions${filters.query(now, { limit: PAGE })}`);
    if (asked !== filters.query(now) || fetching) return;
    const fresh = new Map(page.data.map((/** @type {Session} */ s) => [s.id, s]));
    const calm = filters.newestFirst(now) && !reading();
    if (calm) {
      tell(null);
      if (rows.length <= PAGE) cursor = page.next_cursor ?? "";
      show([...page.data, ...rows.filter((s) => !fresh.has(s.id)).slice(0, rows.length > PAGE ? undefined : 0)]);
    } else {
      show(rows.map((s) => fresh.get(s.id) ?? s));
      tell(page.data);
    }
  }, 400);

  news.addEventListener("click", () => {
    scrollTo(0, 0);
    choose(-1);
    if (waiting) load();
  });
  api.watch(
    "",
    (session) => {
      const at = rows.findIndex((s) => s.id === session.id);
      if (pressed() && at >= 0) show(rows.with(at, session));
      refresh();
    },
    { onback: refresh, onstate: (connected) => live.classList.toggle("lost", !connected) },
  );
  setInterval(() => {
    for (const time of document.querySelectorAll("#rows time")) {
      const at = time.getAttribute("datetime");
      if (at && time.closest("tr")?.querySelector(".dot.live") === null) time.textContent = ago(at);
    }
  }, 10_000);

  // Keyboard and mouse

  /** @param {number} index */
  function choose(index) {
    chosen = rows[index] ? index : -1;
    if (chosen < 0) return /** @type {HTMLElement} */ (document.activeElement)?.blur();
    table.show(index, { into: "sight", margin: 110 });
    table.shown.get(rows[index].id)?.node.querySelector("a")?.focus({ preventScroll: true });
  }
  byId("rows").addEventListener("focusout", () => setTimeout(() => byId("rows").contains(document.activeElement) || (chosen = -1)));
  byId("rows").addEventListener("focusin", (event) => {
    const found = /** @type {Element} */ (event.target).closest("tr");
    chosen = rows.findIndex((s) => table.shown.get(s.id)?.node === found);
  });
  byId("rows").addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("a") || getSelection()?.toString()) return;
    target.closest("tr")?.querySelector("a")?.click();
  });
  const search = () => {
    const field = /** @type {HTMLInputElement} */ (byId("q"));
    field.focus();
    field.select();
  };
  keys({
    "/": search,
    j: () => choose(Math.min(rows.length - 1, chosen + 1)),
    k: () => choose(Math.max(0, chosen - 1)),
  });
  if (location.hash === "#q") search();
  load();
}
