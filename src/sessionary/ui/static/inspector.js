// The selected call, right: its numbers, the request as it was sent, the answer, why it is in this session.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { cost, count, duration, exact, moment, share } from "./format.js";
import { mood } from "./story.js";
import { tree } from "./tree.js";
import { told, why } from "./why.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./el.js").Child} Child */

export const TABS = /** @type {const} */ (["overview", "sent", "response", "why"]);
const TITLES = { overview: "Overview", sent: "As sent", response: "Response", why: "Why here" };

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
    this.tab = TABS.find((name) => name === tab) ?? "overview";
    this.on.ontab(this.tab);
    this.render();
  }

  /**
   * @param {Call} call
   * @param {string} [tab]
   */
  show(call, tab) {
    const same = this.call?.id === call.id && JSON.stringify(this.call) === JSON.stringify(call) && (!tab || tab === this.tab);
    this.call = call;
    if (tab) this.open(tab);
    else if (!same) this.render();
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
    else if (this.tab === "why") this.explain(call);
    else if (this.tab === "sent") this.load(`/api/calls/${encodeURIComponent(call.id)}/request`, []);
    else this.load(`/api/calls/${encodeURIComponent(call.id)}/response`, call.stream ? [this.events(call)] : []);
  }

  /** @param {Call} call */
  async explain(call) {
    const loading = new AbortController();
    this.loading = loading;
    this.panel.replaceChildren(...told(call));
    try {
      const parts = await why(call, this.on.has, loading.signal);
      if (!loading.signal.aborted) this.panel.replaceChildren(...parts);
    } catch (error) {
      if (!loading.signal.aborted) this.panel.append(el("p", { class: "soft" }, error instanceof Error ? error.message : String(error)));
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
      const size = text.length < 1000 ? `${text.length} B` : `${(text.length / 1000).toFixed(1)} kB`;
      const top = el("p", { class: "top" }, el("span", { class: "soft" }, size), copyButton(() => text, "Copy", "Copy it all"), more);
      this.panel.replaceChildren(top, raw ? el("pre", { tabindex: 0 }, text.slice(0, 500_000)) : json(text));
    } catch (error) {
      if (loading.signal.aborted) return;
      this.panel.replaceChildren(el("p", { class: "soft" }, error instanceof Error ? error.message : String(error)));
    }
  }
}

/** @param {string} text */
function json(text) {
  try {
    return tree(JSON.parse(text), { open: 2, label: role });
  } catch {
    return el("pre", { tabindex: 0 }, text.slice(0, 500_000));
  }
}

/**
 * @param {string[]} path
 * @param {any} value
 */
function role(path, value) {
  const words = [value.role, value.type, value.name, value.function?.name].filter((word) => typeof word === "string");
  const start = typeof value.content === "string" ? `: ${value.content.slice(0, 60)}` : "";
  return words.length ? words.join(" · ").slice(0, 80) + start : "";
}

/** @param {[string, Child|Child[]][]} rows */
function list(rows) {
  return el("dl", null, rows.flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
}

/** @param {Call} call */
function overview(call) {
  const route = [call.provider, call.deployment].filter(Boolean).join(" / ");
  const tries = Array.isArray(call.attempts) ? call.attempts : [];
  const note = (/** @type {string} */ text) => el("span", { class: "soft" }, ` ${text}`);
  /** @type {[string, Child|Child[]][]} */
  const rows = [
    ["Status", [el("span", { class: `dot ${mood(call.status)}` }), ` ${call.status}`, call.http_status ? note(String(call.http_status)) : null]],
    ["Model", call.model],
  ];
  if (call.upstream_model && call.upstream_model !== call.model) rows.push(["Answered by", call.upstream_model]);
  if (route) rows.push(["Route", route]);
  rows.push(["Endpoint", [call.endpoint, note(call.stream ? "streamed" : "not streamed")]]);
  rows.push(["Started", moment(call.created_at)]);
  if (call.ttft_ms !== null) rows.push(["First token", duration(call.ttft_ms)]);
  rows.push(["Duration", call.duration_ms === null ? "still running" : duration(call.duration_ms)]);
  if (speed(call)) rows.push(["Speed", speed(call)]);
  rows.push(["Input", [exact(call.input_tokens), call.cached_tokens ? note(`${exact(call.cached_tokens)} cached, ${share(call.cached_tokens, call.input_tokens)}`) : null]]);
  rows.push(["Output", [exact(call.output_tokens), call.reasoning_tokens ? note(`${exact(call.reasoning_tokens)} reasoning`) : null]]);
  if (call.estimated) rows.push(["Counted", "here, by the gateway: the provider sent no usage"]);
  rows.push(["Cost", call.cost === null ? ["–", note("price not known")] : [cost(call.cost), call.cost ? note(`exactly $${Number(call.cost.toPrecision(9))}`) : null]]);
  const dropped = tries.at(-1)?.dropped ?? [];
  if (dropped.length) rows.push(["Left out", [dropped.join(", "), note("the provider cannot do it")]]);
  if (call.finish_reason) rows.push(["Finish", call.finish_reason]);
  if (call.key) rows.push(["Key", call.key]);
  if (call.user) rows.push(["User", call.user]);
  if (call.client) rows.push(["Client", call.client]);
  if (call.agent) rows.push(["Agent", [call.agent_name || call.agent, call.agent_name && call.agent_name !== call.agent ? note(call.agent) : null]]);
  rows.push(["Call", [code(call.id), " ", copyButton(() => call.id)]]);
  if (call.response_id) rows.push(["Response", code(call.response_id)]);
  const parts = [meter(call), list(rows)].filter((part) => part !== null);
  if (call.error) parts.push(el("div", { class: "note bad" }, el("b", null, call.error.type ?? "error"), el("p", null, call.error.message ?? "")));
  if (tries.length > 1) parts.push(el("div", { class: "note" }, el("b", null, `${tries.length} attempts`), tree(tries, { open: 1 })));
  return parts;
}

/** @param {string} text */
function code(text) {
  return el("code", null, text);
}

/** @param {Call} call */
function speed(call) {
  const ms = (call.duration_ms ?? 0) - (call.stream ? call.ttft_ms ?? 0 : 0);
  return call.output_tokens && ms > 20 ? `${exact(Math.round((call.output_tokens * 1000) / ms))} tokens/s` : "";
}

/**
 * Tokens as a bar: cached, new, reasoning, answer.
 * @param {Call} call
 */
function meter(call) {
  const [input, cached, output, thought] = [call.input_tokens, call.cached_tokens, call.output_tokens, call.reasoning_tokens].map((n) => n ?? 0);
  if (!input && !output) return null;
  /** @type {[string, string, number][]} */
  const parts = [["cached", "cached", cached], ["new", "new", input - cached], ["thought", "reasoning", thought], ["out", "output", output - thought]];
  const bar = el("div", { class: "meter", "aria-hidden": "true" });
  const legend = el("p", { class: "legend" });
  for (const [kind, name, size] of parts) {
    if (size <= 0) continue;
    const part = el("i", { class: kind });
    part.style.flexGrow = String(size);
    bar.append(part);
    legend.append(el("span", { class: kind }, `${name} ${count(size)}`));
  }
  return el("div", null, bar, legend);
}
