// What either side is and adds up to, above the comparison. compare.html has the same for the first screen.

import { delta, METRICS } from "./delta.js";
import { el } from "./el.js";
import { exact, plural } from "./format.js";

/** @typedef {import("./compare-turns.js").Sums} Sums */

/**
 * @param {Sums} a
 * @param {Sums} b
 * @returns {HTMLElement[]}
 */
export function totals(a, b) {
  return METRICS.map((metric) => {
    const [one, two] = [metric.of(a), metric.of(b)];
    if (!one && !two) return null;
    const { text, mood } = delta(metric, one, two);
    const more = metric.name === "cost" ? unpriced(a, b) : "";
    const title = metric.name === "input" || metric.name === "output" ? `${exact(one)} and ${exact(two)} tokens` : more || null;
    return el(
      "div",
      { class: "sum", title },
      el("dt", null, metric.name),
      el("dd", null, el("b", { class: "side" }, "A"), el("span", null, metric.show(one) + (metric.name === "cost" && a.unpriced && one !== null ? " +" : ""))),
      el("dd", null, el("b", { class: "side" }, "B"), el("span", null, metric.show(two) + (metric.name === "cost" && b.unpriced && two !== null ? " +" : ""))),
      el("dd", { class: `delta ${mood}` }, text),
    );
  }).filter((node) => node !== null);
}

/**
 * @param {Sums} a
 * @param {Sums} b
 */
function unpriced(a, b) {
  return a.unpriced || b.unpriced ? `without a known price: ${exact(a.unpriced)} calls of A, ${exact(b.unpriced)} of B` : "";
}

/**
 * Which of its branches a side is, where there are several.
 * @param {import("./compare-side.js").SessionSide} side
 * @param {string} letter
 * @param {(branch: string) => void} onchange
 */
export function branchChoice({ branches, branch, turns }, letter, onchange) {
  if (branches.length < 2) return null;
  const choice = el(
    "select",
    { "aria-label": `Branch of ${letter}`, onchange: (/** @type {Event} */ event) => onchange(/** @type {HTMLSelectElement} */ (event.target).value) },
    branches.map(({ id, current, nodes }, i) => el("option", { value: id, selected: id === branch }, `${i ? `branch ${i + 1}` : "first branch"}${current ? ", newest" : ""} · ${plural(nodes.length, "request")}`)),
  );
  return el("label", { class: "branch" }, `${turns.length} turns of `, choice);
}
