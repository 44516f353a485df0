// The page that compares: two sessions or branches turn by turn, or two calls part by part.

import * as api from "./api.js";
import { bodies, callsView } from "./compare-calls.js";
import { suggesting } from "./compare-pick.js";
import { SessionSide } from "./compare-side.js";
import { branchChoice, totals } from "./compare-totals.js";
import { sums } from "./compare-turns.js";
import { Comparison } from "./compare-view.js";
import { byId, el } from "./el.js";
import { hash } from "./hash.js";
import { keys } from "./keys.js";
import { localTimes } from "./local-times.js";

/** @typedef {import("./compare-pair.js").Mode} Mode */

const PART = 40;
const MATCHED = 400;
const narrow = matchMedia("(max-width: 799px)");
const query = new URLSearchParams(location.search);
const names = /** @type {[string, string]} */ ([query.get("a") ?? "", query.get("b") ?? ""]);
const main = byId("compare");
const state = byId("state");
/** @type {Comparison|null} */
let comparison = null;
/** @type {() => void} */
let redraw = () => {};

/** @returns {Mode} */
function mode() {
  const given = new URLSearchParams(location.search).get("view");
  if (given === "words" || ((given === "a" || given === "b") && narrow.matches)) return given;
  return narrow.matches ? "words" : "sides";
}

/** How the texts are shown: a choice that the address keeps. */
function choice() {
  const ways = /** @type {[Mode, string][]} */ (narrow.matches ? [["words", "Differences"], ["a", "A"], ["b", "B"]] : [["sides", "Side by side"], ["words", "In one text"]]);
  byId("ways").replaceChildren(
    ...ways.map(([way, name]) => el("button", { type: "button", "aria-pressed": String(way === mode()), onclick: () => turn(way) }, name)),
  );
}

/** @param {Mode} way */
function turn(way) {
  const url = new URL(location.href);
  if (way === "sides" || (way === "words" && narrow.matches)) url.searchParams.delete("view");
  else url.searchParams.set("view", way);
  history.replaceState(null, "", url);
  choice();
  redraw();
}

async function sessions() {
  const loaded = () => comparison?.redraw();
  const [a, b] = await Promise.all(names.map((name) => SessionSide.load(name, loaded)));
  a.goOn(b);
  b.goOn(a);
  const sides = /** @type {[SessionSide, SessionSide]} */ ([a, b]);
  byId("sums").replaceChildren(...totals(a.sums, b.sums));
  sides.forEach((side, i) => {
    const letter = "ab"[i];
    byId(`branch-${letter}`).replaceChildren(...[branchChoice(side, letter.toUpperCase(), (branch) => visit(letter, `${side.session.id}~${branch}`)), side.before ? el("span", { class: "soft small" }, `with the ${side.before} turns of ${i ? "A" : "B"} that it goes on from`) : null].filter((node) => node !== null));
  });
  await known(sides, 0, PART);
  const shown = new Comparison(main, sides, { mode: mode(), onselect: (id) => history.replaceState(null, "", `#${id}`), margin: covered });
  comparison = shown;
  redraw = () => shown.show(mode());
  shown.align();
  shown.select(hash(), { keep: false });
  main.classList.add("ready");
  const longest = Math.max(a.turns.length, b.turns.length);
  for (let from = PART; from < Math.min(longest, MATCHED); from += PART) await known(sides, from, from + PART);
  if (longest > PART) shown.align();
  tell(longest > MATCHED ? `From turn ${MATCHED} on, turns are matched by their order.` : "");
}

/** How much of the top is covered by what stays there. */
function covered() {
  return byId("tools").getBoundingClientRect().height + (document.querySelector("header.bar")?.clientHeight ?? 0) + 4;
}

/**
 * What the turns are recognised by: the first question and the last answer of each.
 * @param {SessionSide[]} sides
 * @param {number} from
 * @param {number} to
 */
async function known(sides, from, to) {
  await Promise.all(
    sides.map(async (side, i) => {
      const other = sides[1 - i];
      const turns = side.turns.slice(from, to).filter((turn, at) => turn.key !== other.turns[from + at]?.key);
      await side.ready(turns.flatMap(({ asked, spoken }) => [asked[0], spoken.at(-1) ?? ""]));
      for (const turn of turns) side.gist(turn);
    }),
  );
}

async function calls() {
  const rows = await Promise.all(names.map((name) => api.get(`/api/calls/${encodeURIComponent(name)}`)));
  const [one, two] = rows.map((row) => ({ ...sums([row]), calls: 0 })); // that it is one call goes without saying
  byId("sums").replaceChildren(...totals(one, two));
  const [a, b] = await Promise.all(names.map(bodies));
  redraw = () => main.replaceChildren(...callsView(a, b, mode()));
  redraw();
  main.classList.add("ready");
  if (location.hash) document.getElementById(hash())?.scrollIntoView();
}

/**
 * @param {string} letter
 * @param {string} name
 */
function visit(letter, name) {
  const url = new URL(location.href);
  url.searchParams.set(letter, name);
  url.hash = "";
  location.assign(url.href.replaceAll("%7E", "~"));
}

/** @param {string} text */
function tell(text) {
  state.textContent = text;
}

/** What scrolls can be reached by keyboard; what does not is no stop on the way. */
function reachable() {
  const sums = byId("sums");
  if (sums.scrollWidth > sums.clientWidth) sums.tabIndex = 0;
  else sums.removeAttribute("tabindex");
}

/** @param {1|-1} by */
async function step(by) {
  if (comparison) tell((await comparison.step(by)) ? "" : by > 0 ? "No difference after this one." : "No difference before this one.");
  else blocks(by);
}

/** @param {1|-1} by of two calls: from part to part */
function blocks(by) {
  const all = /** @type {HTMLElement[]} */ ([...main.querySelectorAll(".block")]);
  const top = byId("tools").getBoundingClientRect().bottom + 12;
  const next = by > 0 ? all.find((block) => block.getBoundingClientRect().top > top + 4) : all.findLast((block) => block.getBoundingClientRect().top < top - 4);
  if (next) scrollBy(0, next.getBoundingClientRect().top - top);
}

localTimes();
for (const form of document.querySelectorAll("form.pick")) suggesting(/** @type {HTMLFormElement} */ (form));
const both = names.every(Boolean) && main.dataset.kind;
const swap = () => /** @type {HTMLAnchorElement|null} */ (document.getElementById("swap"))?.click();
keys({ ...(both ? { n: () => step(1), p: () => step(-1), s: swap, v: () => turn(mode() === "words" ? "sides" : "words") } : {}), "/": () => document.querySelector("input")?.focus() });
if (both) {
  byId("tools").hidden = false;
  choice();
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  narrow.addEventListener("change", () => (choice(), redraw()));
  addEventListener("hashchange", () => comparison?.select(hash(), { keep: false }));
  new ResizeObserver(reachable).observe(byId("sums"));
  (main.dataset.kind === "call" ? calls() : sessions()).then(reachable, (error) => tell(String(error.message ?? error)));
}
