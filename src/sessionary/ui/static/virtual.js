// A list of which only what is near the screen is in the document. Heights may differ: they are estimated until
// seen, measured then, and what is being read, or has the keyboard's focus, keeps its place when something above it turns
// out taller. What is drawn anew keeps the focus, and waits while it is pressed.

import { el } from "./el.js";
import { pressed } from "./press.js";

/** What can have the focus. */
const REACHED = "a[href], button, input, select, summary, [tabindex]";

/**
 * @template T
 * @typedef {object} Options
 * @property {Element} scroller what scrolls; `document.documentElement` for the page itself
 * @property {HTMLElement} host what the items are put into; it keeps what it has until the first `set`
 * @property {(item: T) => number} estimate an item's likely height
 * @property {(item: T) => string} key
 * @property {(item: T) => string} [version] an item whose version changed is rendered anew
 * @property {(item: T, index: number) => HTMLElement} render
 * @property {() => HTMLElement} [spacer]
 * @property {number} [reach] pixels kept ready above and below
 * @property {(top: number) => void} [onscroll] told the index of the item at the top
 */

/** @template T */
export class Virtual {
  /** @param {Options<T>} options */
  constructor(options) {
    this.o = options;
    /** @type {T[]} */
    this.items = [];
    /** @type {Map<string, number>} */
    this.heights = new Map();
    /** @type {Map<string, {node: HTMLElement, version: string}>} */
    this.shown = new Map();
    /** @type {number[]} */
    this.offsets = [0];
    const spacer = options.spacer ?? (() => el("div", { class: "gap", "aria-hidden": "true" }));
    this.above = spacer();
    this.below = spacer();
    this.ready = false;
    this.page = options.scroller === document.documentElement;
    let waiting = false;
    const soon = () => {
      if (!waiting) requestAnimationFrame(() => ((waiting = false), this.update()));
      waiting = true;
    };
    this.soon = soon;
    (this.page ? window : options.scroller).addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon, { passive: true });
    this.sizes = new ResizeObserver(soon);
    /** @type {{key: string, margin: number}|null} what was brought to the top stays there, until someone scrolls */
    this.pinned = null;
    for (const what of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      options.scroller.addEventListener(what, () => (this.pinned = null), { passive: true });
    }
    // Tab leads on from outside as well, and the browser brings what gets the focus into view.
    options.scroller.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element && target !== options.scroller && target.matches(":focus-visible")) this.pinned = null;
    });
  }

  /** @param {T[]} items */
  set(items) {
    if (!this.ready) {
      if (pressed(this.o.host, () => this.set(items))) return;
      this.o.host.replaceChildren(this.above, this.below);
    }
    this.ready = true;
    const anchor = this.anchor();
    this.items = items;
    this.measure();
    const keys = new Set(items.map(this.o.key));
    for (const [key, { node }] of this.shown) if (!keys.has(key)) this.drop(key, node);
    const at = anchor ? items.findIndex((item) => this.o.key(item) === anchor.key) : -1;
    if (anchor && at >= 0) {
      this.layout(...this.range(this.offsets[at] + anchor.into));
      this.scroll(this.offsets[at] + anchor.into);
    }
    this.update();
  }

  /** What keeps its place, and how far it has been scrolled past. */
  anchor() {
    const y = this.y();
    const at = this.kept(y);
    return at < 0 ? null : { key: this.o.key(this.items[at]), into: y - this.offsets[at] };
  }

  /**
   * The index of what keeps its place when scrolled to `y`: what has the keyboard's focus, if it is in sight, else what is
   * at the top; -1: before anything has been scrolled past, nothing.
   * @param {number} y
   */
  kept(y) {
    const focus = document.activeElement;
    if (focus && this.o.host.contains(focus) && focus.matches(":focus-visible")) {
      const index = this.items.findIndex((item) => this.shown.get(this.o.key(item))?.node.contains(focus));
      if (index >= 0 && this.offsets[index] < y + this.height() && this.offsets[index + 1] > y) return index;
    }
    return this.items.length && y > 0 ? this.at(y) : -1;
  }

  height() {
    return this.page ? innerHeight : this.o.scroller.clientHeight;
  }

  /** The scroll position, within the host. */
  y() {
    const { scroller, host } = this.o;
    return (this.page ? 0 : scroller.getBoundingClientRect().top) - host.getBoundingClientRect().top;
  }

  /** @param {number} y */
  scroll(y) {
    this.o.scroller.scrollTop += y - this.y();
  }

  /**
   * Which items to have in the document when scrolled to `y`.
   * @param {number} y
   * @returns {[number, number]}
   */
  range(y) {
    const reach = this.o.reach ?? 600;
    return [this.at(y - reach), this.items.length ? this.at(y + this.height() + reach) + 1 : 0];
  }

  measure() {
    const sum = [0];
    for (let i = 0; i < this.items.length; i++) {
      sum.push(sum[i] + (this.heights.get(this.o.key(this.items[i])) ?? this.o.estimate(this.items[i])));
    }
    this.offsets = sum;
  }

  /**
   * The index of the item at `y`.
   * @param {number} y
   */
  at(y) {
    let low = 0;
    let high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  update() {
    if (!this.ready) return;
    const { scroller } = this.o;
    const end = scroller.scrollTop > 0 && scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2;
    for (let round = 0; round < 4; round++) {
      const y = this.y();
      const kept = this.kept(y);
      const before = this.offsets[kept];
      const changed = this.layout(...this.range(y));
      const moved = kept < 0 ? 0 : this.offsets[kept] - before;
      const held = this.hold();
      if (held) continue;
      if (held === null) {
        if (end) scroller.scrollTop = scroller.scrollHeight;
        else if (moved) scroller.scrollTop += moved;
      }
      if (!changed) break;
    }
    this.o.onscroll?.(this.top());
  }

  /** The index of the item at the top. */
  top() {
    return this.at(Math.max(0, this.y()) + 1);
  }

  /**
   * An item stays as far from the top as it is now, until someone scrolls; what is elsewhere may turn out taller.
   * @param {number} index
   */
  stay(index) {
    const item = this.items[index];
    this.pinned = item === undefined ? null : { key: this.o.key(item), margin: this.offsets[index] - this.y() };
  }

  /**
   * Brings what is pinned back to the top.
   * @returns {boolean|null} whether it was elsewhere; null: nothing is pinned
   */
  hold() {
    const { pinned } = this;
    const index = pinned ? this.items.findIndex((item) => this.o.key(item) === pinned.key) : -1;
    if (index < 0) return null;
    const before = this.o.scroller.scrollTop;
    this.scroll(this.offsets[index] - (pinned?.margin ?? 0));
    return Math.abs(this.o.scroller.scrollTop - before) > 1;
  }

  /**
   * Puts items [from, to) into the document and measures them.
   * @param {number} from
   * @param {number} to
   * @returns {boolean} whether a height was not as thought
   */
  layout(from, to) {
    const wanted = new Map(this.items.slice(from, to).map((item, i) => [this.o.key(item), from + i]));
    for (const [key, { node }] of this.shown) {
      if (!wanted.has(key)) this.drop(key, node);
    }
    /** @type {Element} */
    let previous = this.above;
    for (const [key, index] of wanted) {
      const node = this.node(key, index);
      if (previous.nextElementSibling !== node) previous.after(node);
      previous = node;
    }
    let changed = false;
    for (const [key, index] of wanted) {
      const height = this.shown.get(key)?.node.getBoundingClientRect().height ?? 0;
      if (Math.abs(height - (this.offsets[index + 1] - this.offsets[index])) > 0.05) changed = true;
      this.heights.set(key, height);
    }
    if (changed) this.measure();
    this.size(this.above, this.offsets[from] ?? 0);
    this.size(this.below, (this.offsets.at(-1) ?? 0) - (this.offsets[Math.min(to, this.items.length)] ?? 0));
    return changed;
  }

  /**
   * @param {string} key
   * @param {number} index
   */
  node(key, index) {
    const item = this.items[index];
    const version = this.o.version?.(item) ?? "";
    const old = this.shown.get(key);
    if (old && (old.version === version || pressed(old.node, this.soon))) return old.node;
    const node = this.o.render(item, index);
    this.shown.set(key, { node, version });
    this.sizes.observe(node);
    if (old) {
      this.sizes.unobserve(old.node);
      old.node.before(node);
      refocus(old.node, node);
      old.node.remove();
    }
    return node;
  }

  /**
   * @param {string} key
   * @param {HTMLElement} node
   */
  drop(key, node) {
    this.sizes.unobserve(node);
    node.remove();
    this.shown.delete(key);
  }

  /**
   * @param {HTMLElement} spacer
   * @param {number} height
   */
  size(spacer, height) {
    const inner = /** @type {HTMLElement} */ (spacer.firstElementChild ?? spacer);
    inner.style.height = `${height}px`;
    spacer.hidden = height <= 0;
  }

  /**
   * Brings an item to the top, or only into sight.
   * @param {number} index
   * @param {{into?: "top"|"sight", margin?: number}} [how]
   */
  show(index, { into = "top", margin = 0 } = {}) {
    if (index < 0 || index >= this.items.length) return;
    if (into === "top") this.pinned = { key: this.o.key(this.items[index]), margin };
    for (let round = 0; round < 3; round++) {
      const height = this.height();
      const y = this.y();
      const [start, end] = [this.offsets[index], this.offsets[index + 1]];
      if (into === "top") this.scroll(start - margin);
      else if (start - margin < y) this.scroll(start - margin);
      else if (end + margin > y + height) this.scroll(end + margin - height);
      this.update();
    }
  }
}

/**
 * The focus goes on to the control that has the same place.
 * @param {HTMLElement} from
 * @param {HTMLElement} to
 */
function refocus(from, to) {
  const [old, made] = [from, to].map((node) => /** @type {HTMLElement[]} */ ([node, ...node.querySelectorAll(REACHED)]));
  const at = old.findIndex((control) => control === document.activeElement);
  if (at >= 0 && made[at]?.localName === old[at].localName) made[at].focus({ preventScroll: true });
}
