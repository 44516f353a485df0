// The calls on one line of time, below: pauses folded, calls at the same time one under the other, cost as depth
// of colour. Many calls share bars. Click selects.

import { el, svg } from "./el.js";
import { clock, cost, duration, moment, mood } from "./format.js";
import { pressed } from "./press.js";
import { PAUSE, speaker } from "./story.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {{from: number, to: number, lane: number, index: number, status: string, cost: number, count: number}} Bar */
/** @typedef {{at: number, ms: number}} Fold */

const LANES = 4;
const BARS = 240;

/**
 * Where each call goes. Pure.
 * @param {Added[]} calls
 * @param {number} now
 * @returns {{bars: Bar[], folds: Fold[], length: number, gap: number}} times in ms since the first call, pauses taken out
 */
export function lay(calls, now) {
  /** @type {Bar[]} */
  const bars = [];
  /** @type {Fold[]} */
  const folds = [];
  /** @type {number[]} */
  const lanes = [];
  const spans = calls.map(({ call }) => {
    const from = Date.parse(call.created_at);
    return { from, to: call.duration_ms === null ? Math.max(from, Math.min(now, from + 600_000)) : from + call.duration_ms };
  });
  const busy = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  const longest = Math.max(5000, Math.min(PAUSE, busy * 0.25));
  const gap = Math.min(longest, busy * 0.06);
  let [taken, reached] = [0, spans[0]?.from ?? 0];
  const start = reached;
  spans.forEach(({ from, to }, index) => {
    if (from - reached > longest) {
      folds.push({ at: reached - start - taken, ms: from - reached });
      taken += from - reached - gap;
    }
    reached = Math.max(reached, to);
    const [x, end] = [from - start - taken, to - start - taken];
    let lane = lanes.findIndex((free) => free <= x);
    if (lane < 0) lane = lanes.length < LANES ? lanes.length : LANES - 1;
    lanes[lane] = Math.max(end, lanes[lane] ?? 0);
    const { call } = calls[index];
    bars.push({ from: x, to: end, lane, index, status: mood(call.status), cost: call.cost ?? 0, count: 1 });
  });
  const length = Math.max(1, reached - start - taken);
  return { bars: bars.length > BARS ? merge(bars, length) : bars, folds: folds.slice(0, 60), length, gap };
}

/**
 * Bars that would be closer than can be seen, as one.
 * @param {Bar[]} bars
 * @param {number} length
 */
function merge(bars, length) {
  const step = length / (BARS / 2);
  /** @type {Map<string, Bar>} */
  const merged = new Map();
  for (const bar of bars) {
    const key = `${bar.lane} ${Math.floor(bar.from / step)}`;
    const old = merged.get(key);
    if (!old) merged.set(key, { ...bar });
    else {
      old.to = Math.max(old.to, bar.to);
      old.cost += bar.cost;
      old.count += 1;
      if (bar.status !== "ok") old.status = bar.status;
    }
  }
  return [...merged.values()];
}

/** The stripes of a pause. */
function hatch() {
  const stripe = svg("path", { d: "M0 6L6 0", class: "stripe" });
  return svg("defs", null, svg("pattern", { id: "idle", width: 6, height: 6, patternUnits: "userSpaceOnUse" }, stripe));
}

export class Timeline {
  /**
   * @param {HTMLElement} host
   * @param {(index: number) => void} select
   */
  constructor(host, select) {
    this.host = host;
    this.select = select;
    this.selected = -1;
    /** @type {SVGElement[]} */
    this.nodes = [];
  }

  /** @param {Added[]} calls */
  set(calls) {
    if (!calls.length || pressed(this.host, () => this.set(calls))) return;
    const { bars, folds, length, gap } = lay(calls, Date.now());
    const lanes = Math.max(...bars.map((bar) => bar.lane)) + 1;
    const most = Math.max(...bars.map((bar) => bar.cost));
    const x = (/** @type {number} */ at) => `${((100 * at) / length).toFixed(3)}%`;
    this.nodes = bars.map((bar) => {
      const { call } = calls[bar.index];
      const depth = most ? Math.ceil(4 * Math.sqrt(bar.cost / most)) : 2;
      const label = bar.count > 1 ? `${bar.count} calls from ${clock(call.created_at)}` : `${clock(call.created_at)} ${speaker(call)}, ${duration(call.duration_ms)}`;
      const width = `max(3px, ${((100 * (bar.to - bar.from)) / length).toFixed(3)}%)`;
      const rect = svg("rect", { x: x(bar.from), y: bar.lane * 15 + 3, height: 11, rx: 3, class: `bar-call ${bar.status} depth${depth}` }, svg("title", null, `${label}, ${cost(bar.count > 1 ? bar.cost : call.cost)}`));
      rect.style.width = width;
      rect.addEventListener("click", () => this.select(bar.index));
      return rect;
    });
    this.bars = bars;
    const marks = folds.map(({ at, ms }) => svg("rect", { class: "fold-mark", x: x(at), y: 1, width: x(gap), height: lanes * 15, fill: "url(#idle)" }, svg("title", null, `${duration(ms)} idle`)));
    const picture = svg("svg", { width: "100%", height: lanes * 15 + 4, role: "img", "aria-label": `${calls.length} calls over ${duration(length)} of activity` }, hatch(), ...marks, ...this.nodes);
    const last = calls[calls.length - 1].call;
    const folded = folds.length ? `${folds.length} ${folds.length === 1 ? "pause" : "pauses"} folded` : `${duration(length)}`;
    const [from, to] = [calls[0].call.created_at, new Date(Date.parse(last.created_at) + (last.duration_ms ?? 0)).toISOString()];
    const edge = moment(from).slice(0, 10) === moment(to).slice(0, 10) ? clock : moment;
    this.host.replaceChildren(
      el("p", { class: "axis" }, el("span", null, edge(from)), el("span", null, folded), el("span", null, edge(to))),
      el("div", { class: "lanes" }, picture),
    );
    this.mark(this.selected);
  }

  /** @param {number} index */
  mark(index) {
    this.selected = index;
    let chosen = -1;
    this.bars?.forEach((bar, i) => {
      if (bar.index <= index && (chosen < 0 || bar.index > (this.bars?.[chosen].index ?? -1))) chosen = i;
    });
    this.nodes.forEach((node, i) => node.classList.toggle("chosen", i === chosen));
  }
}
