// What stands beside the transcript and comes and goes: the turns, the inspector, the timeline. How large the screen is
// decides whether they are open; what someone wants otherwise is in the address.

import { el } from "./el.js";

/** @typedef {"inspector"|"timeline"} Name */

const LABELS = { inspector: "Inspector", timeline: "Timeline" };
const KEYS = { inspector: "i", timeline: "t" };
const wide = matchMedia("(min-width: 1180px)");
const large = matchMedia("(min-width: 800px) and (min-height: 560px)");

export class Panels {
  /**
   * @param {{three: HTMLElement, rail: HTMLElement, inspector: HTMLElement, timeline: HTMLElement}} parts
   * @param {{worth: () => boolean, onchange: () => void}} on `worth`: whether a timeline tells anything; `onchange`:
   *   what is left of them, or comes, has another size
   */
  constructor(parts, on) {
    this.parts = parts;
    this.on = on;
    this.turns = el("button", { type: "button", class: "narrow", "aria-controls": "rail", "aria-expanded": "false", onclick: () => this.rail() }, "Turns");
    const button = (/** @type {Name} */ name) =>
      el("button", { type: "button", class: "quiet", id: `open-${name}`, "aria-controls": name, title: `${LABELS[name]} (${KEYS[name]})`, onclick: () => this.toggle(name) }, LABELS[name]);
    this.buttons = { inspector: button("inspector"), timeline: button("timeline") };
    for (const size of [wide, large]) size.addEventListener("change", () => this.settle());
  }

  /** All are as the address says, or as the screen's size has it. */
  settle() {
    const asked = new URLSearchParams(location.search);
    for (const name of /** @type {Name[]} */ (["inspector", "timeline"])) {
      const wish = asked.get(name);
      this.show(name, wish === "open" || (wish !== "closed" && this.usual(name)));
    }
    this.on.onchange();
  }

  /**
   * Whether it is open where nobody says otherwise.
   * @param {Name} name
   */
  usual(name) {
    return name === "inspector" ? wide.matches || new URLSearchParams(location.search).has("tab") : large.matches && this.on.worth();
  }

  /**
   * @param {Name} name
   * @param {boolean} on
   */
  show(name, on) {
    this.parts[name].hidden = !on;
    this.buttons[name].setAttribute("aria-expanded", String(on));
    this.parts.three.classList.toggle("with-inspector", !this.parts.inspector.hidden);
  }

  /**
   * @param {Name} name
   * @param {boolean} [on]
   */
  toggle(name, on = Boolean(this.parts[name].hidden)) {
    this.show(name, on);
    const url = new URL(location.href);
    if (on === this.usual(name)) url.searchParams.delete(name);
    else url.searchParams.set(name, on ? "open" : "closed");
    history.replaceState(null, "", url);
    this.on.onchange();
  }

  /** @param {boolean} [on] over the transcript, on small screens */
  rail(on) {
    const open = this.parts.rail.classList.toggle("open", on);
    this.turns.setAttribute("aria-expanded", String(open));
    this.on.onchange();
  }
}
