// A line in the transcript that stands for what is folded beneath it: other attempts, an agent, calls for a title.

import { el } from "./el.js";
import { cost, count, duration, exact, mood, plural } from "./format.js";
import { gist, known } from "./story.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Fold} Fold */

const STATES = /** @type {Record<string, string>} */ ({ client_closed: "client closed", upstream_error: "upstream error" });

/**
 * @param {Fold} fold
 * @param {Added[]} calls
 * @param {{open: boolean, toggle: () => void, need: (calls: number[]) => void}} how `need`: whose contents it tells
 */
export function foldView(fold, calls, { open, toggle, need }) {
  need([fold.calls[0] ?? -1, ...fold.calls.slice(-1)]);
  const line = { agent, attempts, side }[fold.what](fold, calls);
  const button = el("button", { type: "button", class: `fold-line ${fold.what}`, "aria-expanded": String(open), onclick: toggle }, line);
  return el("div", { class: `call folded in${depth(fold.folds)}` }, el("div", { class: "page" }, button));
}

/**
 * Changes when what the line says changes.
 * @param {Fold} fold
 * @param {Added[]} calls
 */
export function version(fold, calls) {
  return JSON.stringify([fold.agent?.status, fold.agent?.total, known(calls, fold.calls), fold.calls.map((index) => [calls[index].call.status, calls[index].call.cost])]);
}

/**
 * How far something is set in: folds of agents and side calls around it, three at most.
 * @param {string[]} folds
 */
export function depth(folds) {
  return Math.min(3, folds.length);
}

/**
 * @param {Fold} fold
 * @param {Added[]} calls
 */
function agent(fold, calls) {
  const { said, answer } = gist(calls, fold);
  const { name = "", status = "ok", total } = fold.agent ?? {};
  const sums = total ? [plural(total.calls, "call"), `${count(total.input_tokens + total.output_tokens)} tokens`, cost(total.cost), duration(total.active_ms)] : [];
  const title = total ? `${exact(total.input_tokens)} tokens in, ${exact(total.output_tokens)} out, with the agents that it started` : null;
  return [
    el("span", { class: "top" }, el("b", null, status === "ok" ? null : el("span", { class: `dot ${mood(status)}`, title: status }), "agent · ", el("bdi", null, name)), el("span", { class: "sums", title }, sums.join(" · "))),
    el("span", { class: "gist" }, said && `“${said}”`, said && answer && " → ", answer),
  ];
}

/**
 * @param {Fold} fold
 * @param {Added[]} calls
 */
function attempts({ calls: indices }, calls) {
  const many = indices.length === 1 ? "1 other attempt" : `${exact(indices.length)} other attempts`;
  const { call } = calls[indices[indices.length - 1]];
  const what = call.status === "ok" ? "answered too" : (STATES[call.status] ?? call.status);
  const http = call.http_status && call.http_status !== 200 ? ` ${call.http_status}` : "";
  const after = call.duration_ms === null ? "" : ` after ${duration(call.duration_ms)}`;
  return [el("span", { class: "top" }, el("b", { class: mood(call.status) === "errors" ? "bad" : null }, many), el("span", null, `${indices.length > 1 ? "the last: " : ""}${what}${http}${after}`))];
}

/**
 * @param {Fold} fold
 * @param {Added[]} calls
 */
function side(fold, calls) {
  const own = fold.calls.map((index) => calls[index].call);
  const known = own.map((call) => call.cost).filter((value) => value !== null);
  const price = known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  const { answer } = gist(calls, fold);
  return [
    el("span", { class: "top" }, el("b", null, plural(own.length, "side call")), el("span", { class: "gist" }, answer), el("span", { class: "sums" }, cost(price))),
  ];
}
