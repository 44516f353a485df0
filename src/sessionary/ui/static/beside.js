// From one session to the next, in the order of the list that one came from: of sessions, or of calls, whose sessions then
// follow each other. The list is read from its top, or from where it was read last; where it ends is said.

import * as api from "./api.js";
import { el } from "./el.js";

const LIST = "list";
const PLACE = "list-beside"; // {list, from}: the cursor of the page before the one that had the session
const PAGE = "200";
const PAGES = 50; // that are read in search of a session
const SHOWN = 4000; // ms
const TOLD = /** @type {const} */ ({
  first: "This is the first session of the list.",
  last: "This is the last session of the list.",
  absent: "This session is not in the list that you came from.",
  far: "This session is too far down the list to tell what is beside it.",
  failed: "The list cannot be read now.",
});

/** @typedef {keyof typeof TOLD} Trouble */
/** @typedef {{id: string, from: string}} Next and where to go on from there */

/**
 * What a list is remembered by, for the pages of its sessions.
 * @param {"sessions"|"calls"} of
 * @param {string} query of the API
 */
export function cameFrom(of, query) {
  sessionStorage.setItem(LIST, `${of}${query}`);
}

let looking = false;

/**
 * Goes to the session that is before (-1) or after (1) this one.
 * @param {string} id
 * @param {-1|1} step
 */
export async function beside(id, step) {
  if (looking) return;
  looking = true;
  const list = sessionStorage.getItem(LIST) ?? "sessions";
  const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? "{}");
  const begun = kept.list === list ? kept.from : "";
  const found = await neighbour(list, id, step, begun)
    .then((next) => (typeof next === "string" && begun ? neighbour(list, id, step, "") : next)) // it may be further up meanwhile
    .catch(() => /** @type {const} */ ("failed"));
  looking = false;
  if (typeof found === "string") return tell(TOLD[found]);
  sessionStorage.setItem(PLACE, JSON.stringify({ list, from: found.from }));
  location.assign(`/ui/sessions/${encodeURIComponent(found.id)}`);
}

/**
 * @param {string} list
 * @param {string} id
 * @param {-1|1} step
 * @param {string} from a cursor
 * @returns {Promise<Next|Trouble>}
 */
async function neighbour(list, id, step, from) {
  /** @type {string[]} */
  const seen = [];
  let [before, cursor] = [from, from];
  for (let page = 0; page < PAGES; page++) {
    const { data, next_cursor } = await read(list, cursor);
    for (const row of data) {
      const session = row.session ?? row.id;
      if (!seen.includes(session)) seen.push(session);
    }
    const at = seen.indexOf(id);
    const next = at < 0 ? undefined : seen[at + step];
    if (next !== undefined) return { id: next, from: before };
    if (at === 0 && step < 0) return "first";
    if (!next_cursor) return at < 0 ? "absent" : "last";
    if (at < 0) seen.splice(0, Math.max(0, seen.length - 2 * Number(PAGE)));
    [before, cursor] = [cursor, next_cursor];
  }
  return "far";
}

/**
 * @param {string} list
 * @param {string} cursor
 * @returns {Promise<{data: {id: string, session?: string}[], next_cursor: string|null}>}
 */
function read(list, cursor) {
  const [of, query] = list.split("?");
  const asked = new URLSearchParams(query);
  asked.set("limit", PAGE);
  if (cursor) asked.set("cursor", cursor);
  return api.get(`/api/${of}?${asked}`);
}

/** @param {string} text */
function tell(text) {
  const old = document.querySelector(".told");
  const told = old ?? el("p", { class: "told", role: "status" });
  if (!old) document.body.append(told);
  requestAnimationFrame(() => (told.textContent = text)); // into a place that is known to say something
  setTimeout(() => told.textContent === text && (told.textContent = ""), SHOWN);
}
