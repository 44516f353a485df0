// A session's calls as numbers, and its tree: whole at first, then what is new. A long session that goes on is not
// asked for all of it again whenever something happens in it.

import * as api from "./api.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Tree} Tree */

/** A session of more calls is long: its tree is asked for less often. */
const LONG = 400;
/** Milliseconds for which a long session's tree will do. */
const AGE = 10_000;
/** Milliseconds that are asked for twice: calls are stored a little after they happen. */
const OVERLAP = 10_000;

export class Numbers {
  /**
   * @param {string} path of the session in the API
   * @param {() => void} later told when what is here should be asked for once more
   */
  constructor(path, later) {
    this.path = path;
    this.later = later;
    /** @type {Map<string, Call>} */
    this.noted = new Map();
    /** @type {Tree|null} */
    this.tree = null;
    this.treeAt = 0;
    this.timer = 0;
    this.told = "";
  }

  /**
   * Whether a session that was told of is other than when it was last: while an answer streams, only its times are.
   * @param {Session} session
   */
  changed(session) {
    const now = JSON.stringify({ ...session, last_at: "", active_ms: 0 });
    const same = now === this.told;
    this.told = now;
    return !same;
  }

  /** @returns {Promise<{session: Session, calls: Call[], tree: Tree}>} the calls in order of time */
  async ask() {
    const [session, tree] = await Promise.all([this.calls(), this.shape()]);
    const calls = [...this.noted.values()].sort((a, b) => (a.created_at === b.created_at ? compared(a.id, b.id) : compared(a.created_at, b.created_at)));
    return { session, calls, tree };
  }

  /** @returns {Promise<Session>} */
  async calls() {
    const since = this.newest();
    const found = await api.get(`${this.path}/outline${since ? `?since=${encodeURIComponent(since)}` : ""}`);
    if (!since) this.noted.clear();
    for (const call of found.calls) this.noted.set(call.id, call);
    if (!since || found.session.calls === this.noted.size) return found.session;
    this.noted.clear(); // some were deleted, moved or merged
    return this.calls();
  }

  /** The moment from which on something may be new; "" where all is. */
  newest() {
    let last = 0;
    for (const { created_at, duration_ms } of this.noted.values()) last = Math.max(last, Date.parse(created_at) + (duration_ms ?? 0));
    return last ? new Date(last - OVERLAP).toISOString() : "";
  }

  /** @returns {Promise<Tree>} */
  async shape() {
    const fresh = this.noted.size > LONG && performance.now() - this.treeAt < AGE;
    if (this.tree && fresh) {
      clearTimeout(this.timer);
      this.timer = setTimeout(this.later, AGE);
      return this.tree;
    }
    this.tree = /** @type {Tree} */ (await api.get(`${this.path}/tree`));
    this.treeAt = performance.now();
    return this.tree;
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
function compared(a, b) {
  return a < b ? -1 : Number(a > b);
}
