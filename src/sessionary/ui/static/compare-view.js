// A comparison as it is read: turns beside each other, what is in common folded, from one difference to the next. It
// takes any two sides.

import { align } from "./compare-align.js";
import { pairView } from "./compare-pair.js";
import { alike, needed, REACH, said } from "./compare-said.js";
import { sums } from "./compare-turns.js";
import { el } from "./el.js";
import { cost, duration, plural } from "./format.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./compare-side.js").Side} Side */
/** @typedef {import("./compare-pair.js").Pairing} Pairing */
/** @typedef {import("./compare-pair.js").Mode} Mode */
/** @typedef {{id: "common", pairs: Pairing[]}} Common a line that stands for all that is in common */
/** @typedef {Pairing|Common} Item */

export class Comparison {
  /**
   * @param {HTMLElement} host
   * @param {[Side, Side]} sides
   * @param {{mode: Mode, onselect: (id: string) => void, margin: () => number}} how `margin`: what covers the top
   */
  constructor(host, sides, how) {
    this.sides = sides;
    this.how = how;
    this.mode = how.mode;
    /** @type {Pairing[]} */
    this.pairs = [];
    /** @type {Item[]} */
    this.items = [];
    /** @type {Set<string>} of pairs, and `common` */
    this.open = new Set();
    /** @type {Map<string, number>} */
    this.reach = new Map();
    this.selected = "";
    /** @type {Virtual<Item>} */
    this.list = new Virtual({
      scroller: document.documentElement,
      host,
      estimate: (item) => (item.id === "common" || isCommon(item) ? 46 : 380),
      reach: 900,
      key: ({ id }) => id,
      version: (item) => this.version(item),
      render: (item) => this.render(item),
    });
  }

  /** Matches the turns by all that is known of them now. */
  align() {
    const [left, right] = this.sides;
    const seen = new Set();
    this.pairs = align(...gists(this.sides)).map(({ left: l, right: r, how }) => {
      const [one, two] = [left.turns[l] ?? null, right.turns[r] ?? null];
      const plain = one ? `turn-${one.number}` : `right-${two?.number}`;
      const id = seen.has(plain) ? `${plain}.${seen.size}` : plain;
      seen.add(id);
      return { left: one, right: two, how, id };
    });
    this.arrange();
  }

  arrange() {
    const shared = this.pairs.filter(isCommon);
    const rest = this.pairs.slice(shared.length);
    /** @type {Item[]} */
    const head = shared.length ? [{ id: "common", pairs: shared }, ...(this.open.has("common") ? shared : [])] : [];
    this.items = [...head, ...rest];
    this.list.set(this.items);
  }

  redraw() {
    this.list.update();
  }

  /** @param {Mode} mode */
  show(mode) {
    this.mode = mode;
    this.redraw();
  }

  /** @param {Item} item */
  version(item) {
    if (item.id === "common") return String(this.open.has("common"));
    const { left, right, id } = /** @type {Pairing} */ (item);
    const here = [left, right].map((turn, i) => (turn ? this.needs(turn, id).filter((call) => this.sides[i].added(call)).length : 0));
    return [this.open.has(id), this.reach.get(id), this.selected === id, this.mode, ...here].join(" ");
  }

  /**
   * @param {import("./compare-turns.js").Told} turn
   * @param {string} id of its pair
   */
  needs(turn, id) {
    return needed(turn, this.reach.get(id) ?? REACH);
  }

  /** @param {Item} item */
  render(item) {
    if (item.id === "common") return this.commonLine(/** @type {Common} */ (item));
    const pair = /** @type {Pairing} */ (item);
    const { left, right, id } = pair;
    if (left) this.sides[0].need(this.needs(left, id));
    if (right) this.sides[1].need(this.needs(right, id));
    return pairView(pair, this.sides, {
      mode: this.mode,
      open: this.open.has(id),
      reach: this.reach.get(id) ?? REACH,
      selected: this.selected === id,
      toggle: () => this.turnOver(id),
      further: () => {
        this.reach.set(id, (this.reach.get(id) ?? REACH) + 2 * REACH);
        this.redraw();
      },
    });
  }

  /** @param {Common} item */
  commonLine({ pairs }) {
    const all = sums(pairs.flatMap(({ left }) => left?.calls ?? []));
    return el(
      "div",
      { class: "match equal shared" },
      el("button", { type: "button", class: "fold-line", "aria-expanded": String(this.open.has("common")), onclick: () => this.turnOver("common") },
        el("b", null, `${plural(pairs.length, "turn")} in common`),
        el("span", { class: "gist" }, "the same messages and answers in both"),
        el("span", { class: "note" }, [plural(all.calls, "call"), cost(all.cost), duration(all.ms)].join(" · "))),
    );
  }

  /** @param {string} id */
  turnOver(id) {
    if (!this.open.delete(id)) this.open.add(id);
    if (id === "common") this.arrange();
    else this.redraw();
    this.list.shown.get(id)?.node.querySelector("button")?.focus({ preventScroll: true }); // it was made anew
  }

  /**
   * @param {string} id
   * @param {{keep?: boolean}} [how] `keep`: tell it, for the address
   */
  select(id, { keep = true } = {}) {
    const pair = this.pairs.find((pair) => pair.id === id);
    if (!pair) return;
    if (isCommon(pair)) this.open.add("common");
    this.selected = id;
    this.arrange();
    this.list.show(this.items.findIndex((item) => item.id === id), { margin: this.how.margin() });
    if (keep) this.how.onselect(id);
  }

  /**
   * Goes to the next turn that is not the same in both, or the one before.
   * @param {1|-1} step
   */
  async step(step) {
    const from = this.pairs.findIndex(({ id }) => id === this.selected);
    for (let at = from < 0 && step < 0 ? -1 : from + step; at >= 0 && at < this.pairs.length; at += step) {
      if (!(await this.differs(this.pairs[at]))) continue;
      this.select(this.pairs[at].id);
      return true;
    }
    return false;
  }

  /** @param {Pairing} pair */
  async differs({ left, right, how, id }) {
    if (how === "common") return false;
    if (!left || !right) return true;
    const [a, b] = this.sides;
    await Promise.all([a.ready(this.needs(left, id)), b.ready(this.needs(right, id))]);
    const reach = this.reach.get(id);
    return !alike(said(left, (call) => a.added(call), reach), said(right, (call) => b.added(call), reach));
  }
}

/** @param {Item} item */
function isCommon(item) {
  return "how" in item && item.how === "common";
}

/**
 * @param {[Side, Side]} sides
 * @returns {[import("./compare-align.js").Gist[], import("./compare-align.js").Gist[]]}
 */
function gists([a, b]) {
  return [a.turns.map((turn) => a.gist(turn)), b.turns.map((turn) => b.gist(turn))];
}
