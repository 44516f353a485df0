// One call in the flat log: the same cells as the server's first screen (templates/rows.html).

import { mark } from "./client-mark.js";
import { el } from "./el.js";
import { clock, cost, count, duration, exact, moment, share, unpriced } from "./format.js";
import { found, snippet } from "./snippet.js";

/** @typedef {import("./types.js").Call & {session: string}} Call */
/** @typedef {import("./types.js").Hit} Hit */

/**
 * Where a call is read: in its session, and there where the words are.
 * @param {Call} c
 * @param {Hit} [hit]
 */
export function place(c, hit) {
  return `/ui/sessions/${encodeURIComponent(c.session)}${hit ? found(hit) : `#${encodeURIComponent(c.id)}`}`;
}

/** @type {Record<string, (c: Call, hit?: Hit) => HTMLTableCellElement>} */
export const cells = {
  at(c) {
    const today = new Date(c.created_at).toDateString() === new Date().toDateString();
    return el("td", { class: "num at" }, el("time", { datetime: c.created_at, title: moment(c.created_at) }, today ? clock(c.created_at) : moment(c.created_at).slice(5, 16)));
  },
  what(c, hit) {
    const route = [c.provider, c.deployment, c.upstream_model === c.model ? null : c.upstream_model].filter(Boolean).join(" · ");
    const failed = c.error?.message ? el("span", { class: "bad" }, `${c.http_status ?? ""} ${c.error.message}`.trim().slice(0, 160)) : route;
    return el("td", { class: "what" }, el("a", { href: place(c, hit), title: route || null, "aria-label": `${c.model || "–"}, ${moment(c.created_at)}` }, c.model || "–"), el("span", { class: "sub" }, failed), hit ? snippet(hit) : null);
  },
  endpoint: (c) => el("td", { class: "endpoint" }, c.endpoint),
  tokens(c) {
    const cached = share(c.cached_tokens, c.input_tokens);
    const title = `${exact(c.input_tokens)} in, ${exact(c.output_tokens)} out${c.estimated ? ", counted by the gateway" : ""}`;
    return el("td", { class: "num tokens", title }, `${count(c.input_tokens)} → ${count(c.output_tokens)}`, cached ? el("span", { class: "sub" }, `${cached} cached`) : null);
  },
  cost: (c) => el("td", { class: "num cost", title: c.cost !== null ? `$${c.cost}` : unpriced(c) }, cost(c.cost)),
  took: (c) =>
    el("td", { class: "num took" }, c.status === "live" ? "running" : duration(c.duration_ms), c.ttft_ms === null || !c.stream ? null : el("span", { class: "sub" }, `${duration(c.ttft_ms)} to first`)),
  key: (c) => el("td", { class: "key" }, c.key ?? ""),
  user: (c) => el("td", { class: "user" }, c.user),
  client: (c) => el("td", { class: "by", title: c.client || null }, c.client ? [mark(c.client), c.client] : null),
  session: (c) => el("td", { class: "session" }, el("a", { href: place(c), title: c.session_id, tabindex: -1 }, c.session_id)),
};
