// Going through a list's rows by keyboard and mouse: j and k, Enter on the row's link, x to select and a to act, a click
// anywhere.

import { el } from "./el.js";
import { keys } from "./keys.js";

/**
 * @param {object} parts
 * @param {HTMLElement} parts.body what has the rows
 * @param {import("./virtual.js").Virtual<any>} parts.table
 * @param {() => any[]} parts.rows
 * @param {() => void} parts.search
 * @param {(id: string) => void} parts.pick
 * @param {() => void} parts.act goes to what can be done with what is picked
 */
export function keyboard({ body, table, rows, search, pick, act }) {
  let chosen = -1;

  /** @param {number} index */
  function choose(index) {
    chosen = rows()[index] ? index : -1;
    if (chosen < 0) return /** @type {HTMLElement} */ (document.activeElement)?.blur();
    table.show(index, { into: "sight", margin: 110 });
    table.shown.get(rows()[index].id)?.node.querySelector("a")?.focus({ preventScroll: true });
  }

  body.addEventListener("focusout", () => setTimeout(() => body.contains(document.activeElement) || (chosen = -1)));
  body.addEventListener("focusin", (event) => {
    const found = /** @type {Element} */ (event.target).closest("tr");
    chosen = rows().findIndex((row) => table.shown.get(row.id)?.node === found);
  });
  body.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = target.closest("tr")?.querySelector("a");
    if (!link || target.closest("a, label, input") || getSelection()?.toString()) return;
    if (event.ctrlKey || event.metaKey) el("a", { href: link.href, target: "_blank", rel: "noopener" }).click();
    else link.click();
  });
  keys({
    "/": search,
    j: () => choose(Math.min(rows().length - 1, chosen + 1)),
    k: () => choose(Math.max(0, chosen - 1)),
    a: act,
    x: () => chosen >= 0 && pick(rows()[chosen].id),
  });
  return {
    /** Whether someone is going through the rows. */
    held: () => chosen >= 0,
    leave: () => choose(-1),
  };
}
