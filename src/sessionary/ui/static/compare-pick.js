// Choosing what to compare: a field with suggestions, by title or id. Without script it is a plain form.

import * as api from "./api.js";
import { el } from "./el.js";
import { ago, cost, plural, titled } from "./format.js";

/** @typedef {import("./types.js").Session} Session */

const MOST = 8;

/**
 * The id in what was typed or pasted: an id, or an address of a page.
 * @param {string} typed
 */
export function named(typed) {
  const text = typed.trim();
  const [, id, hash] = /\/ui\/sessions\/([^?#]+)[^#]*#?(.*)$/.exec(text) ?? [];
  try {
    return /^call_\w+$/.test(text) || !id ? text : decodeURIComponent(id) + (hash?.startsWith("branch=") ? `~${hash.slice(7)}` : "");
  } catch {
    return text;
  }
}

/**
 * Suggestions below the form's field; choosing one sends the form.
 * @param {HTMLFormElement} form
 */
export function suggesting(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input:not([type=hidden])"));
  const list = el("ul", { class: "suggested", role: "listbox", id: `${input.id}-list`, "aria-label": "Sessions", hidden: true });
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.after(list);
  let chosen = -1;
  let asked = 0;
  /** @type {Session[]} */
  let found = [];

  const show = (/** @type {boolean} */ on) => {
    list.hidden = !on || !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const mark = (/** @type {number} */ to) => {
    chosen = to;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === to)));
    const option = list.children[to];
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };
  const take = (/** @type {Session|undefined} */ session) => {
    if (session) input.value = session.id;
    form.requestSubmit();
  };
  const ask = async () => {
    const mine = ++asked;
    const typed = named(input.value).replace(/["\\]/g, " ").trim();
    // By title first, by id where it could be one, and by what was said in it.
    const filters = typed ? [`title:"${typed}"`, /^[\w.-]+$/.test(typed) ? `id:${typed}*` : "", `text:"${typed}"`] : [""];
    const answers = await Promise.all(filters.filter((filter) => filter || !typed).map(listed));
    if (mine !== asked) return; // something else was typed since
    /** @type {Map<string, Session>} */
    const unique = new Map(answers.flat().map((session) => [session.id, session]));
    found = [...unique.values()].slice(0, MOST);
    list.replaceChildren(...found.map((session, i) => option(session, `${list.id}-${i}`, () => take(session))));
    mark(-1);
    show(document.activeElement === input);
  };
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(ask, 120);
  });
  input.addEventListener("focus", ask);
  input.addEventListener("blur", () => show(false));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) show(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark((chosen + step + found.length + (chosen < 0 && step < 0 ? 1 : 0)) % Math.max(1, found.length));
      event.preventDefault();
    } else if (event.key === "Escape" && !list.hidden) {
      show(false);
      event.preventDefault();
    } else if (event.key === "Enter" && !list.hidden && chosen >= 0) {
      take(found[chosen]);
      event.preventDefault();
    }
  });
  form.addEventListener("submit", () => (input.value = named(input.value)));
  if (document.activeElement === input) ask(); // who was quicker than the script is in the field already
}

/**
 * @param {string} filter
 * @returns {Promise<Session[]>}
 */
async function listed(filter) {
  const project = new URLSearchParams(location.search).get("project");
  const query = new URLSearchParams({ limit: String(MOST), ...(filter ? { filter } : {}), ...(project ? { project } : {}) });
  return (await api.get(`/api/sessions?${query}`).catch(() => ({ data: [] }))).data;
}

/**
 * @param {Session} session
 * @param {string} id
 * @param {() => void} take
 */
function option(session, id, take) {
  const hold = (/** @type {Event} */ event) => event.preventDefault(); // the field keeps the focus
  return el(
    "li",
    { role: "option", id, "aria-selected": "false", onmousedown: hold, onclick: take },
    el("b", null, titled(session)),
    el("span", { class: "soft" }, [session.session_id, session.models.slice(0, 2).join(", "), plural(session.turns, "turn"), cost(session.cost), ago(session.last_at)].filter(Boolean).join(" · ")),
  );
}
