// What the calls of a session say, fetched as it is looked at: a session's numbers come at once, its messages by the
// screen. A long session is never whole in the browser.

import * as api from "./api.js";
import { grown } from "./growing.js";
import { pair } from "./story.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Call} Call */

/** Calls in one question; the server answers at most 100. */
const BATCH = 40;
/** Calls whose contents are kept; more than any screen shows. */
const KEPT = 600;

/** Of a call whose contents are not here. */
const UNKNOWN = { resent: 0, recalled: 0, retry: false, broke: null, system: [], messages: [], output: null, loaded: false };

export class Contents {
  /**
   * @param {string} path of the session in the API
   * @param {(said: boolean) => void} onload told when something that was needed is there; not `said`: more of an answer
   */
  constructor(path, onload) {
    this.path = path;
    this.onload = onload;
    /** @type {Added[]} in order of time */
    this.calls = [];
    /** @type {Map<string, number>} call id -> index */
    this.indexOf = new Map();
    /** @type {Map<string, string>} call id -> the state of the call whose contents are here; the oldest first */
    this.have = new Map();
    /** @type {Set<string>} asked for now */
    this.asked = new Set();
    /** @type {Set<string>} wanted next */
    this.wanted = new Set();
    /** @type {Map<string, string>} call id -> why its contents could not be had */
    this.failed = new Map();
    /** @type {Map<string, import("./types.js").Message>} call id -> its answer so far; of calls that are not known yet, too */
    this.growing = new Map();
    this.taken = 0;
    this.soon = 0;
    /** @type {Promise<void>|null} */
    this.working = null;
  }

  /**
   * The calls as they are now. What is known of them stays, as long as they have not changed.
   * @param {Call[]} calls
   */
  set(calls) {
    const before = new Map(this.calls.map((added) => [added.call.id, added]));
    this.calls = calls.map((call) => {
      const old = before.get(call.id);
      const output = (call.status === "live" && this.growing.get(call.id)) || (old?.output ?? null);
      if (!old) return { ...UNKNOWN, call, output };
      if (this.have.get(call.id) !== state(call)) this.have.delete(call.id); // shown on, until what it says now is here
      return { ...old, call, output };
    });
    this.indexOf = new Map(this.calls.map(({ call }, index) => [call.id, index]));
    for (const { call } of this.calls) if (call.status !== "live") this.growing.delete(call.id);
    for (const id of this.have.keys()) if (!this.indexOf.has(id)) this.have.delete(id);
  }

  /**
   * Asks for what is missing of these calls, and answers at once; `onload` tells when it is there.
   * @param {number[]} indices
   */
  need(indices) {
    for (const index of indices) {
      const id = this.calls[index]?.call.id;
      if (id === undefined || this.failed.has(id)) continue;
      const at = this.have.get(id);
      if (at !== undefined) {
        this.have.delete(id);
        this.have.set(id, at); // the newest
      } else if (!this.asked.has(id)) this.wanted.add(id);
    }
    if (this.wanted.size && !this.soon) this.soon = requestAnimationFrame(() => ((this.soon = 0), void this.fetch()));
  }

  /**
   * The same, and waits for it.
   * @param {number[]} indices
   */
  async ready(indices) {
    for (const index of indices) {
      const id = this.calls[index]?.call.id;
      if (id !== undefined && !this.have.has(id) && !this.asked.has(id) && !this.failed.has(id)) this.wanted.add(id);
    }
    await this.fetch();
  }

  /** Until nothing is wanted any more. */
  fetch() {
    this.working ??= this.work().finally(() => (this.working = null));
    return this.working;
  }

  /** One question at a time, the newest wishes first: they are what is looked at now. */
  async work() {
    while (this.wanted.size) {
      const batch = [...this.wanted].slice(-BATCH);
      for (const id of batch) {
        this.wanted.delete(id);
        this.asked.add(id);
      }
      try {
        this.take((await api.get(`${this.path}/transcript?calls=${batch.map(encodeURIComponent).join(",")}`)).calls);
      } catch (error) {
        for (const id of batch) this.failed.set(id, error instanceof Error ? error.message : String(error));
      }
      this.asked.clear();
      if (this.wanted.size > 3 * BATCH) this.wanted = new Set([...this.wanted].slice(-3 * BATCH)); // scrolled past
      this.onload(true);
    }
  }

  /** @param {Added[]} loaded */
  take(loaded) {
    for (const added of loaded) {
      const index = this.indexOf.get(added.call.id);
      if (index === undefined) continue;
      const { call } = this.calls[index];
      const late = added.call.status === "live" && call.status !== "live"; // asked for before it was known to have ended
      const output = this.growing.get(call.id) ?? added.output;
      this.calls[index] = { ...added, call: late ? call : added.call, output, loaded: true, taken: ++this.taken };
      if (late) this.have.delete(call.id);
      else this.have.set(call.id, state(added.call));
    }
    for (const [id] of this.have) {
      if (this.have.size <= KEPT) break;
      this.have.delete(id);
      const index = this.indexOf.get(id) ?? -1;
      if (index >= 0) this.calls[index] = { ...UNKNOWN, call: this.calls[index].call };
    }
    pair(this.calls);
  }

  /**
   * More of an answer that streams.
   * @param {import("./types.js").Growth} growth
   */
  grow({ call_id, pieces }) {
    const index = this.indexOf.get(call_id) ?? -1;
    const added = this.calls[index];
    if (added && added.call.status !== "live") return;
    const output = grown(this.growing.get(call_id) ?? null, pieces);
    this.growing.set(call_id, output);
    if (!added) return;
    this.calls[index] = { ...added, output };
    this.onload(false);
  }

  /** To try again what could not be had. */
  forgive() {
    this.failed.clear();
  }
}

/**
 * What changes when a call's contents do.
 * @param {import("./types.js").Call} call
 */
function state({ status, duration_ms, session_id }) {
  return `${status} ${duration_ms} ${session_id}`;
}
