// Replaying a session: which model, what that is about to cost, then how far it is, and where to read it.

import * as api from "./api.js";
import { el } from "./el.js";
import { cost, count, plural } from "./format.js";

/**
 * @typedef {import("./types.js").Session} Session
 * @typedef {{until: string, uncounted: number, calls: string[], left_out: {call_id: string, why: string}[], input_tokens: number, output_tokens: number, cost: number|null, estimate: number|null}} Plan
 * @typedef {{event: string, session: string, session_id: string, calls: number, replays: string, status: string, error: string|null}} Event
 */

/** How long it waits for more letters of a model's name. */
const TYPING = 300;
/** How long it may take until the last answer is stored, in tries and their pause. */
const TRIES = 40;
const PAUSE = 250;
/** Different errors that are told. */
const MOST_ERRORS = 3;

/**
 * @param {Session} session
 * @param {string} branch any call on it, or ""
 */
export function replay(session, branch) {
  const box = el("dialog", { class: "replay", "aria-label": "Replay this session" }, el("h2", null, "Replay this session"));
  const path = `/api/sessions/${encodeURIComponent(session.id)}/replay`;
  box.append(choose(path, branch, (model, plan) => run(box, session, path, { model, until: plan.until }, plan), () => box.close()));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

/**
 * @param {string} path
 * @param {string} branch
 * @param {(model: string, plan: Plan) => void} go
 * @param {() => void} close
 */
function choose(path, branch, go, close) {
  /** @type {Plan|null} */
  let plan = null;
  let typing = 0;
  let asked = 0;
  const models = el("datalist", { id: "replay-models" });
  const field = el("input", { name: "model", list: models.id, required: true, maxlength: 500, autocomplete: "off", spellcheck: "false" });
  const told = el("div", { class: "plan", role: "status" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const start = el("button", { class: "go", disabled: true }, "Replay");
  const cancel = el("button", { type: "button", onclick: close }, "Cancel");

  const known = api.get("/api/models").catch(() => ({ data: [], others: [], demo: false }));

  async function look() {
    const mine = ++asked;
    const model = field.value.trim();
    plan = null;
    start.disabled = problem.hidden = true;
    if (!model) return told.replaceChildren();
    const query = new URLSearchParams({ model, ...(branch && { branch }) });
    /** @type {Plan|null} */
    const found = await api.get(`${path}?${query}`).catch((error) => (mine === asked && tell(error), null));
    if (mine !== asked) return;
    plan = found;
    told.replaceChildren(...(found ? summary(found, (await known).demo) : []));
    start.disabled = !found?.calls.length;
  }

  /** @param {Error} error */
  function tell(error) {
    problem.hidden = false;
    problem.textContent = error.message;
  }

  field.addEventListener("input", () => {
    start.disabled = true;
    clearTimeout(typing);
    typing = setTimeout(look, TYPING);
  });
  const form = el(
    "form",
    { class: "stack" },
    el("p", null, `${branch ? "The calls on the branch that is selected" : "Its calls"} are asked once more, each with the history that it had then. The answers get a session of their own.`),
    el("label", null, "Model", field),
    models,
    told,
    problem,
    el("div", { class: "buttons" }, cancel, start),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (plan?.calls.length) go(field.value.trim(), plan);
  });
  known.then(({ data, others }) => models.append(...[...data, ...others].map((/** @type {{name: string}} */ { name }) => el("option", { value: name }))));
  return form;
}

/**
 * @param {Plan} plan
 * @param {boolean} [demo] whether the demo provider answers for every model
 */
export function summary(plan, demo = false) {
  const was = plan.cost === null ? "" : ` They cost ${cost(plan.cost)}.`;
  const now = demo ? " The demo provider answers, and is free." : plan.estimate === null ? " What that costs with this model is not known." : ` With this model the same tokens cost about ${cost(plan.estimate)}.`;
  const uncounted = plan.uncounted ? ` That leaves out ${plural(plan.uncounted, "call")} whose tokens are not known.` : "";
  /** @type {Map<string, number>} */
  const why = new Map();
  for (const { why: reason } of plan.left_out) why.set(reason, (why.get(reason) ?? 0) + 1);
  return [
    el("p", null, el("b", null, plural(plan.calls.length, "call")), `, ${count(plan.input_tokens)} → ${count(plan.output_tokens)} tokens.${was}${now}${uncounted}`),
    ...[...why].map(([reason, calls]) => el("p", { class: "left-out" }, `${plural(calls, "call")} left out. ${reason}`)),
  ];
}

/**
 * @param {HTMLDialogElement} box
 * @param {Session} session
 * @param {string} path
 * @param {{model: string, until: string}} wanted
 * @param {Plan} plan
 */
async function run(box, session, path, wanted, plan) {
  let all = plan.calls.length;
  const stopping = new AbortController();
  const bar = el("progress", { max: all, value: 0, "aria-label": "Calls answered" });
  const line = el("p", { role: "status" }, `0 of ${plural(all, "call")} answered`);
  const failures = el("div", { class: "failures" });
  const stop = el("button", { type: "button", class: "danger", onclick: () => stopping.abort() }, "Stop");
  const buttons = el("div", { class: "buttons" }, stop);
  box.lastChild?.replaceWith(el("div", { class: "stack", tabindex: -1 }, el("p", null, "On ", el("b", null, wanted.model)), bar, line, failures, buttons));
  /** @type {HTMLElement} */ (box.lastChild).focus(); // not the button: who still holds Enter would press it
  box.addEventListener("cancel", (event) => event.preventDefault());
  box.addEventListener("close", () => stopping.abort()); // a browser lets nobody hold it open for ever
  const stay = (/** @type {Event|any} */ event) => event.preventDefault();
  addEventListener("beforeunload", stay);

  let made = "";
  let [done, failed] = [0, 0];
  /** @type {Map<string, number>} */
  const errors = new Map();
  let end = "";
  try {
    for await (const event of /** @type {AsyncGenerator<Event>} */ (api.events(path, wanted, stopping.signal))) {
      if (event.event === "began") [made, all, bar.max] = [event.session, event.calls, event.calls];
      if (event.event === "ended") end = "ended";
      if (event.event !== "answered") continue;
      done++;
      if (event.status !== "ok") {
        failed++;
        const told = event.error ?? event.status;
        errors.set(told, (errors.get(told) ?? 0) + 1);
        failures.replaceChildren(...[...errors].slice(0, MOST_ERRORS).map(([text, calls]) => el("p", { class: "problem" }, calls > 1 ? `${calls} × ${text}` : text)));
      }
      bar.value = done;
      line.textContent = `${done} of ${plural(all, "call")} answered${failed ? `, ${failed} of them failed` : ""}`;
    }
  } catch (error) {
    end = stopping.signal.aborted ? "stopped" : String(error instanceof Error ? error.message : error);
  }
  removeEventListener("beforeunload", stay);
  if (end === "ended" && done < all) line.textContent += "; the others were not asked any more";
  if (end !== "ended") line.textContent = end === "stopped" ? `Stopped: ${line.textContent}` : `Broken off: ${line.textContent}. ${end}`;
  stop.remove();
  buttons.append(el("button", { type: "button", onclick: () => box.close() }, "Close"));
  if (made && (await stored(made, end === "ended" ? done : 1))) {
    const [old, other] = [session.branches ? `${session.id}~${plan.until}` : session.id, made].map(encodeURIComponent);
    const compare = el("a", { class: "button go", href: `/ui/compare?a=${old}&b=${other}` }, "Compare");
    buttons.append(el("a", { class: "button", href: `/ui/sessions/${other}` }, "Open it"), compare);
    compare.focus();
  }
}

/**
 * Whether there is something to read of it: what was answered last may still be on its way.
 * @param {string} id
 * @param {number} calls
 */
async function stored(id, calls) {
  for (let n = 0; n < TRIES; n++) {
    const [found] = await api.get(`/api/sessions?session_id=${encodeURIComponent(id)}`).then(({ data }) => data, () => []);
    if (found && found.calls >= calls && !found.live) return true;
    await new Promise((go) => setTimeout(go, PAUSE));
  }
  return false;
}
