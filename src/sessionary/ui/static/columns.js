// Which columns a list has. What there is, the page's own panel says (templates/list.html): one source for the server's
// first screen and for what scripts draw. A choice is in the address, and remembered for the next visit.

import { byId, el } from "./el.js";
import { ordered } from "./list-state.js";
import { below } from "./panel.js";

/** @typedef {{name: string, title: string, sort: string, number: boolean, fixed: boolean, usual: boolean}} Column */

/**
 * @param {string} of
 * @param {(cols: string) => void} onchange
 */
export function columns(of, onchange) {
  const panel = byId("columns");
  const boxes = [.../** @type {NodeListOf<HTMLInputElement>} */ (panel.querySelectorAll("input"))];
  /** @type {Column[]} */
  const all = boxes.map((box) => ({
    name: box.value,
    title: box.parentElement?.textContent?.trim() ?? "",
    sort: box.dataset.sort ?? "",
    number: box.hasAttribute("data-number"),
    fixed: box.hasAttribute("data-fixed"),
    usual: box.hasAttribute("data-usual"),
  }));
  const free = all.filter((column) => !column.fixed);
  below(byId("choose"), panel);
  byId("apply-columns").hidden = true;
  byId("usual").hidden = false;
  byId("usual").addEventListener("click", () => choose(free.filter((column) => column.usual)));
  panel.addEventListener("change", () => choose(chosen()));

  function chosen() {
    return free.filter((column) => boxes.some((box) => box.checked && box.value === column.name));
  }

  /** @param {Column[]} some */
  function usual(some) {
    return free.every((column) => column.usual === some.includes(column));
  }

  /**
   * Remembers a choice; what the address has of it.
   * @param {Column[]} some
   */
  function kept(some) {
    const same = usual(some);
    document.cookie = `columns-${of}=${same ? "" : some.map(({ name }) => name).join(".")}; path=/ui; samesite=strict; max-age=${same ? 0 : 31_536_000}`;
    return same ? "" : some.map(({ name }) => name).join(",");
  }

  /** @param {Column[]} some */
  const choose = (some) => onchange(kept(some));

  return {
    usual,
    /** What was chosen before the script was there. */
    early: boxes.some((box) => box.checked !== box.defaultChecked) ? kept(chosen()) : null,
    /**
     * The columns for an address; where it names none, the reader's last choice, or else the usual ones.
     * @param {string} cols
     */
    show(cols) {
      const [asked, liked] = [cols, remembered(of)].map((names) => free.filter(({ name }) => names.split(/[.,]/).includes(name)));
      const wanted = [asked, liked, free.filter((column) => column.usual)].find((some) => some.length) ?? [];
      for (const box of boxes) box.checked = box.hasAttribute("data-fixed") || wanted.some(({ name }) => name === box.value);
      return all.filter((column) => column.fixed || wanted.includes(column));
    },
  };
}

/** @param {string} of */
function remembered(of) {
  return new RegExp(`(?:^|; )columns-${of}=([^;]*)`).exec(document.cookie)?.[1] ?? "";
}

/**
 * The row of headers.
 * @param {Column[]} shown
 * @param {string} sort the order now
 * @param {(sort: string) => string} href the address for an order
 * @param {(sort: string) => void} onsort
 */
export function headers(shown, sort, href, onsort) {
  const by = sort.replace(/^-/, "");
  return el(
    "tr",
    null,
    el("th", { class: "state" }, el("span", { class: "hidden" }, "Status")),
    shown.map((column) => {
      const order = column.sort && column.sort === by ? (sort.startsWith("-") ? "descending" : "ascending") : null;
      const click = (/** @type {Event} */ event) => (event.preventDefault(), onsort(ordered(sort, column.sort)));
      const label = column.sort ? el("a", { href: href(ordered(sort, column.sort)), onclick: click }, column.title) : column.title;
      return el("th", { class: `${column.number ? "num " : ""}${column.name}`, "aria-sort": order }, label);
    }),
  );
}

/** What a row is about gets this many pixels, whatever else was chosen. */
const LEAST = 260;

/**
 * Where so many columns were chosen that what a row is about would have no room, the table is wider than the page.
 * @param {HTMLTableElement} table
 */
export function widened(table) {
  table.style.minWidth = "";
  const about = /** @type {HTMLElement|null} */ (table.querySelector("th.what"));
  const lacks = about?.checkVisibility() ? LEAST - about.offsetWidth : 0;
  if (lacks > 0 && table.classList.contains("chosen")) table.style.minWidth = `${table.offsetWidth + lacks}px`;
}
