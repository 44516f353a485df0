// The range of time, as a button with a panel: ages, or two moments. It is the filter's since: and until:.

import { byId, el } from "./el.js";
import { put, value } from "./filter-text.js";
import { below } from "./panel.js";
import { stretch, written } from "./plot.js";

const AGES = /** @type {[string, string][]} */ ([
  ["15m", "Last 15 minutes"], ["1h", "Last hour"], ["6h", "Last 6 hours"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"], ["30d", "Last 30 days"], ["", "Any time"],
]);

/** @param {(since: string, until: string) => void} onpick told terms of the language, "" for none */
export function timeRange(onpick) {
  const button = byId("range");
  const panel = byId("ranges");
  const after = el("input", { type: "datetime-local", step: 1 });
  const before = el("input", { type: "datetime-local", step: 1 });
  const ages = AGES.map(([age, text]) => el("button", { type: "button", class: "age", "data-age": age, onclick: () => pick(age, "") }, text));
  const apply = el("button", { type: "button", class: "go", onclick: custom }, "Apply");
  panel.replaceChildren(
    el("div", { class: "ages", role: "group", "aria-label": "Range of time" }, ages),
    el("fieldset", { class: "custom" }, el("legend", null, "Between"), el("label", null, "From ", after), el("label", null, "to ", before), el("div", { class: "buttons" }, apply)),
  );
  below(button, panel);
  button.hidden = false;
  for (const field of [after, before]) {
    field.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), custom()));
  }

  /**
   * @param {string} since
   * @param {string} until
   */
  function pick(since, until) {
    panel.hidePopover();
    onpick(since, until);
  }

  function custom() {
    const [since, until] = [after, before].map((field) => (field.value ? written(Date.parse(field.value)) : ""));
    pick(since, until);
  }

  return {
    /** @param {string} filter */
    show(filter) {
      const since = value(filter, "since");
      const until = value(filter, "until");
      button.textContent = named(since, until);
      button.setAttribute("aria-label", `Range of time: ${button.textContent}`);
      for (const one of ages) one.setAttribute("aria-pressed", String(one.dataset.age === since && !until));
      after.value = field(since);
      before.value = field(until);
    },
  };
}

/**
 * @param {string} since
 * @param {string} until
 */
function named(since, until) {
  const known = AGES.find(([age]) => age === since);
  if (known && !until) return known[1];
  const [from, to] = [Date.parse(since), Date.parse(until)];
  if (from && to) return stretch(from, to);
  if (since && until) return `${since} – ${until}`;
  const at = from || to ? moment(from || to) : since || until;
  return since ? `Since ${at}` : `Until ${at}`;
}

/** @param {number} at */
const moment = (at) => new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/**
 * A moment as the browser's own field takes it: local time without a zone.
 * @param {string} text
 */
function field(text) {
  const at = Date.parse(text);
  return at && /^\d{4}-/.test(text) ? new Date(at).toLocaleString("sv-SE").replace(" ", "T") : "";
}

/**
 * @param {string} filter
 * @param {string} since
 * @param {string} until
 */
export function within(filter, since, until) {
  return put(filter, { since, until });
}
