// A button that copies a text. The text is asked for when it is pressed.

import { el } from "./el.js";

/**
 * @param {() => string|Promise<string>} text
 * @param {string} [label]
 * @param {string} [title]
 * @param {string} [kind]
 */
export function copyButton(text, label = "Copy", title = "Copy", kind = "") {
  const button = el("button", { type: "button", class: `copy ${kind}`.trim(), title, "aria-label": title, onclick: copy }, label);
  async function copy(/** @type {Event} */ event) {
    event.preventDefault();
    event.stopPropagation();
    const done = await write(await text());
    button.textContent = done ? "Copied" : "Cannot copy";
    setTimeout(() => (button.textContent = label), 1200);
  }
  return button;
}

/**
 * The clipboard API is there on https and loopback only; elsewhere the old way does it.
 * @param {string} text
 */
export async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "hidden", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
