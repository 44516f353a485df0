// One session in the list: the same cells as the server's first screen (templates/sessions.html).

import { el } from "./el.js";
import { SOURCES, ago, cost, count, duration, exact, moment, plural, share, wall } from "./format.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Hit} Hit */

/**
 * @param {Session} s
 * @param {Hit} [hit] where the search found it
 * @returns {HTMLTableRowElement}
 */
export function row(s, hit) {
  const href = `/ui/sessions/${encodeURIComponent(s.id)}`;
  const cached = share(s.cached_tokens, s.input_tokens);
  const names = s.keys ?? [];
  return el(
    "tr",
    { class: "row" },
    el("td", { class: "state" }, el("span", { class: `dot ${s.status}`, role: "img", "aria-label": s.status, title: s.status })),
    el(
      "td",
      { class: "what" },
      el("a", { href: hit ? `${href}#${hit.call_id}` : href, title: s.title.length > 60 ? s.title : null }, s.title || s.session_id),
      el("span", { class: "sub" }, s.models.join(" · "), s.clients.length ? el("span", { class: "client" }, s.clients.join(", ")) : null),
      hit ? snippet(hit) : null,
    ),
    el(
      "td",
      { class: "num turns" },
      exact(s.turns),
      el("span", { class: "sub" }, plural(s.calls, "call"), s.errors ? [" · ", el("span", { class: "bad" }, `${exact(s.errors)} failed`)] : null),
    ),
    el("td", { class: "num cost", title: s.cost === null ? "price not known" : `$${s.cost}` }, cost(s.cost), cached ? el("span", { class: "sub" }, `${cached} cached`) : null),
    el("td", { class: "num tokens", title: `${exact(s.input_tokens)} in, ${exact(s.output_tokens)} out` }, `${count(s.input_tokens)} → ${count(s.output_tokens)}`),
    el("td", { class: "num time" }, wall(s.first_at, s.last_at), el("span", { class: "sub" }, `${duration(s.active_ms)} active`)),
    el("td", { class: "who" }, names.slice(0, 2).join(", ") + (names.length > 2 ? ` +${names.length - 2}` : "")),
    el("td", { class: "num last" }, el("time", { datetime: s.last_at, title: moment(s.last_at) }, s.status === "live" ? "now" : ago(s.last_at))),
    el("td", { class: "from" }, el("span", { class: `tag ${s.source}`, title: SOURCES[s.source] }, s.source)),
  );
}

/** @param {Hit} hit */
function snippet({ snippet, marks }) {
  const parts = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at) continue;
    parts.push(snippet.slice(at, from), el("mark", null, snippet.slice(from, to)));
    at = to;
  }
  return el("span", { class: "sub snippet" }, ...parts, snippet.slice(at));
}
