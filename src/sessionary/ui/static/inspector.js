// The selected call, right: its numbers, the request as it was sent, the answer, why it is in this session.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { size } from "./format.js";
import { pressed } from "./press.js";
import { overview } from "./overview.js";
import { body, sent } from "./sent.js";
import { told, why } from "./why.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./el.js").Child} Child */

export const TABS = /** @type {const} */ (["overview", "sent", "response", "headers", "why"]);
const TITLES = { overview: "Overview", sent: "As sent", response: "Response", headers: "Headers", why: "Why here" };

export class Inspector {
  /**
   * @param {HTMLElement} host
   * @param {{ontab: (tab: string) => void, onclose: () => void, has: (id: string) => boolean}} on `has`: whether a call is of this session
   */
  constructor(host, on) {
    this.on = on;
    /** @type {Call|null} */
    this.call = null;
    this.tab = "overview";
    /** Of the request. @type {import("./sent.js").View} */
    this.sent = "sent";
    /** @type {AbortController|null} */
    this.loading = null;
    this.tabs = TABS.map((tab) =>
      el("button", { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": "panel", onclick: () => this.open(tab) }, TITLES[tab]),
    );
    this.panel = el("div", { id: "panel", class: "panel", role: "tabpanel", tabindex: 0 });
    const close = el("button", { type: "button", class: "quiet close", "aria-label": "Close the inspector", title: "Close (i)", onclick: on.onclose }, "×");
    const list = el("div", { class: "tabs", role: "tablist", "aria-label": "About the call", onkeydown: (/** @type {KeyboardEvent} */ e) => this.arrow(e) }, ...this.tabs);
    host.replaceChildren(el("div", { class: "tabline" }, list, close), this.panel);
  }

  /** @param {KeyboardEvent} event */
  arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (TABS.findIndex((tab) => tab === this.tab) + step + TABS.length) % TABS.length;
    this.open(TABS[at]);
    this.tabs[at].focus();
  }

  /** @param {string} tab */
  open(tab) {
    this.choose(tab);
    this.on.ontab(this.view());
    this.render();
  }

  /** @param {string} name of a tab, or of a view of the request */
  choose(name) {
    this.sent = name === "changes" || name === "passed" ? name : "sent";
    this.tab = this.sent !== "sent" ? "sent" : (TABS.find((tab) => tab === name) ?? "overview");
  }

  /** The name of what is shown, as `choose` takes it. */
  view() {
    return this.tab === "sent" ? this.sent : this.tab;
  }

  /**
   * @param {Call} call
   * @param {string} [tab]
   */
  show(call, tab) {
    const same = this.call?.id === call.id && JSON.stringify(this.call) === JSON.stringify(call) && (!tab || tab === this.view());
    this.call = call;
    if (tab) this.open(tab);
    else if (!same) this.again();
  }

  again() {
    if (!pressed(this.panel, () => this.again())) this.render();
  }

  render() {
    const { call } = this;
    if (!call) return;
    TABS.forEach((tab, i) => {
      this.tabs[i].setAttribute("aria-selected", String(tab === this.tab));
      this.tabs[i].tabIndex = tab === this.tab ? 0 : -1;
    });
    this.panel.setAttribute("aria-labelledby", `tab-${this.tab}`);
    this.loading?.abort();
    if (this.tab === "overview") this.panel.replaceChildren(...overview(call));
    else if (this.tab === "why") this.fill(why, call, told(call));
    else if (this.tab === "headers") this.fill(headers, call);
    else if (this.tab === "sent") this.fill((call, signal) => sent(call, signal, { view: this.sent, switch: (view) => this.open(view) }), call);
    else this.load(`/api/calls/${encodeURIComponent(call.id)}/response`, call.stream ? [this.events(call)] : []);
  }

  /**
   * @param {(call: Call, signal: AbortSignal, has: (id: string) => boolean) => Promise<HTMLElement[]>} view
   * @param {Call} call
   * @param {HTMLElement[]} [meanwhile]
   */
  async fill(view, call, meanwhile = [el("p", { class: "soft" }, "loading …")]) {
    const loading = new AbortController();
    this.loading = loading;
    this.panel.replaceChildren(...meanwhile);
    try {
      const parts = await view(call, loading.signal, this.on.has);
      if (!loading.signal.aborted) this.panel.replaceChildren(...parts);
    } catch (error) {
      if (!loading.signal.aborted) this.trouble(error, () => this.fill(view, call, meanwhile));
    }
  }

  /** @param {Call} call */
  events(call) {
    const path = `/api/calls/${encodeURIComponent(call.id)}/response?raw=1`;
    return el("button", { type: "button", class: "copy", onclick: () => this.load(path, [], true) }, "Raw events");
  }

  /**
   * @param {string} path
   * @param {Child[]} more
   * @param {boolean} [raw]
   */
  async load(path, more, raw = false) {
    const loading = new AbortController();
    this.loading = loading;
    this.panel.replaceChildren(el("p", { class: "soft" }, "loading …"));
    try {
      const text = await api.text(path, loading.signal);
      const top = el("p", { class: "top" }, el("span", { class: "soft" }, size(text.length)), copyButton(() => text, "Copy", "Copy it all"), more);
      this.panel.replaceChildren(top, raw ? el("pre", { tabindex: 0 }, text.slice(0, 500_000)) : body(text));
    } catch (error) {
      if (!loading.signal.aborted) this.trouble(error, () => this.load(path, more, raw));
    }
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  trouble(error, retry) {
    const again = el("button", { type: "button", onclick: retry }, "Try again");
    this.panel.replaceChildren(el("p", { class: "soft", role: "alert" }, error instanceof Error ? error.message : String(error)), again);
  }
}

/**
 * @param {Call} call
 * @param {AbortSignal} signal
 */
async function headers(call, signal) {
  const found = await api.get(`/api/calls/${encodeURIComponent(call.id)}/headers`, signal);
  const list = (/** @type {string} */ title, /** @type {Record<string, string>} */ given) => {
    const names = Object.keys(given ?? {}).sort();
    const text = () => names.map((name) => `${name}: ${given[name]}`).join("\n");
    const rows = names.flatMap((name) => [el("dt", null, name), el("dd", null, el("bdi", null, given[name]))]);
    return el("section", { class: "part headers" }, el("h3", null, title, " ", names.length ? copyButton(text) : null), names.length ? el("dl", null, rows) : el("p", { class: "soft" }, "none were kept"));
  };
  return [list("Request", found.request), list("Answer", found.response)];
}
