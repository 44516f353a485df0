// One side of a comparison: a session or a branch of it, from the API. Its numbers come at once, what its turns say by
// the screen. Whatever has `turns`, `added`, `need`, `ready`, `gist` and `href` can be a side.

import * as api from "./api.js";
import { said } from "./compare-said.js";
import { branches, sums, turns } from "./compare-turns.js";
import { Contents } from "./contents.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./compare-turns.js").Told} Told */
/** @typedef {import("./compare-align.js").Gist} Gist */
/**
 * @typedef {object} Side
 * @property {Told[]} turns
 * @property {(id: string) => Added|undefined} added what a call added, where it is here
 * @property {(ids: string[]) => void} need
 * @property {(ids: string[]) => Promise<void>} ready
 * @property {(turn: Told) => Gist} gist
 * @property {(call: string) => string} href of the call where it is read
 */

const PART = 40;

/** @implements {Side} */
export class SessionSide {
  /**
   * @param {string} name a session's id, with `~` and a branch's where only that is meant
   * @param {() => void} onload
   */
  static async load(name, onload) {
    const [, id, branch] = /^(.*?)(?:~(call_\w+))?$/s.exec(name) ?? ["", name];
    const path = `/api/sessions/${encodeURIComponent(id)}`;
    const [outline, tree] = await Promise.all([api.get(`${path}/outline`), api.get(`${path}/tree`)]);
    return new SessionSide(branch ?? "", outline, tree, new Contents(path, onload));
  }

  /**
   * @param {string} branch
   * @param {{session: Session, calls: import("./types.js").Call[]}} outline
   * @param {import("./compare-turns.js").Tree} tree
   * @param {Contents} contents
   */
  constructor(branch, outline, tree, contents) {
    this.session = outline.session;
    this.branches = branches(tree);
    const known = this.branches.find(({ id, nodes }) => id === branch || nodes.includes(branch)) ?? this.branches.find(({ current }) => current) ?? this.branches.at(-1);
    /** The one that is shown, where there are several. */
    this.branch = known?.id ?? "";
    this.turns = turns(outline.calls, tree, this.branch);
    contents.set(outline.calls);
    /** @type {Contents[]} the session's, and that which it goes on from */
    this.contents = [contents];
    /** @type {Map<string, Gist>} */
    this.gists = new Map();
    /** Turns that are another session's, which this one goes on from. */
    this.before = 0;
  }

  /**
   * Puts in front what it goes on from, where that is the other side's.
   * @param {SessionSide} other
   */
  goOn(other) {
    const goesOn = this.session.source !== "replay" && this.session.continues?.session === other.session.id;
    const call = goesOn ? (this.session.continues?.call_id ?? "") : "";
    const at = call ? other.turns.findIndex(({ spoken, asked }) => spoken.includes(call) || asked.includes(call)) : -1;
    const turn = other.turns[at];
    if (!turn) return;
    const end = Math.max(turn.spoken.indexOf(call), turn.asked.indexOf(call)) + 1;
    const whole = end >= turn.spoken.length;
    const ids = new Set(turn.spoken.slice(0, end));
    const part = turn.calls.filter(({ id }) => ids.has(id));
    this.before = at + 1;
    this.turns = [...other.turns.slice(0, at), whole ? turn : { ...turn, calls: part, spoken: turn.spoken.slice(0, end), asked: turn.asked.slice(0, end), sums: sums(part, 1) }, ...this.turns];
    this.contents.push(other.contents[0]);
  }

  get sums() {
    return sums(this.turns.flatMap(({ calls }) => calls), this.turns.length);
  }

  /** @param {string} id */
  of(id) {
    return this.contents.find((contents) => contents.indexOf.has(id));
  }

  /**
   * @param {string} id
   * @returns {Added|undefined}
   */
  added(id) {
    const contents = this.of(id);
    const found = contents?.calls[contents.indexOf.get(id) ?? -1];
    return found?.loaded === false && !contents?.failed.has(id) ? undefined : found;
  }

  /** @param {string[]} ids */
  need(ids) {
    for (const contents of this.contents) contents.need(ids.flatMap((id) => contents.indexOf.get(id) ?? []));
  }

  /** @param {string[]} ids */
  async ready(ids) {
    for (const contents of this.contents) {
      const own = ids.flatMap((id) => contents.indexOf.get(id) ?? []);
      for (let from = 0; from < own.length; from += PART) await contents.ready(own.slice(from, from + PART));
    }
  }

  /**
   * Remembered once it is known, for what it is made of may go.
   * @param {Told} turn
   * @returns {Gist}
   */
  gist(turn) {
    const known = this.gists.get(turn.key);
    if (known) return known;
    const [first, last] = [turn.asked[0], turn.spoken.at(-1) ?? ""].map((id) => this.added(id));
    const calls = turn.calls.map(({ id }) => id);
    if (!first || !last) return { calls, messages: null, said: null };
    const ids = [...first.messages, ...(last.output ? [last.output] : [])].map(({ id }) => id);
    const messages = last.output && ids.every((id) => id !== undefined) ? /** @type {string[]} */ (ids) : null;
    const gist = { calls, messages, said: said({ ...turn, spoken: turn.spoken.slice(0, 1), asked: turn.asked.slice(0, 1) }, (id) => this.added(id)).user };
    this.gists.set(turn.key, gist);
    return gist;
  }

  /** @param {string} call */
  href(call) {
    const session = this.added(call)?.call.session ?? this.session.id;
    return `/ui/sessions/${encodeURIComponent(session)}#${encodeURIComponent(call)}`;
  }
}
