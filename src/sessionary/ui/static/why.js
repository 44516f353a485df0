// Why a call is in its session: what was found when it was placed, and buttons to put it elsewhere.

import * as api from "./api.js";
import { el } from "./el.js";
import { SOURCES, plural } from "./format.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./types.js").Evidence} Evidence */
/** @typedef {import("./types.js").Related} Related */
/** @typedef {import("./el.js").Child} Child */

const ORIGINS = /** @type {Record<string, string>} */ ({ spawn: "Started by", compaction: "Compacted from", retry: "Tries again", replay: "Replays" });

/**
 * What the call itself tells, until the evidence is there.
 * @param {Call} call
 * @returns {HTMLElement[]}
 */
export function told(call) {
  return [note(SOURCES[call.source] ?? call.source, Boolean(call.ambiguous)), rows([["Source", tag(call.source)], ["Rule", call.rule ? el("code", null, call.rule) : null]])];
}

/**
 * @param {Call} call
 * @param {AbortSignal} signal
 * @param {(id: string) => boolean} has whether a call is of this session
 * @returns {Promise<HTMLElement[]>}
 */
export async function why(call, signal, has) {
  /** @type {Evidence} */
  const found = await api.get(`/api/calls/${encodeURIComponent(call.id)}/evidence`, signal);
  const { origin } = found;
  const where = origin && (found.candidates.find((one) => one.call_id === origin.call_id) ?? { ...origin, session: null, session_id: null });
  return [
    note(found.explanation, found.ambiguous),
    rows([
      ["Source", tag(found.source)],
      ["Rule", el("code", null, found.rule)],
      ["Session id", el("code", null, found.session_id)],
      ["Turn", call.turn ? String(call.turn) : "none: a side call"],
      ["Depth", found.of ? `${found.depth} of ${found.of} messages were there before` : null],
      ["Matched", found.matched],
      ["After", found.parent && link(found.parent, has)],
      [ORIGINS[origin?.kind ?? ""] ?? "Comes from", where && link(where, has)],
      ["Was in", found.corrected && el("a", { href: page(found.corrected.session) }, el("bdi", null, found.corrected.session_id))],
    ]),
    candidates(found, has),
    corrections(call, found.session),
  ].filter((part) => part !== null);
}

/**
 * @param {string} text
 * @param {boolean} ambiguous
 */
function note(text, ambiguous) {
  const badge = ambiguous ? el("span", { class: "tag warm", title: "Others would have done as well" }, "ambiguous") : null;
  return el("div", { class: "note" }, el("b", null, "Why in this session"), " ", badge, el("p", null, text));
}

/** @param {string} source */
function tag(source) {
  return el("span", { class: `tag ${source}` }, source);
}

/** @param {[string, Child][]} given those without a value are left out */
function rows(given) {
  return el("dl", null, given.flatMap(([name, value]) => (value ? [el("dt", null, name), el("dd", null, value)] : [])));
}

/** @param {string} session */
function page(session) {
  return `/ui/sessions/${encodeURIComponent(session)}`;
}

/**
 * To a call, here or in another session.
 * @param {Related} related
 * @param {(id: string) => boolean} has
 */
function link({ call_id, session, session_id }, has) {
  const name = el("code", null, call_id);
  const hash = `#${encodeURIComponent(call_id)}`;
  if (has(call_id)) return el("a", { href: hash }, name);
  return session === null ? name : el("span", null, el("a", { href: page(session) + hash }, name), " in ", el("bdi", null, session_id));
}

/**
 * @param {Evidence} found
 * @param {(id: string) => boolean} has
 */
function candidates({ candidates }, has) {
  if (!candidates.length) return null;
  const items = candidates.map((one) => el("li", null, link(one, has), el("span", { class: "soft" }, ` ${plural(one.depth, "message")} in common`), one.taken ? el("span", { class: "tag id" }, "taken") : null));
  return el("section", { class: "candidates" }, el("h3", null, candidates.length === 1 ? "What it was found by" : "Candidates"), el("ol", null, items));
}

/**
 * Both take with the call what goes on from it.
 * @param {Call} call
 * @param {string} here
 */
function corrections(call, here) {
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const field = el("input", { name: "session", required: true, maxlength: 1000, placeholder: "a session’s id or address", "aria-label": "Id of the session to move to", autocomplete: "off", spellcheck: "false" });
  const move = el("button", null, "Move");
  const split = el("button", { type: "button", onclick: () => correct(`/api/sessions/${encodeURIComponent(here)}/split`, { call: call.id }, "Everything here goes on from this call: there is nothing to split off.") }, "Split here");
  const form = el("form", { class: "correct" }, field, move);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    correct(`/api/calls/${encodeURIComponent(call.id)}/move`, { session: named(field.value) }, "It is in that session already.");
  });
  /**
   * @param {string} path
   * @param {unknown} body
   * @param {string} nothing what to say where nothing was to be done
   */
  async function correct(path, body, nothing) {
    problem.hidden = true;
    move.disabled = split.disabled = true;
    try {
      const done = await api.change("POST", path, body);
      if (done.moved.length) location.assign(`${page(done.session.id)}#${encodeURIComponent(call.id)}`);
      else refuse(nothing);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
    }
  }
  /** @param {string} text */
  function refuse(text) {
    problem.textContent = text;
    problem.hidden = false;
    move.disabled = split.disabled = false;
  }
  return el(
    "section",
    { class: "corrections" },
    el("h3", null, "Not where it belongs?"),
    el("p", { class: "soft" }, "Move this call, with all that goes on from it, to another session, or split it off as a session of its own. Later calls follow."),
    form,
    split,
    problem,
  );
}

/**
 * A session's id, also where the address of its page was pasted.
 * @param {string} text
 */
export function named(text) {
  const id = text.trim();
  const found = /^https?:\/\/[^/]+\/ui\/sessions\/([^?#]+)/.exec(id);
  try {
    return found ? decodeURIComponent(found[1]) : id;
  } catch {
    return id;
  }
}
