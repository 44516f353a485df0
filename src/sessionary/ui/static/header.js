// A session's head: title, pills, rename, delete.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { cost, count, duration, exact, moment, percentile, plural, share, wall } from "./format.js";
import { named } from "./why.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").Added} Added */

/**
 * @param {Session} session
 * @param {Added[]} calls
 */
export function pills(session, calls) {
  const times = calls.map(({ call }) => call.duration_ms).filter((ms) => ms !== null);
  const cached = share(session.cached_tokens, session.input_tokens);
  const tokens = `input ${exact(session.input_tokens)}, of which cached ${exact(session.cached_tokens)}; output ${exact(session.output_tokens)}, of which reasoning ${exact(session.reasoning_tokens)}`;
  const price = session.cost === null ? "no price is known for these models" : `exactly $${session.cost}`;
  const unpriced = session.unpriced ? `; ${plural(session.unpriced, "call")} without a known price` : "";
  const names = session.keys ?? [];
  return [
    continues(session),
    pill("", "turns", exact(session.turns)),
    pill("", "calls", exact(session.calls)),
    pill(tokens, "tokens", `${count(session.input_tokens)} → ${count(session.output_tokens)}`, cached && `${cached} cached`),
    pill(price + unpriced, "cost", cost(session.cost) + (session.cost !== null && session.unpriced ? " +" : "")),
    times.length ? pill("median, and what 95 of 100 calls stay under", "p50", duration(percentile(times, 0.5)), "p95", duration(percentile(times, 0.95))) : null,
    pill(`${moment(session.first_at)} to ${moment(session.last_at)}`, "time", wall(session.first_at, session.last_at), session.active_ms === undefined ? "" : `${duration(session.active_ms)} active`),
    session.branches || session.agents ? pill("", session.branches ? "branches" : "", session.branches ? exact(session.branches) : "", session.agents ? "agents" : "", session.agents ? exact(session.agents) : "") : null,
    session.errors ? el("span", { class: "pill bad" }, el("b", null, exact(session.errors)), "failed") : null,
    session.models.length ? el("span", { class: "pill models", title: session.models.join("\n") }, session.models.slice(0, 3).join(" · ") + (session.models.length > 3 ? ` +${session.models.length - 3}` : "")) : null,
    names.length ? pill("", "key", names.slice(0, 2).join(", ")) : null,
    session.users?.length ? pill("", "user", session.users.slice(0, 2).join(", ")) : null,
    (session.tags ?? []).map((tag) => el("span", { class: "pill" }, `#${tag}`)),
    el("span", { class: "pill id", title: session.session_id }, "id", el("b", null, session.session_id.slice(0, 40)), copyButton(() => session.session_id, "copy", "Copy the session’s id")),
  ].flat().filter((node) => node !== null);
}

/**
 * Where the session goes on under another id.
 * @param {Session} session
 */
export function continues({ continues }) {
  if (!continues) return null;
  const href = `/ui/sessions/${encodeURIComponent(continues.session)}#${encodeURIComponent(continues.call_id)}`;
  return el("a", { class: "pill continues", href, title: "It goes on from a call of that session, under an id of its own" }, "continues", el("b", null, el("bdi", null, continues.session_id)));
}

/**
 * @param {string} title exact numbers
 * @param {...string} words name, value, name or note, value
 */
function pill(title, ...words) {
  const shown = words.map((word, i) => (word ? (i % 2 ? el("b", null, word) : el("span", null, word)) : null));
  return el("span", { class: "pill", title: title || null }, shown);
}

/**
 * Rename, merge and delete, each in a dialog.
 * @param {Session} session
 * @param {(title: string) => void} onrenamed
 */
export function actions(session, onrenamed) {
  const path = `/api/sessions/${encodeURIComponent(session.id)}`;
  const rename = async (/** @type {FormData} */ form) => {
    const title = String(form.get("title") ?? "").trim();
    if (!title) throw new Error("A title has at least one letter.");
    await api.change("PATCH", path, { title });
    onrenamed(title);
  };
  const remove = async () => {
    await api.change("DELETE", path);
    location.assign("/ui/");
  };
  const merge = async (/** @type {FormData} */ form) => {
    const other = named(String(form.get("session") ?? ""));
    const done = await api.change("POST", "/api/sessions/merge", { sessions: [session.id, other] });
    if (!done.moved.length) throw new Error("That is this session already.");
    location.assign(`/ui/sessions/${encodeURIComponent(done.session.id)}`);
  };
  const other = () => [
    el("p", null, "Both become one, which keeps the older one’s id and title. The other’s id goes on naming it."),
    el("label", null, "The other session’s id or address", el("input", { name: "session", maxlength: 1000, required: true, autocomplete: "off", spellcheck: "false" })),
  ];
  const field = () => el("label", null, "Title", el("input", { name: "title", value: document.getElementById("title")?.textContent ?? "", maxlength: 500, required: true, autocomplete: "off" }));
  const warning = () => el("p", null, `${plural(session.calls, "call")}, their messages and what search knows of them are removed for good.`);
  return [
    el("button", { type: "button", id: "rename", onclick: () => dialog("Rename this session", [field()], "Rename", "go", rename) }, "Rename"),
    el("button", { type: "button", id: "merge", onclick: () => dialog("Merge with another session", other(), "Merge", "go", merge) }, "Merge"),
    el("button", { type: "button", id: "delete", onclick: () => dialog("Delete this session?", [warning()], "Delete", "danger", remove) }, "Delete"),
  ];
}

/**
 * @param {string} title
 * @param {Node[]} content
 * @param {string} label
 * @param {string} kind
 * @param {(form: FormData) => Promise<void>} work a refusal is shown, and the dialog stays
 */
function dialog(title, content, label, kind, work) {
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const go = el("button", { class: kind }, label);
  const cancel = el("button", { type: "button", onclick: () => box.close() }, "Cancel");
  const form = el("form", { class: "stack" }, ...content, problem, el("div", { class: "buttons" }, cancel, go));
  const box = el("dialog", { "aria-label": title, onclose: () => box.remove() }, el("h2", null, title), form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await work(new FormData(form));
      box.close();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error instanceof Error ? error.message : String(error);
      go.disabled = false;
    }
  });
  document.body.append(box);
  box.showModal();
  form.querySelector("input")?.select();
}
