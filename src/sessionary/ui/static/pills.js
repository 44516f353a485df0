// A session's numbers, as pills; exactly in their tooltips.

import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { branched, cost, count, duration, exact, moment, percentile, plural, share, wall } from "./format.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Added} Added */

/** So many are told; the others in a tooltip. */
const TAGS = 3;

/**
 * @param {Session} session
 * @param {Added[]} calls
 */
export function pills(session, calls) {
  const times = calls.map(({ call }) => call.duration_ms).filter((ms) => ms !== null);
  const cached = share(session.cached_tokens, session.input_tokens);
  const tokens = `input ${exact(session.input_tokens)}, of which cached ${exact(session.cached_tokens)}; output ${exact(session.output_tokens)}, of which reasoning ${exact(session.reasoning_tokens)}`;
  const price = session.cost === null ? "no price is known for these models" : `exactly $${session.cost}`;
  const many = session.unpriced ?? 0;
  const unpriced = many ? `; ${plural(many, "call")} without a known price` : "";
  const [names, tags] = [session.keys ?? [], session.tags ?? []];
  const [wide, active] = [wall(session.first_at, session.last_at), session.active_ms === undefined ? "" : duration(session.active_ms)];
  const told = [
    continues(session),
    emptied(session),
    pill("", "turns", exact(session.turns)),
    pill("", "calls", exact(session.calls)),
    pill(tokens, "tokens", `${count(session.input_tokens)} → ${count(session.output_tokens)}`, cached && `${cached} cached`),
    pill(price + unpriced, "cost", cost(session.cost) + (session.cost !== null && many ? " +" : "")),
    times.length > 1 ? pill("median, and what 95 of 100 calls stay under", "p50", duration(percentile(times, 0.5)), "p95", duration(percentile(times, 0.95))) : null,
    pill(`${moment(session.first_at)} to ${moment(session.last_at)}`, "time", wide, active && active !== wide ? `${active} active` : ""),
    session.branches ? pill(`the first, and ${exact(session.branches)} beside it`, "branches", exact(branched(session.branches))) : null,
    session.agents ? pill("beside the one that people talk to", "agents", exact(session.agents)) : null,
    session.errors ? el("span", { class: "pill bad" }, el("b", null, exact(session.errors)), "failed") : null,
  ];
  const named = [
    session.models.length ? el("span", { class: "pill models", title: session.models.join("\n") }, el("span", null, session.models.slice(0, 3).join(" · ") + (session.models.length > 3 ? ` +${session.models.length - 3}` : ""))) : null,
    names.length ? pill(names.join(", "), "key", names.slice(0, 2).join(", ")) : null,
    session.users?.length ? pill(session.users.join(", "), "user", session.users.slice(0, 2).join(", ")) : null,
    tags.slice(0, TAGS).map((tag) => el("span", { class: "pill", title: tag }, el("span", null, `#${tag}`))),
    tags.length > TAGS ? el("span", { class: "pill", title: tags.slice(TAGS).join("\n") }, `+${tags.length - TAGS} tags`) : null,
    el("span", { class: "pill id", title: session.session_id }, "id", el("b", null, session.session_id.slice(0, 200)), copyButton(() => session.session_id, "copy", "Copy the session’s id")),
  ];
  const there = (/** @type {(Node|Node[]|null)[]} */ some) => some.flat().filter((node) => node !== null);
  return [...there(told), el("span", { class: "named" }, there(named))];
}

/**
 * Where the session goes on under another id, or asks again what was asked there.
 * @param {Session} session
 */
export function continues({ id, source, continues }) {
  if (!continues) return null;
  const href = `/ui/sessions/${encodeURIComponent(continues.session)}#${encodeURIComponent(continues.call_id)}`;
  if (source === "replay") {
    const compare = `/ui/compare?a=${encodeURIComponent(continues.session)}&b=${encodeURIComponent(id)}`;
    return [
      el("a", { class: "pill continues", href, title: "Its calls ask once more what was asked in that session" }, "replay of", el("b", null, el("bdi", null, continues.session_id))),
      el("a", { class: "pill continues", href: compare }, "compare"),
    ];
  }
  return el("a", { class: "pill continues", href, title: "It goes on from a call of that session, under an id of its own" }, "continues", el("b", null, el("bdi", null, continues.session_id)));
}

/**
 * That what was said is deleted.
 * @param {Session} session
 */
function emptied({ emptied_at }) {
  if (!emptied_at) return null;
  const title = `What was said here until then was deleted on ${moment(emptied_at)}, as the settings for retention say. The calls, their tokens and costs stay.`;
  return el("span", { class: "pill emptied", title }, "what was said was deleted on", el("b", null, emptied_at.slice(0, 10)));
}

/**
 * @param {string} title exact numbers
 * @param {...string} words name, value, name or note, value
 */
function pill(title, ...words) {
  const shown = words.map((word, i) => (word ? (i % 2 ? el("b", null, word) : el("span", null, word)) : null));
  return el("span", { class: "pill", title: title || null }, shown);
}
