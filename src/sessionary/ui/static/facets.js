// Facets: the commonest values of some fields, with their counts. A click adds a value to the filter or takes it away;
// several of one field mean any of them.

import { el } from "./el.js";
import { mark } from "./client-mark.js";
import { chosen } from "./filter-text.js";
import { count, exact, mood } from "./format.js";
import { pressed } from "./press.js";

/** @typedef {import("./types.js").Facet} Facet */
/** @typedef {import("./types.js").Summary} Summary */

const ORDER = ["status", "model", "client", "key", "user", "endpoint", "provider", "source"];
const STATES = ["live", "ok", "errors", "cut"];

/**
 * @param {HTMLElement} host
 * @param {(field: string, value: string) => void} onpick
 */
export function facets(host, onpick) {
  host.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest("button.facet"));
    if (button) onpick(button.dataset.field ?? "", button.dataset.value ?? "");
  });

  /**
   * @param {Summary|null} summary
   * @param {string} filter
   */
  function show(summary, filter) {
    if (!summary || pressed(host, () => show(summary, filter))) return;
    const focused = document.activeElement instanceof HTMLElement && host.contains(document.activeElement) ? { ...document.activeElement.dataset } : null;
    const sorted = [...summary.facets].sort((a, b) => ORDER.indexOf(a.field) - ORDER.indexOf(b.field));
    host.replaceChildren(...sorted.map((facet) => group(facet, chosen(filter, facet.field))).filter((node) => node !== null));
    if (!focused) return;
    for (const button of host.querySelectorAll("button")) {
      if (button.dataset.field === focused.field && button.dataset.value === focused.value) button.focus({ preventScroll: true });
    }
  }

  return { show };
}

/**
 * @param {Facet} facet
 * @param {Set<string>} taken
 */
function group({ field, values }, taken) {
  const missing = [...taken].filter((value) => !values.some((one) => one.value.toLowerCase() === value));
  const all = [...values.filter(({ value }) => value), ...missing.map((value) => ({ value, count: null }))];
  if (!all.length) return null;
  if (field === "status") all.sort((a, b) => place(a.value) - place(b.value));
  const id = `facet-${field}`;
  return el("section", { "aria-labelledby": id }, el("h2", { id }, field), el("ul", null, all.map((one) => el("li", null, entry(field, one, taken.has(one.value.toLowerCase()))))));
}

/** @param {string} status */
const place = (status) => (STATES.includes(status) ? STATES.indexOf(status) : STATES.length);

/**
 * @param {string} field
 * @param {{value: string, count: number|null}} one
 * @param {boolean} on
 */
function entry(field, one, on) {
  const told = one.count === null ? "" : one.count < 100_000 ? exact(one.count) : count(one.count);
  return el(
    "button",
    { type: "button", class: "facet", "data-field": field, "data-value": one.value, "aria-pressed": String(on), title: one.value },
    field === "status" ? el("i", { class: `dot ${mood(one.value)}`, "aria-hidden": "true" }) : null,
    field === "client" ? mark(one.value) : null,
    el("span", null, one.value.replaceAll("_", " ")),
    el("b", { class: "num" }, told),
  );
}
