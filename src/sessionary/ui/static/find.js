// Search within a session: what was found is walked through place by place, a place being a part of a message; each is
// unfolded as far as it must be, brought into sight and marked. What else has the words and is to be seen is marked too.

import * as api from "./api.js";
import { el } from "./el.js";
import { exact } from "./format.js";
import { Sought, pattern, places, words } from "./sought.js";
import { bring, drawnIn, reach, visible } from "./unfold.js";

/** @typedef {import("./types.js").Hit} Hit */
/** @typedef {import("./sought.js").Place} Place */

const MOST = 200;
/** Calls that are looked into at once, to count their places; others count as one until they are come to. */
const AHEAD = 24;
const MARKS = 2000;

export class Find {
  /**
   * @param {HTMLElement} host before the transcript
   * @param {{session: string, contents: import("./contents.js").Contents, begun: Promise<void>, select: (call: string) => void, release: () => void, stay: () => void}} on
   *   `begun`: the calls are known; `release`: what was selected need not stay at the top; `stay`: it stays where it is now
   */
  constructor(host, on) {
    this.on = on;
    this.q = "";
    this.sought = new Sought("");
    /** @type {string[]} calls */
    this.hits = [];
    /** @type {Map<string, number>} call -> its places, of those that were looked into */
    this.counts = new Map();
    /** @type {{hit: number, nth: number}|null} */
    this.at = null;
    /** @type {{article: Element, range: Range|null}|null} what was come to, where it is drawn */
    this.current = null;
    /** Whether nobody has scrolled since. */
    this.held = false;
    this.more = false;
    /** @type {AbortController|null} */
    this.asking = null;
    this.landing = {};
    this.field = el("input", { type: "search", placeholder: "Find in this session", "aria-label": "Find in this session", autocomplete: "off", spellcheck: "false", oninput: () => this.later(), onkeydown: (/** @type {KeyboardEvent} */ e) => this.key(e) });
    this.state = el("span", { class: "soft", role: "status" });
    const step = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {number} */ by) => el("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: () => this.step(by) }, sign);
    this.bar = el("div", { class: "finder", role: "search", hidden: true }, this.field, this.state, step("↑", "Previous (N)", -1), step("↓", "Next (n)", 1), el("button", { type: "button", class: "quiet", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.close() }, "×"));
    host.before(this.bar);
    this.feed = host;
    this.timer = 0;
    /** @type {WeakMap<Element, Range[]>} by call, as long as it is what it was */
    this.marked = new WeakMap();
    this.mark = api.framed(() => this.marks());
    const changed = (/** @type {Node} */ node) => {
      const call = (node instanceof Element ? node : node.parentElement)?.closest(".call");
      if (call) this.marked.delete(call);
    };
    new MutationObserver((records) => {
      if (!this.q) return;
      for (const { target } of records) changed(target);
      this.again();
      this.mark();
    }).observe(host, { childList: true, subtree: true });
    host.addEventListener("toggle", ({ target }) => (changed(/** @type {Node} */ (target)), this.mark()), true);
    for (const what of ["wheel", "touchmove", "pointerdown", "keydown"]) host.addEventListener(what, () => (this.held = false), { passive: true });
  }

  /**
   * @param {string} [q] what to look for at once
   * @param {{call: string, anchor: string}} [named] by the address: where to go first, if it is among what is found
   */
  open(q, named) {
    this.bar.hidden = false;
    if (q === undefined) return this.field.select();
    this.field.value = q; // without the focus: n and N go on from here
    this.look(named);
  }

  close() {
    clearTimeout(this.timer);
    this.bar.hidden = true;
    this.clear();
    this.q = "";
    this.address();
    this.marks();
    this.feed.focus({ preventScroll: true });
  }

  clear() {
    this.asking?.abort();
    [this.hits, this.at, this.current, this.landing] = [[], null, null, {}];
    this.counts.clear();
    this.marked = new WeakMap();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter") {
      clearTimeout(this.timer);
      if (this.field.value.trim() === this.q) this.step(event.shiftKey ? -1 : 1);
      else this.look();
    } else return;
    event.preventDefault();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), 250);
  }

  /** @param {{call: string, anchor: string}} [named] */
  async look(named) {
    this.clear();
    const asking = new AbortController();
    this.asking = asking;
    this.q = this.field.value.trim();
    this.sought = new Sought(this.q);
    this.address();
    this.mark();
    if (this.q) {
      this.state.textContent = "looking …";
      try {
        const found = await api.get(`/api/search?session=${encodeURIComponent(this.on.session)}&q=${encodeURIComponent(this.q)}&limit=${MOST}`, asking.signal);
        await this.on.begun;
        if (asking.signal.aborted) return;
        const place = (/** @type {string} */ call) => this.on.contents.indexOf.get(call) ?? -1;
        const calls = new Set(found.data.map((/** @type {Hit} */ hit) => hit.call_id));
        this.hits = [...calls].filter((call) => place(call) >= 0).sort((a, b) => place(a) - place(b));
        this.more = Boolean(found.next_cursor);
        const first = Math.max(0, this.hits.indexOf(named?.call ?? ""));
        await this.count(this.hits.slice(0, first + AHEAD).slice(-AHEAD));
      } catch (error) {
        if (asking.signal.aborted) return;
        this.state.textContent = error instanceof Error ? error.message : String(error);
        return;
      }
      if (asking.signal.aborted) return;
    }
    if (named?.call) this.at = this.named(named);
    if (this.at) await this.land();
    else if (!named?.call) await this.step(1);
    this.tell();
  }

  /**
   * What is found where the address leads: in that message, in what that call added, or beside its tool calls.
   * @param {{call: string, anchor: string}} named
   */
  named({ call, anchor }) {
    const known = this.hits.flatMap((id, hit) => (this.counts.has(id) ? this.places(id).map((place, nth) => ({ hit, nth, place })) : []));
    const message = anchor.includes("/") ? known.find(({ place }) => place.anchor === anchor) : undefined;
    const hit = this.hits.indexOf(call);
    return message ?? (hit >= 0 ? { hit, nth: 0 } : (known.find(({ place }) => place.call === call) ?? null));
  }

  /** @param {string} call that was found */
  places(call) {
    const added = this.on.contents.calls[this.on.contents.indexOf.get(call) ?? -1];
    return added ? places(added, this.sought) : [];
  }

  /**
   * Looks into calls; those before them made the tool calls whose results they bring.
   * @param {string[]} calls
   */
  async count(calls) {
    const { indexOf, calls: all } = this.on.contents;
    const own = calls.flatMap((call) => indexOf.get(call) ?? []);
    await this.on.contents.ready(own.flatMap((index) => [index, indexOf.get(all[index].call.parent_id ?? "") ?? index]));
    for (const call of calls) this.counts.set(call, Math.max(1, this.places(call).length));
  }

  /** @param {number} by */
  async step(by) {
    const many = this.hits.length;
    if (!many) return this.tell();
    const of = (/** @type {number} */ hit) => this.counts.get(this.hits[hit]) ?? 1;
    if (!this.at) this.at = by < 0 ? { hit: many - 1, nth: Infinity } : { hit: 0, nth: 0 };
    else {
      const { hit, nth } = this.at;
      if (nth + by >= 0 && nth + by < of(hit)) this.at = { hit, nth: nth + by };
      else this.at = { hit: (hit + by + many) % many, nth: by < 0 ? Infinity : 0 };
    }
    await this.land();
  }

  /** Goes to where `at` is. */
  async land() {
    const { at } = this;
    const landing = (this.landing = {});
    if (!at) return;
    const call = this.hits[at.hit];
    await this.count([call]);
    at.nth = Math.min(at.nth, (this.counts.get(call) ?? 1) - 1);
    const home = this.places(call)[at.nth]?.call ?? call;
    const index = this.on.contents.indexOf.get(home) ?? -1;
    await this.on.contents.ready([index - 1, index, index + 1]);
    if (landing !== this.landing) return;
    this.on.select(home);
    const article = document.getElementById(home);
    this.current = article ? { article, range: null } : null;
    this.held = true;
    await this.unfold();
    if (landing === this.landing) this.tell();
  }

  /** Shows the place that was come to, in its call as it is drawn now. */
  async unfold() {
    const { at, current } = this;
    const place = at ? this.places(this.hits[at.hit])[at.nth] : undefined;
    if (!place || !current) return;
    const shown = await drawnIn(current.article, place.piece);
    const term = this.sought.rarest(words(place.piece));
    const range = shown && term ? await reach(shown, term) : null;
    if (!shown || current !== this.current || at !== this.at) return;
    current.range = range;
    const around = new Range();
    around.selectNodeContents(shown);
    this.mark();
    if (!this.held) return;
    this.on.release();
    this.address(shown.closest(".msg[id]")?.id);
    const still = () => this.held && current === this.current;
    await bring(range ?? around, this.feed, still);
    if (still()) this.on.stay();
  }

  /** What was come to is shown again, where its call has been drawn anew. */
  again() {
    const article = this.current && document.getElementById(this.current.article.id);
    if (!article || article === this.current?.article) return;
    this.current = { article, range: null };
    this.unfold();
  }

  tell() {
    const all = this.hits.map((call) => this.counts.get(call) ?? 1);
    const sum = (/** @type {number[]} */ counts) => counts.reduce((one, other) => one + other, 0);
    const many = `${exact(sum(all))}${this.more || this.counts.size < all.length ? "+" : ""}`;
    this.state.textContent = !this.q ? "" : !all.length ? "nothing found" : this.at ? `${exact(sum(all.slice(0, this.at.hit)) + this.at.nth + 1)} of ${many}` : `${many} found`;
  }

  /** @param {string} [anchor] of a message */
  address(anchor) {
    const url = new URL(location.href);
    if (this.q) url.searchParams.set("q", this.q);
    else url.searchParams.delete("q");
    if (anchor) url.hash = anchor;
    history.replaceState(null, "", url);
  }

  /** Marks the words in what is in the document now, without touching it. */
  marks() {
    if (!("highlights" in CSS)) return;
    const any = pattern(this.sought.terms);
    /** @type {Range[]} */
    const ranges = [];
    for (const call of this.q && !this.bar.hidden ? this.feed.querySelectorAll(".call") : []) {
      const own = this.marked.get(call) ?? visible(call, any, MARKS);
      this.marked.set(call, own);
      ranges.push(...own.slice(0, MARKS - ranges.length));
    }
    const here = this.q && this.current?.range?.startContainer.isConnected ? [this.current.range] : [];
    for (const [name, all] of /** @type {[string, Range[]][]} */ ([["found", ranges], ["here", here]])) {
      const highlight = new Highlight(...all);
      highlight.priority = name === "here" ? 1 : 0;
      if (all.length) CSS.highlights.set(name, highlight);
      else CSS.highlights.delete(name);
    }
  }
}
