// The session page: puts rail, transcript, inspector and timeline together, and keeps them at one call.

import * as api from "./api.js";
import { callView } from "./call.js";
import { byId, el } from "./el.js";
import { foldView, version as foldVersion } from "./fold.js";
import { actions, pills } from "./header.js";
import { Inspector, TABS } from "./inspector.js";
import { keys } from "./keys.js";
import { outline, visible } from "./outline.js";
import { Rail } from "./rail.js";
import * as story from "./story.js";
import { Timeline } from "./timeline.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Item} Item */

const id = byId("head").dataset.id ?? "";
const path = `/api/sessions/${encodeURIComponent(id)}`;
const wide = matchMedia("(min-width: 1180px)");
/** @type {Added[]} */
let calls = [];
/** @type {Map<string, number>} */
let indexOf = new Map();
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

const feed = byId("main");
const aside = byId("inspector");
const timeline = new Timeline(byId("timeline"), (index) => select(index));
const rail = new Rail(byId("rail"), (index) => select(index));
const inspector = new Inspector(aside, {
  ontab: (tab) => address({ tab }),
  onclose: () => toggle(aside, false),
  has: (name) => indexOf.has(name),
});
const inner = el("div", { class: "calls" });
/** @type {Virtual<Item>} */
const transcript = new Virtual({
  scroller: feed,
  host: inner,
  estimate: (item) => (item.kind === "fold" ? 50 : height(calls[item.index])),
  reach: 900,
  key: (/** @type {Item} */ item) => (item.kind === "fold" ? item.key : calls[item.index].call.id),
  version: (item) => (item.kind === "fold" ? `${open.has(item.key)} ${foldVersion(item, calls)}` : `${story.version(calls[item.index])} ${JSON.stringify({ ...item, index: 0 })}`),
  render: (item) => (item.kind === "fold" ? foldView(item, calls, { open: open.has(item.key), toggle: () => turnOver(item.key) }) : article(item)),
  onscroll: (top) => ready && rail.follow(inSight(selected) ? selected : firstCall(shown[top])),
});

/** @param {import("./types.js").Spot} spot */
function article(spot) {
  const { index } = spot;
  const added = calls[index];
  const { call } = added;
  const from = call.origin ? indexOf.get(call.origin.call_id) : undefined;
  return callView(added, {
    spot,
    said: added.messages.length || spot.attempt ? added.messages : calls[spot.first].messages,
    selected: index === selected,
    after: spot.after === null ? undefined : calls[spot.after].call,
    from: from === undefined ? undefined : calls[from].call,
    select: (tab) => select(index, { tab, scroll: false }),
    visit: (name) => select(indexOf.get(name) ?? -1),
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
  transcript.shown.get(key)?.node.querySelector("button")?.focus({ preventScroll: true }); // it was made anew
}

function arrange() {
  shown = visible(items, open);
  placeOf = new Map(shown.flatMap((item, place) => (item.kind === "call" ? [[item.index, place]] : [])));
  transcript.set(shown);
}

/**
 * Roughly, from the number of letters.
 * @param {Added} added
 */
function height({ messages, output }) {
  let letters = 0;
  for (const message of output ? [...messages.slice(-30), output] : messages.slice(-30)) {
    for (const piece of message.pieces) letters += 60 + Math.min(20_000, piece.text?.length ?? 200);
  }
  return 110 + letters / 4;
}

/**
 * @param {number} index
 * @returns {boolean}
 */
function inSight(index) {
  const [y, { offsets }, place] = [transcript.y(), transcript, placeOf.get(index) ?? -1];
  return place >= 0 && offsets[place + 1] > y + 40 && offsets[place] < y + feed.clientHeight - 40;
}

async function load() {
  const [found, tree] = await Promise.all([api.get(`${path}/transcript`), api.get(`${path}/tree`)]);
  /** @type {import("./types.js").Session} */
  const session = found.session;
  calls = found.calls;
  story.pair(calls);
  items = outline(calls, tree);
  indexOf = new Map(calls.map(({ call }, index) => [call.id, index]));
  const dot = byId("head").querySelector(".dot");
  if (dot) {
    dot.className = `dot ${session.status}`;
    dot.setAttribute("aria-label", session.status);
    dot.setAttribute("title", session.status);
  }
  rename(session.title || session.session_id);
  byId("pills").replaceChildren(...pills(session, calls));
  if (!byId("actions").firstChild) byId("actions").append(...buttons(), ...actions(session, rename));
  const atEnd = ready && feed.scrollHeight - feed.scrollTop - feed.clientHeight < 80;
  if (!inner.isConnected) feed.replaceChildren(inner);
  rail.set(story.rail(calls, items));
  arrange();
  timeline.set(calls);
  if (!ready) begin();
  else if (atEnd) feed.scrollTop = feed.scrollHeight;
  const current = calls[selected];
  if (current) inspector.show(current.call);
}

/** @param {string} title */
function rename(title) {
  byId("title").textContent = title;
  document.title = `${title} · Sessionary`;
}

function buttons() {
  const turns = el("button", { type: "button", class: "narrow", onclick: () => toggle(byId("rail")) }, "Turns");
  const open = el("button", { type: "button", class: "mid", id: "open-inspector", onclick: () => toggle(aside) }, "Inspector");
  return [turns, open];
}

function begin() {
  ready = true;
  byId("three").classList.add("ready");
  toggle(aside, wide.matches);
  byId("timeline").hidden = calls.length < 2 || innerHeight < 560 || innerWidth < 800;
  const tab = new URLSearchParams(location.search).get("tab") ?? "overview";
  const start = indexOf.get(location.hash.slice(1));
  inspector.tab = TABS.find((name) => name === tab) ?? "overview";
  if (start !== undefined) select(start);
  else select(firstCall(shown.find((item) => item.kind === "call") ?? shown[0]), { scroll: false, keep: false });
}

/**
 * @param {HTMLElement} panel
 * @param {boolean} [on]
 */
function toggle(panel, on) {
  if (panel.id === "rail") panel.classList.toggle("open", on);
  else panel.hidden = !(on ?? panel.hidden);
  byId("three").classList.toggle("with-inspector", !aside.hidden);
  transcript.update();
}

/**
 * @param {number} index
 * @param {{tab?: string, scroll?: boolean, keep?: boolean}} [how] `keep`: put it into the address
 */
function select(index, { tab, scroll = true, keep = true } = {}) {
  const added = calls[index];
  if (!added) return;
  selected = index;
  reveal(index);
  if (tab) toggle(aside, true);
  byId("rail").classList.remove("open");
  if (keep) address({ call: added.call.id, tab });
  inspector.show(added.call, tab);
  timeline.mark(index);
  for (const article of feed.querySelectorAll("article.selected")) article.classList.remove("selected");
  document.getElementById(added.call.id)?.classList.add("selected");
  if (scroll) transcript.show(placeOf.get(index) ?? -1, { margin: 8 });
  rail.follow(index);
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

/** @param {number} step */
function turn(step) {
  const next = rail.neighbour(Math.max(0, selected), step);
  if (next !== null) select(next);
}

/**
 * The session beside this one in the list that one came from.
 * @param {number} step
 */
async function neighbour(step) {
  const query = new URLSearchParams(sessionStorage.getItem("list") ?? "");
  query.set("limit", "200");
  const { data } = await api.get(`/api/sessions?${query}`).catch(() => ({ data: [] }));
  const at = data.findIndex((/** @type {{id: string}} */ row) => row.id === id);
  const next = at < 0 ? undefined : data[at + step];
  if (next) location.assign(`/ui/sessions/${encodeURIComponent(next.id)}`);
}

keys({
  j: () => turn(1),
  k: () => turn(-1),
  "[": () => neighbour(-1),
  "]": () => neighbour(1),
  i: () => toggle(aside),
  t: () => {
    byId("timeline").hidden = !byId("timeline").hidden;
    transcript.update();
  },
  "/": () => location.assign("/ui/#q"),
});
addEventListener("hashchange", () => select(indexOf.get(location.hash.slice(1)) ?? -1));
wide.addEventListener("change", () => toggle(aside, wide.matches));
const refresh = api.calmly(load, 250);
refresh().then(() => {
  api.watch(id, (session) => session.id === id && refresh(), { onback: refresh });
});
