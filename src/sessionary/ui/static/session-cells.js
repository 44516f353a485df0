// One session in the list: the same cells as the server's first screen (templates/rows.html).

import { mark } from "./client-mark.js";
import { el } from "./el.js";
import { SOURCES, ago, branched, cost, count, duration, exact, moment, plural, share, titled, wall } from "./format.js";
import { found, snippet } from "./snippet.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Hit} Hit */

/** @type {Record<string, (s: Session, hit?: Hit) => HTMLTableCellElement>} */
export const cells = {
  what(s, hit) {
    const href = `/ui/sessions/${encodeURIComponent(s.id)}${hit ? found(hit) : ""}`;
    const title = titled(s);
    return el(
      "td",
      { class: "what" },
      el("a", { href, title: s.title || s.session_id }, title),
      el("span", { class: "sub" }, s.clients.filter(Boolean).slice(0, 3).map(mark), about(s)),
      hit ? snippet(hit) : null,
    );
  },
  turns: (s) => el("td", { class: "num turns" }, exact(s.turns), el("span", { class: "sub" }, plural(s.calls, "call"))),
  cost(s) {
    const cached = share(s.cached_tokens, s.input_tokens);
    const title = s.cost === null ? "price not known" : `$${s.cost}${s.unpriced ? `, without ${plural(s.unpriced, "call")} whose price is not known` : ""}`;
    return el("td", { class: "num cost", title }, cost(s.cost), cached ? el("span", { class: "sub" }, `${cached} cached`) : null);
  },
  tokens: (s) => el("td", { class: "num tokens", title: `${exact(s.input_tokens)} in, ${exact(s.output_tokens)} out` }, `${count(s.input_tokens)} → ${count(s.output_tokens)}`),
  tree(s) {
    const [branches, agents] = [branched(s.branches), s.agents ?? 0];
    const text = branches || agents ? `${branches || "–"} · ${agents || "–"}` : "–";
    return el("td", { class: "num tree", title: `${plural(branches, "branch", "branches")}, ${plural(agents, "agent")}` }, text);
  },
  time: (s) => el("td", { class: "num time" }, wall(s.first_at, s.last_at), el("span", { class: "sub" }, `${duration(s.active_ms)} active`)),
  errors: (s) => el("td", { class: `num errors${s.errors ? " bad" : ""}` }, s.errors ? exact(s.errors) : "–"),
  who(s) {
    const [users, keys] = [s.users ?? [], s.keys ?? []];
    const all = users.length ? users : keys;
    const title = [...users.map((name) => `user ${name}`), ...keys.map((name) => `key ${name}`)].join(", ");
    return el("td", { class: "who", title }, all.slice(0, users.length ? 1 : 2).join(", ") + (all.length > 2 ? ` +${all.length - (users.length ? 1 : 2)}` : ""));
  },
  tags: (s) => el("td", { class: "tags" }, (s.tags ?? []).flatMap((tag) => [el("span", { class: "tag" }, tag), " "])),
  first: (s) => el("td", { class: "num first" }, time(s.first_at)),
  last: (s) => el("td", { class: "num last" }, s.status === "live" ? el("span", { title: moment(s.last_at) }, "now") : time(s.last_at)),
  source: (s) => el("td", { class: "source" }, el("span", { class: `tag ${s.source}`, title: SOURCES[s.source] }, s.source)),
};

/**
 * Models, branches and agents where there are any, failed calls: with dots between them, and none before the first.
 * @param {Session} s
 */
function about({ models, branches = 0, agents = 0, errors }) {
  const parts = [
    models.join(" · "),
    branches ? plural(branched(branches), "branch", "branches") : null,
    agents ? plural(agents, "agent") : null,
    errors ? el("span", { class: "bad" }, `${exact(errors)} failed`) : null,
  ];
  return parts.filter(Boolean).flatMap((part, i) => (i ? [" · ", part] : [part]));
}

/**
 * How long ago; the page keeps it true.
 * @param {string} at
 */
export function time(at) {
  return el("time", { datetime: at, title: moment(at) }, ago(at));
}
