// Search within a session: what was found is walked through call by call, and marked where it is read.

import * as api from "./api.js";
import { byId, el } from "./el.js";
import { exact } from "./format.js";

/** @typedef {import("./types.js").Hit} Hit */

const MOST = 200;

export class Find {
  /**
   * @param {HTMLElement} host before the transcript
   * @param {{session: string, select: (call: string) => void, place: (call: string) => number}} on `place`: a call's
   *   place in the session, -1 where it is none
   */
  constructor(host, on) {
    this.on = on;
    this.q = "";
    /** @type {string[]} calls */
    this.hits = [];
    this.at = -1;
    this.more = false;
    /** @type {AbortController|null} */
    this.asking = null;
    this.field = el("input", { type: "search", placeholder: "Find in this session", "aria-label": "Find in this session", autocomplete: "off", spellcheck: "false", oninput: () => this.later(), onkeydown: (/** @type {KeyboardEvent} */ e) => this.key(e) });
    this.state = el("span", { class: "soft", role: "status" });
    const step = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {number} */ by) => el("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: () => this.step(by) }, sign);
    this.bar = el("div", { class: "finder", role: "search", hidden: true }, this.field, this.state, step("↑", "Previous (N)", -1), step("↓", "Next (n)", 1), el("button", { type: "button", class: "quiet", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.close() }, "×"));
    host.before(this.bar);
    this.feed = host;
    this.timer = 0;
  }

  /** @param {string} [q] what to look for at once */
  open(q) {
    this.bar.hidden = false;
    if (q !== undefined) {
      this.field.value = q;
      this.look(false);
    } else this.field.focus();
    this.field.select();
  }

  close() {
    this.bar.hidden = true;
    this.asking?.abort();
    [this.q, this.hits, this.at] = ["", [], -1];
    this.address();
    this.mark();
    this.feed.focus({ preventScroll: true });
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

  /** @param {boolean} [go] to the first that was found */
  async look(go = true) {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.q = this.field.value.trim();
    this.address();
    [this.hits, this.at] = [[], -1];
    if (this.q) {
      try {
        const found = await api.get(`/api/search?session=${encodeURIComponent(this.on.session)}&q=${encodeURIComponent(this.q)}&limit=${MOST}`, asking.signal);
        const calls = new Set(found.data.map((/** @type {Hit} */ hit) => hit.call_id));
        this.hits = [...calls].filter((call) => this.on.place(call) >= 0).sort((a, b) => this.on.place(a) - this.on.place(b));
        this.more = Boolean(found.next_cursor);
      } catch (error) {
        if (asking.signal.aborted) return;
        this.state.textContent = error instanceof Error ? error.message : String(error);
        return;
      }
    }
    if (go) this.step(1);
    else this.tell();
    this.mark();
  }

  /** @param {number} by */
  step(by) {
    if (this.hits.length) {
      this.at = this.at < 0 && by < 0 ? this.hits.length - 1 : (this.at + by + this.hits.length) % this.hits.length;
      this.on.select(this.hits[this.at]);
    }
    this.tell();
  }

  tell() {
    const many = `${exact(this.hits.length)}${this.more ? "+" : ""}`;
    this.state.textContent = !this.q ? "" : !this.hits.length ? "nothing found" : this.at < 0 ? `${many} calls` : `${this.at + 1} of ${many}`;
  }

  address() {
    const url = new URL(location.href);
    if (this.q) url.searchParams.set("q", this.q);
    else url.searchParams.delete("q");
    history.replaceState(null, "", url);
  }

  /** Marks the words in what is in the document now, without touching it. */
  mark() {
    if (!("highlights" in CSS)) return;
    const ranges = this.q && !this.bar.hidden ? found(byId("main"), words(this.q)) : [];
    if (ranges.length) CSS.highlights.set("found", new Highlight(...ranges));
    else CSS.highlights.delete("found");
  }
}

/**
 * The query's words, folded; the search's own syntax is words and "phrases".
 * @param {string} q
 */
export function words(q) {
  return [...new Set(q.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [])].sort((a, b) => b.length - a.length).slice(0, 32);
}

/**
 * @param {HTMLElement} root
 * @param {string[]} wanted
 */
function found(root, wanted) {
  if (!wanted.length) return [];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${wanted.join("|")})`, "gu");
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  /** @type {Range[]} */
  const ranges = [];
  for (let node = walker.nextNode(); node && ranges.length < 2000; node = walker.nextNode()) {
    const text = (node.nodeValue ?? "").toLowerCase();
    if (text.length !== node.nodeValue?.length) continue;
    for (const { index, 0: word } of text.matchAll(pattern)) {
      const range = new Range();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      ranges.push(range);
    }
  }
  return ranges;
}
