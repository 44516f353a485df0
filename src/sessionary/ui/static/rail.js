// The turns, left: a thin graph in the margin, what was said, what came of it. Follows the scroll.

import { el } from "./el.js";
import { clock, cost, count, duration, exact, moment, plural } from "./format.js";
import { mood } from "./story.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Turn} Turn */
/** @typedef {import("./types.js").Idle} Idle */
/** @typedef {import("./types.js").Started} Started */

export class Rail {
  /**
   * @param {HTMLElement} host
   * @param {(call: number) => void} select told the index of a turn's first call
   */
  constructor(host, select) {
    /** @type {(Turn|Started|Idle)[]} */
    this.stops = [];
    /** @type {Map<number, number>} call index -> stop index */
    this.stopOf = new Map();
    this.current = -1;
    this.host = host;
    const inner = el("div", { class: "stops" });
    this.inner = inner;
    this.list = new Virtual({
      scroller: host,
      host: inner,
      estimate: () => 84,
      reach: 400,
      key: (/** @type {Turn|Started|Idle} */ stop) => (stop.kind === "turn" ? `t${stop.calls[0]}` : stop.kind === "agent" ? stop.key : `i${stop.after}`),
      version: (stop) => JSON.stringify(stop),
      render: (stop, index) => this.stop(stop, index, select),
    });
  }

  /** @param {(Turn|Started|Idle)[]} stops */
  set(stops) {
    if (!this.inner.isConnected) this.host.replaceChildren(this.inner);
    this.stops = stops;
    this.stopOf.clear();
    stops.forEach((stop, index) => {
      if (stop.kind === "turn") for (const call of [...stop.calls, ...stop.beside]) this.stopOf.set(call, index);
      else if (stop.kind === "agent") for (const call of stop.calls) this.stopOf.set(call, index);
    });
    this.list.set(stops);
    this.mark();
  }

  /**
   * @param {Turn|Started|Idle} stop
   * @param {number} index
   * @param {(call: number) => void} select
   */
  stop(stop, index, select) {
    if (stop.kind === "idle") return el("p", { class: "idle" }, el("span", null, `${duration(stop.ms)} idle`));
    const button = stop.kind === "agent" ? agent(stop, select) : turn(stop, select);
    button.dataset.stop = String(index);
    if (index === this.current) button.setAttribute("aria-current", "true");
    return button;
  }

  /**
   * @param {number} call index of the call at the top of the transcript
   * @param {boolean} [reveal] brings its turn into sight
   */
  follow(call, reveal = true) {
    const stop = this.stopOf.get(call) ?? -1;
    if (stop === this.current) return;
    this.current = stop;
    if (reveal) this.list.show(stop, { into: "sight", margin: 60 });
    this.mark();
  }

  mark() {
    for (const { node } of this.list.shown.values()) {
      if (node.dataset.stop === String(this.current)) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
  }

  /**
   * The first call of the turn that is `step` turns away from that of `call`.
   * @param {number} call
   * @param {number} step
   * @returns {number|null}
   */
  neighbour(call, step) {
    for (let at = (this.stopOf.get(call) ?? -1) + step; at >= 0 && at < this.stops.length; at += Math.sign(step)) {
      const stop = this.stops[at];
      if (stop.kind === "turn") return stop.calls[0];
    }
    return null;
  }
}

/**
 * @param {Turn} stop
 * @param {(call: number) => void} select
 */
function turn(stop, select) {
  const failed = stop.failed ? el("b", { class: "bad" }, `${stop.failed} failed`) : null;
  const many = stop.calls.length > 1 ? plural(stop.calls.length, "call") : "";
  const came = [many, failed, stop.answer].filter(Boolean).flatMap((part, i) => (i ? [" · ", part] : [part]));
  return el(
    "button",
    { type: "button", class: `stop ${mood(stop.status)}${stop.branch ? " branch" : ""}`, onclick: () => select(stop.calls[0]) },
    el("span", { class: "graph", "aria-hidden": "true" }, el("i")),
    el("span", { class: "said" }, el("b", null, String(stop.number)), " ", stop.said),
    came.length ? el("span", { class: "answer" }, came) : null,
    el(
      "span",
      { class: "sub" },
      el("span", { title: moment(stop.at) }, clock(stop.at).slice(0, 5)),
      el("span", { title: "time the calls took" }, duration(stop.ms)),
      el("span", { title: `${exact(stop.tokens)} tokens` }, count(stop.tokens)),
      el("span", { title: "cost" }, cost(stop.cost)),
    ),
  );
}

/**
 * @param {Started} stop
 * @param {(call: number) => void} select
 */
function agent(stop, select) {
  return el(
    "button",
    { type: "button", class: `stop agent${stop.depth > 1 ? " deep" : ""} ${mood(stop.status)}`, onclick: () => select(stop.calls[0]) },
    el("span", { class: "graph", "aria-hidden": "true" }, el("i")),
    el("span", { class: "said" }, "agent: ", el("bdi", null, stop.name)),
    el("span", { class: "answer" }, stop.answer || stop.said),
    el(
      "span",
      { class: "sub" },
      el("span", null, plural(stop.count, "call")),
      el("span", { title: "time the calls took" }, duration(stop.ms)),
      el("span", { title: `${exact(stop.tokens)} tokens` }, count(stop.tokens)),
      el("span", { title: "cost" }, cost(stop.cost)),
    ),
  );
}
