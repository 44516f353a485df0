// What a provider was sent for a call: in its own words, and with what was said before in front.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { size } from "./format.js";
import { parsed } from "./json.js";
import { role } from "./request.js";
import { tree } from "./tree.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./el.js").Child} Child */

/** Where the answer's last field begins, which is the request itself, as it was sent: no text before it holds this. */
const BODY = ',"body":';

/** @param {Call} call how many times a provider was asked */
export function attempts(call) {
  return Array.isArray(call.attempts) ? call.attempts.length : Number(call.attempts ?? 0);
}

/**
 * @param {Call} call
 * @param {AbortSignal} signal
 * @param {Child} chosen among the views of the request
 */
export async function passed(call, signal, chosen) {
  const last = attempts(call) - 1;
  let text = "";
  const length = el("span", { class: "soft" });
  const shown = el("div", { class: "passed" });
  const show = async (/** @type {number} */ attempt) => {
    buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(n === attempt)));
    const answer = await api.text(`/api/calls/${encodeURIComponent(call.id)}/provider_request?attempt=${attempt}`, signal);
    const found = parsed(answer);
    const facts = [found.deployment, found.path, found.as_sent ? "as the caller sent it" : "", found.configured ? "" : "not configured any more: as this provider is usually asked", found.dropped.length ? `without ${found.dropped.join(", ")}` : ""];
    text = answer.slice(answer.indexOf(BODY) + BODY.length, -1);
    length.textContent = size(new Blob([text]).size);
    shown.replaceChildren(el("p", { class: "soft" }, facts.filter((fact) => fact).join(" · ")), tree(found.body, { open: 2, label: role }));
  };
  const failed = (/** @type {unknown} */ error) => {
    text = "";
    shown.replaceChildren(el("p", { class: "soft" }, error instanceof Error ? error.message : String(error)));
  };
  const buttons = [...Array(last + 1).keys()].map((n) => el("button", { type: "button", onclick: () => show(n).catch(failed) }, `Attempt ${n + 1}`));
  await show(last).catch(failed);
  const which = last ? [el("p", { class: "top" }, el("span", { class: "switch", role: "group", "aria-label": "Attempt" }, ...buttons))] : [];
  return [el("p", { class: "top" }, length, chosen, copyButton(() => text, "Copy", "Copy it all")), ...which, shown];
}
