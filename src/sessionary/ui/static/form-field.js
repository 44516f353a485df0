// The controls of a form in a dialog: each with its label, and a hint that is its description, not its name.

import { el } from "./el.js";

/**
 * @param {string} name
 * @param {string} value
 * @param {import("./el.js").Props} [more]
 */
export function input(name, value, more) {
  return el("input", { name, value, maxlength: 200, autocomplete: "off", spellcheck: "false", ...more });
}

/**
 * @param {string} name
 * @param {[string, string][]} options value, text
 * @param {string} [chosen]
 */
export function choice(name, options, chosen = "") {
  return el("select", { name }, options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
}

/**
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [help]
 * @param {string} [kind]
 */
export function field(label, control, help, kind = "") {
  const name = control.getAttribute("name") ?? "";
  control.id = `field-${name}`;
  if (help) control.setAttribute("aria-describedby", `help-${name}`);
  return el("div", { class: `field ${kind}` }, el("label", { for: control.id }, label), control, help && el("span", { class: "hint", id: `help-${name}` }, help));
}
