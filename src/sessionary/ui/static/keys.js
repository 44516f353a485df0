// Keyboard: one table per page. Nothing happens while someone types, or with a modifier held; nor where someone has
// turned the keys off, for whom speech or a tremor would press them.

import { byId } from "./el.js";

const OFF = "keys-off";

/** @param {Record<string, () => void>} table key -> what it does */
export function keys(table) {
  const help = /** @type {HTMLDialogElement} */ (byId("help"));
  const button = document.getElementById("help-button");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  const act = /** @type {HTMLInputElement} */ (byId("keys-act"));
  act.checked = !localStorage.getItem(OFF);
  act.addEventListener("change", () => (act.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  document.querySelector(".bar [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" }); // on small screens
  const all = { "?": () => help.showModal(), ...table };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (localStorage.getItem(OFF) || typing(event.target) || document.querySelector("dialog[open]")) return;
    const action = Object.hasOwn(all, event.key) ? all[/** @type {keyof typeof all} */ (event.key)] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Keys that act on what is not drawn yet: they do when it is. */
export function waiting() {
  /** @type {(() => void)[]|null} */
  let early = [];
  let begin = () => {};
  const begun = /** @type {Promise<void>} */ (new Promise((done) => (begin = done)));
  return {
    begun,
    begin() {
      const all = early ?? [];
      early = null;
      begin();
      for (const act of all) act();
    },
    /** @param {Record<string, () => void>} table */
    held: (table) => Object.fromEntries(Object.entries(table).map(([key, act]) => [key, () => (early ? void early.push(act) : act())])),
  };
}

/** @param {EventTarget|null} target */
function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
