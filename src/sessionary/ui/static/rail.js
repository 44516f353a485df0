// The turns, left: the branches as a thin graph in the margin, what was said, what came of it. Follows the scroll.

import { el } from "./el.js";
import { clock, cost, count, duration, exact, moment, mood, plural } from "./format.js";
import { graph } from "./graph.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Turn} Turn */
/** @typedef {import("./types.js").Idle} Idle */
/** @typedef {import("./types.js").Started} Started */
/** @typedef {import("./graph.js").Row} Row */

/** Pixels from the margin to the first lane, and between lanes. */
const [FIRST, STEP] = [22, 13];

export class Rail {
  /**
   * @param {HTMLElement} host
   * @param {{select: (call: number) => void, need: (calls: number[]) => void}} on `select` is told the index of a turn's
   *   first call; `need`, whose contents it shows
   */
  constructor(host, on) {
    /** @type {(Turn|Started|Idle)[]} */
    this.stops = [];
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<number, number>} call index -> stop index */
    this.stopOf = new Map();
    this.current = -1;
    this.host = host;
    this.on = on;
    const inner = el("div", { class: "stops" });
    this.inner = inner;
    this.list = new Virtual({
      scroller: host,
      host: inner,
      estimate: () => 84,
      reach: 400,
      key: keyOf,
      version: (stop) => JSON.stringify([stop, this.rows[this.stops.indexOf(stop)]]),
      render: (stop, index) => this.stop(stop, index),
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
    this.rows = graph(stops.map((stop) => (stop.kind === "turn" ? { path: stop.path, fork: stop.fork === null ? null : (this.stopOf.get(stop.fork) ?? null) } : { path: null, fork: null, hangs: stop.kind === "agent" })));
    const lanes = this.rows.reduce((most, row) => Math.max(most, row.lane, ...row.through, ...row.out), 0);
    this.inner.style.setProperty("--graph", `${2 * FIRST + STEP * lanes}px`);
    this.update();
  }

  /** Where nobody sees it, on small screens, nothing has a height, and all of it would seem to be in sight. */
  update() {
    if (this.host.getClientRects().length) this.list.set(this.stops);
    this.mark();
  }

  /**
   * @param {Turn|Started|Idle} stop
   * @param {number} index
   */
  stop(stop, index) {
    const row = this.rows[index];
    if (stop.kind === "idle") return el("p", { class: "idle" }, margin(row, null), el("span", null, `${duration(stop.ms)} idle`));
    if (!stop.loaded) this.on.need(stop.kind === "turn" ? [stop.calls[0], stop.calls[stop.calls.length - 1]] : [stop.calls[0], ...stop.calls.slice(-1)]);
    const button = stop.kind === "agent" ? agent(stop, row) : turn(stop, row);
    button.addEventListener("click", () => this.on.select(stop.calls[0]));
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
    const stop = this.stops[this.current];
    const current = stop ? keyOf(stop) : "";
    for (const [key, { node }] of this.list.shown) {
      if (key === current) node.setAttribute("aria-current", "true");
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

/** @param {Turn|Started|Idle} stop */
function keyOf(stop) {
  return stop.kind === "turn" ? `t${stop.calls[0]}` : stop.kind === "agent" ? stop.key : `i${stop.after}`;
}

/**
 * The lines beside a row, and its mark.
 * @param {Row} row
 * @param {string|null} kind of mark
 * @param {number} [inset] lanes that the mark is set in
 */
function margin(row, kind, inset = 0) {
  const box = el("span", { class: "graph", "aria-hidden": "true" });
  const line = (/** @type {number} */ lane, /** @type {string} */ how, /** @type {number} */ width = 0) => {
    const part = el("i", { class: `line ${how}${lane ? " side" : ""}` });
    part.style.left = `${FIRST + STEP * lane - width}px`;
    if (width) part.style.width = `${width}px`;
    box.append(part);
  };
  for (const lane of row.through) line(lane, "whole");
  if (kind !== null && row.above) line(row.lane, "upper");
  if (kind !== null && row.below) line(row.lane, "lower");
  for (const lane of row.out) {
    line(lane, "tail");
    line(lane, "out", STEP * Math.max(1, lane - row.lane));
  }
  if (kind) {
    const mark = el("i", { class: `mark ${kind}${row.lane ? " side" : ""}` });
    mark.style.left = `${FIRST + STEP * (row.lane + inset)}px`;
    box.append(mark);
    if (inset) line(row.lane + inset, "twig", STEP * inset);
  }
  return box;
}

/**
 * @param {Turn} stop
 * @param {Row} row
 */
function turn(stop, row) {
  const failed = stop.failed ? el("b", { class: "bad" }, `${stop.failed} failed`) : null;
  const many = stop.calls.length > 1 ? plural(stop.calls.length, "call") : "";
  const came = [many, failed, stop.answer].filter(Boolean).flatMap((part, i) => (i ? [" · ", part] : [part]));
  return el(
    "button",
    { type: "button", class: `stop ${mood(stop.status)}${stop.fork === null ? "" : " branch"}` },
    margin(row, "turn"),
    el("span", { class: "said", title: stop.fork === null ? null : "begins a branch" }, el("b", null, String(stop.number)), stop.on ? el("i", null, " goes on · ") : " ", stop.said),
    came.length ? el("span", { class: "answer" }, came) : null,
    numbers(stop),
  );
}

/**
 * In the order in which they are wanted: where there is no room for all, the last are left out.
 * @param {Turn|Started} stop
 */
function numbers({ at, ms, cost: spent, tokens }) {
  return el(
    "span",
    { class: "sub" },
    el("span", { title: moment(at) }, clock(at).slice(0, 5)),
    el("span", { title: "time the calls took" }, duration(ms)),
    el("span", { title: "cost" }, cost(spent)),
    el("span", { title: `${exact(tokens)} tokens` }, count(tokens)),
  );
}

/**
 * @param {Started} stop
 * @param {Row} row
 */
function agent(stop, row) {
  const deep = Math.min(3, stop.depth);
  return el(
    "button",
    { type: "button", class: `stop agent in${deep} ${mood(stop.status)}` },
    margin(row, "agent", deep),
    el("span", { class: "said" }, "agent: ", el("bdi", null, stop.name)),
    el("span", { class: "answer" }, [plural(stop.count, "call"), stop.answer || stop.said].filter(Boolean).join(" · ")),
    numbers(stop),
  );
}
