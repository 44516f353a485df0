// The field for filters: coloured as it is typed, and completed from a list (the combobox pattern: the focus stays in
// the field, aria-activedescendant names the option). What is right is the server's to say.

import * as api from "./api.js";
import * as completing from "./complete.js";
import { el } from "./el.js";
import { tokens } from "./filter-text.js";

/** @typedef {import("./types.js").Field} Field */
/** @typedef {import("./complete.js").Option} Option */

const PAUSE = 120; // milliseconds after a letter

/**
 * @param {object} parts
 * @param {HTMLElement} parts.box around the field; its first child is painted
 * @param {HTMLInputElement} parts.input
 * @param {HTMLElement} parts.mistake where errors of the language stand
 * @param {"sessions"|"calls"} parts.of
 * @param {(text: string, push: boolean) => void} parts.onchange
 */
export function filterField({ box, input, mistake, of, onchange }) {
  const paint = /** @type {HTMLElement} */ (box.firstElementChild);
  const list = el("div", { class: "options", role: "listbox", id: "options", "aria-label": "What could come next", hidden: true });
  box.append(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "options", "aria-autocomplete": "list" })) {
    input.setAttribute(name, value);
  }
  box.classList.add("painted");
  /** @type {Field[]} */
  let fields = [];
  /** @type {Option[]} */
  let options = [];
  let active = -1;
  let wrong = { text: "", from: 0, to: 0 };
  let spot = completing.spot("", 0, fields);
  let typing = 0;
  let asking = 0;
  /** @type {Map<string, string[]>} */
  const known = new Map();
  const ready = api.get(`/api/fields?of=${of}`).then((found) => (fields = found.data)).catch(() => []);

  function colour() {
    const text = input.value;
    const names = new Set(fields.map(({ name }) => name));
    const parts = [];
    let at = 0;
    for (const token of tokens(text)) {
      parts.push(text.slice(at, token.from));
      const first = token.values[0].from;
      const unknown = token.field && names.size && !names.has(token.field);
      const pieces = [
        token.negated ? el("i", { class: "not" }, "-") : null,
        token.field ? el("i", { class: unknown ? "field unknown" : "field" }, text.slice(token.start, token.opFrom)) : null,
        token.op ? el("i", { class: "op" }, token.op) : null,
        el("i", { class: token.field ? "value" : "word" }, text.slice(first, token.to)),
      ];
      const marked = wrong.text === text && wrong.from < token.to && token.from < wrong.to;
      parts.push(el("span", { class: `token${marked ? " wrong" : ""}` }, pieces));
      at = token.to;
    }
    paint.replaceChildren(...[...parts, text.slice(at)].filter(Boolean));
    paint.scrollLeft = input.scrollLeft;
  }

  /** @param {Option[]} found */
  function offer(found) {
    const chosen = options[active]?.insert;
    options = found.slice(0, 12);
    list.replaceChildren(
      ...options.map(({ label, help }, i) =>
        el("div", { role: "option", id: `option-${i}`, "aria-selected": "false", onpointerdown: (/** @type {Event} */ e) => (e.preventDefault(), take(i)) }, el("b", null, label), help ? el("span", null, help) : null),
      ),
    );
    if (options.length) list.append(el("p", { "aria-hidden": "true" }, el("kbd", null, "↑"), el("kbd", null, "↓"), " choose ", el("kbd", null, "Tab"), " take ", el("kbd", null, "Enter"), " search"));
    const open = options.length > 0;
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    mark(options.findIndex(({ insert }) => insert === chosen)); // what was chosen while these were asked for
  }
  const close = () => offer([]);

  /** What could be put in where the caret is. */
  async function suggest() {
    const mine = ++asking;
    await ready;
    if (mine !== asking) return;
    const text = input.value;
    const caret = input.selectionStart ?? text.length;
    spot = completing.spot(text, caret, fields);
    if (spot.kind !== "value" || !spot.field?.suggests) return offer(completing.options(spot, fields));
    const prefix = spot.prefix.replace(/\*$/, "");
    const query = new URLSearchParams({ of, field: spot.field.name, prefix }).toString();
    if (!known.has(query)) {
      const found = await api.get(`/api/suggest?${query}`).catch(() => ({ data: [] }));
      known.set(query, found.data);
    }
    if (mine === asking) offer(completing.values(spot, known.get(query) ?? []));
  }

  /** @param {number} index */
  function take(index) {
    const now = completing.spot(input.value, input.selectionStart ?? input.value.length, fields);
    if (now.kind !== spot.kind || now.field !== spot.field) return void suggest(); // more was typed since these were offered
    spot = now;
    const done = completing.complete(input.value, spot, options[index]);
    input.value = done.text;
    input.setSelectionRange(done.caret, done.caret);
    colour();
    if (options[index].goes) suggest();
    else (close(), onchange(input.value.trim(), false));
  }

  /** @param {number} step */
  function move(step) {
    const places = options.length + 1; // one of them is the field itself
    mark(((active + 1 + step + places) % places) - 1);
  }

  /** @param {number} index of the option that is chosen; -1: none */
  function mark(index) {
    active = index;
    for (const [i, node] of list.querySelectorAll("[role=option]").entries()) {
      node.setAttribute("aria-selected", String(i === active));
      if (i === active) node.scrollIntoView({ block: "nearest" });
    }
    if (active >= 0) input.setAttribute("aria-activedescendant", `option-${active}`);
    else input.removeAttribute("aria-activedescendant");
  }

  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = options.length > 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) move(event.key === "ArrowDown" ? 1 : -1);
      else suggest();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      asking++;
      close();
    } else if (event.key === "Tab" && open && !event.shiftKey && (active >= 0 || spot.prefix)) {
      event.preventDefault();
      take(Math.max(0, active));
    } else if (event.key === "Enter") {
      event.preventDefault();
      clearTimeout(typing);
      if (active >= 0) return take(active);
      asking++;
      close();
      onchange(input.value.trim(), true);
    }
  });
  input.addEventListener("input", () => {
    colour();
    mark(-1);
    clearTimeout(typing);
    typing = setTimeout(async () => {
      const mine = asking + 1;
      await suggest();
      if (mine === asking && !options.length && finished()) onchange(input.value.trim(), false);
    }, input.value ? PAUSE : 0);
  });
  input.addEventListener("scroll", () => (paint.scrollLeft = input.scrollLeft));
  input.addEventListener("blur", () => (asking++, close()));
  input.addEventListener("pointerup", () => !input.value && suggest());
  ready.then(colour);
  // Who was quicker than the script has typed already.
  if (document.activeElement === input && input.value !== input.defaultValue) input.dispatchEvent(new Event("input"));

  /** Whether every term has its value: half a term is no mistake yet. */
  function finished() {
    return tokens(input.value).every((token) => token.values.every((v) => v.value || v.quoted));
  }

  /** @param {string} name of the field that was meant where the mistake is */
  function instead(name) {
    const token = tokens(input.value).find(({ from, to }) => wrong.from < to && from < wrong.to);
    if (!token) return;
    input.value = input.value.slice(0, token.start) + name + input.value.slice(token.opFrom);
    input.focus();
    onchange(input.value.trim(), true);
  }

  return {
    /** @param {string} text */
    set(text) {
      clearTimeout(typing);
      asking++;
      input.value = text;
      colour();
      close();
    },
    /**
     * Says what is wrong, and where: the token there is underlined.
     * @param {string} text "" where all is well
     */
    problem(text) {
      mistake.hidden = !text;
      wrong = { text: input.value, ...place(text, input.value) };
      const meant = /did you mean '(\w+)'/.exec(text)?.[1];
      const correct = meant ? el("button", { type: "button", class: "link", onclick: () => instead(meant) }, `Use ${meant}`) : "";
      mistake.replaceChildren(text, correct);
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      colour();
    },
    focus() {
      input.focus();
      input.select();
    },
  };
}

/**
 * Where a message says that the mistake is: characters are counted from 1.
 * @param {string} message
 * @param {string} text
 */
function place(message, text) {
  const at = Number(/at character (\d+)/.exec(message)?.[1] ?? 0);
  return { from: Math.min(at, text.length) - 1, to: Math.min(at, text.length) };
}
