// The session page: puts rail, transcript, inspector and timeline together, and keeps them at one call.

import { actions } from "./actions.js";
import * as api from "./api.js";
import { beside } from "./beside.js";
import { callView } from "./call.js";
import { Contents } from "./contents.js";
import { byId, el } from "./el.js";
import { Find } from "./find.js";
import { foldView, version as foldVersion } from "./fold.js";
import { titled } from "./format.js";
import { pills } from "./pills.js";
import { hash } from "./hash.js";
import { Inspector } from "./inspector.js";
import { keys, waiting } from "./keys.js";
import { Numbers } from "./numbers.js";
import { outline, visible } from "./outline.js";
import { Panels } from "./panels.js";
import { pressed } from "./press.js";
import { Rail } from "./rail.js";
import * as story from "./story.js";
import { Timeline } from "./timeline.js";
import { trouble } from "./trouble.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Item} Item */

const id = byId("head").dataset.id ?? "";
const path = `/api/sessions/${encodeURIComponent(id)}`;
/** Calls of the first screen, fetched before it takes the place of the server's. */
const FIRST = 8;
/** @type {import("./types.js").Session|null} as it is now */
let current = null;
/** @type {Item[]} everything, as it is read */
let items = [];
/** @type {Item[]} what is not folded away */
let shown = [];
/** @type {Set<string>} folds that are open */
const open = new Set();
/** @type {Map<number, number>} call index -> its place in `shown` */
let placeOf = new Map();
let selected = -1;
let ready = false;
const early = waiting();
/** Whether the rail has not told yet what was said. */
let told = false;

const feed = byId("main");
const problem = trouble(feed, () => refresh());
const aside = byId("inspector");
const contents = new Contents(path, (said) => {
  told ||= said;
  redrawn();
});
const numbers = new Numbers(path, () => refresh());
const need = (/** @type {number[]} */ indices) => contents.need(indices);
const timeline = new Timeline(byId("timeline"), (index) => select(index));
const rail = new Rail(byId("rail"), { select: (index) => select(index), need });
const find = new Find(feed, { session: id, contents, begun: early.begun, select: (call) => select(indexOf(call)), release, stay });
const inspector = new Inspector(aside, {
  ontab: (tab) => address({ tab }),
  onclose: () => panels.toggle("inspector", false),
  has: (name) => contents.indexOf.has(name),
});
const panels = new Panels({ three: byId("three"), rail: byId("rail"), inspector: aside, timeline: byId("timeline") }, { worth: () => contents.calls.length > 1, onchange: () => (transcript.update(), rail.update()) });
const inner = el("div", { class: "calls" });
/** @type {Virtual<Item>} */
const transcript = new Virtual({
  scroller: feed,
  host: inner,
  estimate: (item) => (item.kind === "fold" ? 50 : story.height(contents.calls[item.index])),
  reach: 900,
  key: (/** @type {Item} */ item) => (item.kind === "fold" ? item.key : contents.calls[item.index].call.id),
  version: (item) => (item.kind === "fold" ? `${open.has(item.key)} ${foldVersion(item, contents.calls)}` : story.drawn(item, contents)),
  render: (item) => (item.kind === "fold" ? foldView(item, contents.calls, { open: open.has(item.key), toggle: () => turnOver(item.key), need }) : article(item)),
  onscroll: (top) => {
    if (!ready) return;
    rail.follow(inSight(selected) ? selected : firstCall(shown[top]));
  },
});

/** @param {string} call */
function indexOf(call) {
  return contents.indexOf.get(call) ?? -1;
}

/** @param {import("./types.js").Spot} spot */
function article(spot) {
  const { index } = spot;
  const { calls } = contents;
  const added = calls[index];
  need(spot.attempt ? [index] : [index, spot.first]);
  const from = indexOf(added.call.origin?.call_id ?? "");
  return callView(added, {
    spot,
    first: calls[spot.attempt ? index : spot.first],
    problem: contents.failed.get(added.call.id) ?? "",
    selected: index === selected,
    after: spot.after === null ? undefined : calls[spot.after].call,
    from: calls[from]?.call,
    select: (tab) => select(index, { tab, scroll: false }),
    visit: (name) => select(indexOf(name)),
  });
}

/** @param {Item|undefined} item */
function firstCall(item) {
  return item === undefined ? -1 : item.kind === "call" ? item.index : (item.calls[0] ?? -1);
}

/** @param {string} key of a fold */
function turnOver(key) {
  if (!open.delete(key)) open.add(key);
  arrange();
}

function arrange() {
  shown = visible(items, open);
  placeOf = new Map(shown.flatMap((item, place) => (item.kind === "call" ? [[item.index, place]] : [])));
  transcript.set(shown);
}

/** What was needed has come. */
const redrawn = api.framed(() => {
  if (!ready) return;
  if (told) rail.set(story.rail(contents.calls, items));
  told = false;
  transcript.update();
});

/**
 * @param {number} index
 * @returns {boolean}
 */
function inSight(index) {
  const [y, { offsets }, place] = [transcript.y(), transcript, placeOf.get(index) ?? -1];
  return place >= 0 && offsets[place + 1] > y + 40 && offsets[place] < y + feed.clientHeight - 40;
}

async function load() {
  const { session, calls: noted, tree } = await numbers.ask();
  current = session;
  problem.over();
  contents.set(noted);
  contents.forgive();
  const { calls } = contents;
  items = outline(calls, tree);
  const dot = byId("head").querySelector(".dot");
  if (dot) {
    dot.className = `dot ${session.status}`;
    for (const name of ["aria-label", "title"]) dot.setAttribute(name, session.status);
  }
  rename(titled(session));
  const summed = () => pressed(byId("pills"), summed) || byId("pills").replaceChildren(...pills(session, calls));
  summed();
  if (!ready) await contents.ready(start());
  const atEnd = ready && feed.scrollHeight - feed.scrollTop - feed.clientHeight < 80;
  if (!inner.isConnected) feed.replaceChildren(inner);
  rail.set(story.rail(calls, items));
  arrange();
  timeline.set(calls);
  if (!ready) begin();
  else if (atEnd) feed.scrollTop = feed.scrollHeight;
  if (calls[selected]) inspector.show(calls[selected].call);
  if (!byId("actions").firstChild) byId("actions").append(panels.turns, panels.buttons.timeline, panels.buttons.inspector, ...actions(() => current ?? session, { onrenamed: rename, onchanged: refresh, call: () => contents.calls[here()]?.call.id }));
}

/** Indices of the calls that the first screen shows. */
function start() {
  const places = visible(items, open).flatMap((item) => (item.kind === "call" ? [item.index] : []));
  const at = places.indexOf(linked());
  return at < 0 && linked() >= 0 ? [linked()] : places.slice(Math.max(0, at - 2), Math.max(0, at - 2) + FIRST);
}

/** The call that the address names: by its id, by a message of it, or by its turn. */
function linked() {
  const [name] = hash().split("/");
  const turn = /^turn-(\d+)$/.exec(name)?.[1];
  if (turn === undefined) return indexOf(name);
  const first = items.find((item) => item.kind === "call" && !item.attempt && !item.agent && contents.calls[item.index].call.turn === Number(turn));
  return firstCall(first);
}

/** @param {string} title */
function rename(title) {
  byId("title").textContent = title;
  document.title = `${title} · Sessionary`;
}

function begin() {
  ready = true;
  byId("three").classList.add("ready");
  const query = new URLSearchParams(location.search);
  panels.settle();
  inspector.choose(query.get("tab") ?? "overview");
  const named = linked();
  if (named >= 0) select(named, { keep: false });
  else select(firstCall(shown.find((item) => item.kind === "call") ?? shown[0]), { scroll: false, keep: false });
  visitMessage();
  const q = query.get("q");
  if (q && find.bar.hidden) find.open(q, { call: contents.calls[named]?.call.id ?? "", anchor: named < 0 ? "" : hash() });
  early.begin();
  api.watch(id, (session) => session.id === id && numbers.changed(session) && refresh(), { onback: refresh, ongrowth: (growth) => contents.grow(growth) });
}

/**
 * @param {number} index
 * @param {{tab?: string, scroll?: boolean, keep?: boolean}} [how] `keep`: put it into the address
 */
function select(index, { tab, scroll = true, keep = true } = {}) {
  const added = contents.calls[index];
  if (!added) return;
  selected = index;
  reveal(index);
  panels.rail(false);
  if (keep) address({ call: added.call.id, tab });
  if (tab) panels.toggle("inspector", true);
  inspector.show(added.call, tab);
  timeline.mark(index);
  for (const article of feed.querySelectorAll("article.selected")) article.classList.remove("selected");
  document.getElementById(added.call.id)?.classList.add("selected");
  if (scroll) transcript.show(placeOf.get(index) ?? -1, { margin: 8 });
  rail.follow(index);
}

/** Brings the message that the address names into sight, out of those that are folded away where it is one. */
async function visitMessage() {
  const name = hash();
  if (!name.includes("/")) return;
  await contents.ready([linked()]);
  transcript.update();
  if (!document.getElementById(name)) /** @type {HTMLElement|null} */ (document.querySelector(`#${CSS.escape(name.split("/")[0])} button.before`))?.click();
  const message = document.getElementById(name);
  if (!message || name !== hash()) return;
  release();
  message.scrollIntoView();
  stay();
}

/** What is in sight of the selected call stays there. */
function stay() {
  transcript.stay(placeOf.get(selected) ?? -1);
}

/** What was unfolded in a call is measured where it is; then others than its beginning may be scrolled to. */
function release() {
  transcript.update();
  transcript.pinned = null;
}

/**
 * Opens the folds that a call is in.
 * @param {number} index
 */
function reveal(index) {
  const closed = placeOf.has(index) ? undefined : items.find((item) => item.kind === "call" && item.index === index);
  if (!closed) return;
  for (const key of closed.folds) open.add(key);
  arrange();
}

/** @param {{call?: string, tab?: string}} to */
function address({ call, tab }) {
  const url = new URL(location.href);
  if (call) url.hash = call;
  if (tab === "overview") url.searchParams.delete("tab");
  else if (tab) url.searchParams.set("tab", tab);
  history.replaceState(null, "", url);
}

/** The call that is read: the selected one, or when that was scrolled away, the one at the top. */
const here = () => (selected < 0 || inSight(selected) ? Math.max(0, selected) : firstCall(shown[transcript.top()]));

/** @param {number} step */
function turn(step) {
  const next = rail.neighbour(here(), step);
  if (next !== null) select(next);
}

const table = {
  j: () => turn(1),
  k: () => turn(-1),
  "[": () => beside(id, -1),
  "]": () => beside(id, 1),
  i: () => panels.toggle("inspector"),
  t: () => panels.toggle("timeline"),
  n: () => find.step(1),
  N: () => find.step(-1),
};
keys({ ...early.held(table), "/": () => find.open() });
addEventListener("hashchange", () => {
  select(linked(), { keep: false });
  visitMessage();
});
const refresh = api.calmly(() => load().catch(problem.tell), 250);
refresh();
