// A button that opens a short list of things to do. Arrow keys, Escape and a click elsewhere do what one expects.

import { el } from "./el.js";

let made = 0;

/**
 * @param {string} label
 * @param {{id?: string, label: string, href?: string, download?: boolean, onclick?: () => void, danger?: boolean}[]} entries
 * @param {string} [id]
 */
export function menu(label, entries, id = `menu-${++made}`) {
  const items = entries.map(({ id, label, href, download, onclick, danger }) => {
    const props = { id: id ?? null, role: "menuitem", tabindex: -1, class: danger ? "bad" : null };
    if (href) return el("a", { ...props, href, download: download ? "" : null, onclick: () => toggle(false) }, label);
    return el("button", { ...props, type: "button", onclick: () => (toggle(false), onclick?.()) }, label);
  });
  const list = el("div", { class: "menu-list", role: "menu", "aria-label": label, hidden: true, onkeydown: move }, items);
  const button = el("button", { type: "button", id, "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => toggle(list.hasAttribute("hidden")) }, label);
  const box = el("span", { class: "menu", onkeydown: escape, onfocusout: left }, button, list);

  /** @param {boolean} open */
  function toggle(open) {
    list.toggleAttribute("hidden", !open);
    button.setAttribute("aria-expanded", String(open));
    if (open) items[0]?.focus();
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = items.findIndex((item) => item === document.activeElement);
    items[(at + step + items.length) % items.length].focus();
  }

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape" || list.hasAttribute("hidden")) return;
    event.preventDefault();
    event.stopPropagation();
    toggle(false);
    button.focus();
  }

  /** @param {FocusEvent} event */
  function left(event) {
    if (!box.contains(/** @type {Node|null} */ (event.relatedTarget))) toggle(false);
  }

  return box;
}
