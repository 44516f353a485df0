// A call's numbers: where it went, how long it took, what it used and cost.

import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { cost, count, duration, exact, moment, mood, share, unpriced } from "./format.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./el.js").Child} Child */

/** @param {[string, Child|Child[]][]} rows */
function list(rows) {
  return el("dl", null, rows.flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
}

/** @param {Call} call */
export function overview(call) {
  const route = [call.provider, call.deployment].filter(Boolean).join(" / ");
  const tries = Array.isArray(call.attempts) ? call.attempts : [];
  const note = (/** @type {string} */ text) => el("span", { class: "soft" }, ` ${text}`);
  /** @type {[string, Child|Child[]][]} */
  const rows = [
    ["Status", [el("span", { class: `dot ${mood(call.status)}` }), ` ${call.status}`, call.http_status ? note(String(call.http_status)) : null]],
    ...(call.turn ? /** @type {[string, Child][]} */ ([["Turn", exact(call.turn)]]) : []),
    ["Model", call.model],
  ];
  if (call.upstream_model && call.upstream_model !== call.model) rows.push(["Answered by", call.upstream_model]);
  if (route) rows.push(["Route", route]);
  rows.push(["Endpoint", [call.endpoint, note(call.stream ? "streamed" : "not streamed")]]);
  rows.push(["Started", moment(call.created_at)]);
  if (tries[0]) rows.push(["Gateway", [duration(Math.max(0, Date.parse(tries[0].at) - Date.parse(call.created_at))), note("until it was sent on")]]);
  if (call.ttft_ms !== null && call.stream) rows.push(["First token", duration(call.ttft_ms)]);
  rows.push(["Duration", call.duration_ms === null ? "still running" : duration(call.duration_ms)]);
  if (speed(call)) rows.push(["Speed", speed(call)]);
  rows.push(["Input", [exact(call.input_tokens), call.cached_tokens ? note(`${exact(call.cached_tokens)} cached, ${share(call.cached_tokens, call.input_tokens)}`) : null]]);
  rows.push(["Output", [exact(call.output_tokens), call.reasoning_tokens ? note(`${exact(call.reasoning_tokens)} reasoning`) : null]]);
  if (call.estimated) rows.push(["Counted", "here, by the gateway: the provider sent no usage"]);
  rows.push(["Cost", call.cost === null ? ["–", note(unpriced(call))] : [cost(call.cost), call.cost ? note(`exactly $${Number(call.cost.toPrecision(9))}`) : null]]);
  const dropped = tries.at(-1)?.dropped ?? [];
  if (dropped.length) rows.push(["Left out", [dropped.join(", "), note("the provider cannot do it")]]);
  if (call.finish_reason) rows.push(["Finish", call.finish_reason]);
  if (call.key) rows.push(["Key", call.key]);
  if (call.user) rows.push(["User", call.user]);
  if (call.client) rows.push(["Client", call.client]);
  if (call.agent) rows.push(["Agent", [call.agent_name || call.agent, call.agent_name && call.agent_name !== call.agent ? note(call.agent) : null]]);
  rows.push(["Call", [code(call.id), " ", copyButton(() => call.id)]]);
  if (call.response_id) rows.push(["Response", code(call.response_id)]);
  /** @type {HTMLElement[]} */
  const parts = [meter(call) ?? [], list(rows)].flat();
  if (call.error) parts.push(el("div", { class: "note bad" }, el("b", null, call.error.type ?? "error"), el("p", null, call.error.message ?? "")));
  if (tries.length > 1) parts.push(attempts(call, tries));
  return parts;
}

/**
 * Where it was tried, and how that went.
 * @param {Call} call
 * @param {Record<string, any>[]} tries
 */
function attempts(call, tries) {
  const since = (/** @type {string} */ at) => `+${duration(Math.max(0, Date.parse(at) - Date.parse(call.created_at)))}`;
  const rows = tries.map((one) => {
    const failed = one.error || one.http_status >= 400;
    const how = [one.http_status, one.error].filter(Boolean).join(" ") || "ok";
    return el("li", null, el("b", null, [one.provider, one.deployment].filter(Boolean).join(" / ") || "upstream"), el("span", { class: "soft" }, ` ${since(one.at)} · ${duration(one.duration_ms)}`), el("p", { class: failed ? "bad" : "soft" }, how));
  });
  return el("section", { class: "tries" }, el("h3", null, `${tries.length} attempts`), el("ol", null, rows));
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
