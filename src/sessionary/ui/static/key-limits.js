// How much a key may ask for, in its form: what is left empty is as the configuration has it.

import { el } from "./el.js";
import { choice, field, input } from "./form-field.js";
import { LIMITS } from "./key-text.js";

/** @typedef {import("./types.js").Limits} Limits */

/** @type {[string, string][]} */
const PERIODS = [["day", "a day"], ["month", "a month"], ["total", "in all"]];

/** @param {Limits|null} limits */
export function limitFields(limits) {
  const rows = LIMITS.map(([name, label]) => {
    const money = name === "budget" || name === "session_cost";
    const given = limits?.[name];
    return field(label, input(name, given === null || given === undefined ? "" : String(given),
      { type: "number", min: 0, step: money ? "any" : 1, inputmode: money ? "decimal" : "numeric", maxlength: null }));
  });
  rows.splice(4, 0, field("Budget of", choice("budget_period", PERIODS, limits?.budget_period ?? "month")));
  const set = LIMITS.some(([name]) => (limits?.[name] ?? null) !== null);
  return el("details", { class: "limits", open: set },
    el("summary", null, "Limits"),
    el("p", { class: "hint" }, "A call beyond a limit is refused with 429, and is in the log. Empty: as the configuration says."),
    el("div", { class: "pairs" }, rows));
}
