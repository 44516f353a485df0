// What is folded away or cut short, and holds words nevertheless: a search finds them without opening everything.

import { pattern, folded } from "./sought.js";

/** @typedef {import("./types.js").Piece} Piece */
/**
 * @typedef {object} Hidden
 * @property {() => string[]} texts what one would read there
 * @property {() => void|Promise<void>} open shows it; resolves when all of it is in the document
 * @property {Piece[]} [pieces] of messages that it holds whole
 */

/** @type {WeakMap<Element, Hidden>} by the fold's element, or the button that shows the rest */
const known = new WeakMap();
/** @type {WeakMap<Piece, WeakRef<HTMLElement>[]>} where pieces of messages are drawn */
const drawn = new WeakMap();
/** Elements within a line of text; all others end it. */
const WITHIN = new Set(["A", "B", "CODE", "DEL", "EM", "I", "MARK", "S", "STRONG"]);

/**
 * @template {Element} E
 * @param {E} element
 * @param {Hidden} hidden
 * @returns {E}
 */
export function hides(element, hidden) {
  known.set(element, hidden);
  return element;
}

/**
 * @template {HTMLElement} E
 * @param {Piece} piece
 * @param {E} element
 * @returns {E}
 */
export function shows(piece, element) {
  drawn.set(piece, [...(drawn.get(piece) ?? []).slice(-4), new WeakRef(element)]);
  return element;
}

/**
 * The element in `root` that shows a piece; folds that hold it are opened.
 * @param {Element} root
 * @param {Piece} piece
 */
export async function drawnIn(root, piece) {
  const there = () => drawn.get(piece)?.map((ref) => ref.deref()).findLast((element) => element && root.contains(element));
  for (const fold of there() ? [] : root.querySelectorAll("details, button")) {
    const hidden = known.get(fold);
    if (hidden?.pieces?.includes(piece)) await hidden.open();
  }
  return there();
}

/**
 * The first place in `root` that has the term; what is folded around it is opened, and nothing else.
 * @param {Element} root
 * @param {string} term
 * @returns {Promise<Range|null>}
 */
export async function reach(root, term) {
  const one = pattern([term]);
  const tried = new Set();
  for (;;) {
    const found = next(root, one, tried);
    if (!found || found instanceof Range) return found;
    tried.add(found.fold);
    await found.hidden.open();
  }
}

/**
 * @param {Element} root
 * @param {RegExp} one
 * @param {Set<Element>} tried
 * @returns {Range|{fold: Element, hidden: Hidden}|null}
 */
function next(root, one, tried) {
  for (const part of parts(root)) {
    if (Array.isArray(part)) {
      const [range] = matches(part, one);
      if (range) return range;
      continue;
    }
    const hidden = known.get(part);
    if (hidden && !tried.has(part) && hidden.texts().some((text) => folded(text).search(one) >= 0)) return { fold: part, hidden };
  }
  return null;
}

/**
 * Where a pattern is in what is to be seen.
 * @param {Element} root
 * @param {RegExp} any
 * @param {number} most
 */
export function visible(root, any, most) {
  /** @type {Range[]} */
  const found = [];
  for (const part of parts(root)) {
    if (Array.isArray(part)) found.push(...matches(part, any));
    if (found.length >= most) break;
  }
  return found.slice(0, most);
}

/**
 * In the order of the document: stretches of text, and folds that are closed.
 * @param {Element} root
 * @returns {Generator<Text[]|Element>}
 */
function* parts(root) {
  /** @type {Text[]} */
  let line = [];
  for (const part of inside([root])) {
    if (part instanceof Text) line.push(part);
    else {
      if (line.length) yield line;
      line = [];
      if (part) yield part;
    }
  }
  if (line.length) yield line;
}

/**
 * Texts, closed folds, and null where a line ends.
 * @param {Iterable<Node>} nodes
 * @returns {Generator<Text|Element|null>}
 */
function* inside(nodes) {
  for (const node of nodes) {
    if (node instanceof Text) yield node;
    if (!(node instanceof Element)) continue;
    if (known.has(node) && !(node instanceof HTMLDetailsElement)) yield node;
    if (node.matches("button:not(.fold-line), .unseen, .anchor")) continue;
    const within = WITHIN.has(node.nodeName) || (node.nodeName === "SPAN" && node.className.startsWith("t-"));
    if (!within) yield null;
    if (node instanceof HTMLDetailsElement && !node.open) {
      if (node.firstElementChild) yield* inside([node.firstElementChild]);
      yield node;
    } else yield* inside(node.childNodes);
    if (!within) yield null;
  }
}

/**
 * @param {Text[]} line
 * @param {RegExp} any
 */
function matches(line, any) {
  const text = folded(line.map((node) => node.data).join(""));
  /** @type {Range[]} */
  const found = [];
  let [at, start] = [0, 0];
  for (const { index, 0: word } of text.matchAll(any)) {
    while (start + line[at].length <= index) start += line[at++].length;
    const range = new Range();
    range.setStart(line[at], index - start);
    let [to, before] = [at, start];
    while (before + line[to].length < index + word.length) before += line[to++].length;
    range.setEnd(line[to], index + word.length - before);
    found.push(range);
  }
  return found;
}

/**
 * Scrolls to a place, and everything around it, until it is in sight. Parts of long texts have their height only where
 * they are seen, and where they are matters before: one asks for the part first, and again as long as things move.
 * @param {Range} range
 * @param {HTMLElement} scroller
 * @param {() => boolean} still whether it is wanted
 */
export async function bring(range, scroller, still) {
  const part = range.startContainer.parentElement?.closest(".long > .part");
  for (const what of part ? [part, part, range, range, range] : [range]) {
    if (!still()) return;
    scroll(what, range.startContainer.parentElement, scroller);
    if (part) await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
}

/**
 * @param {Range|Element} what
 * @param {Element|null} from the innermost that may scroll
 * @param {HTMLElement} scroller
 */
function scroll(what, from, scroller) {
  for (let box = from; box; box = box.parentElement) {
    if (box === scroller || (box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY))) {
      const [{ top, height }, frame, room] = [what.getBoundingClientRect(), box.getBoundingClientRect(), box.clientHeight];
      if (top < frame.top + 0.1 * room || top + Math.min(height, 0.5 * room) > frame.top + 0.85 * room) box.scrollTop += top - frame.top - 0.3 * room;
    }
    if (box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX)) {
      const [{ left, right }, frame] = [what.getBoundingClientRect(), box.getBoundingClientRect()];
      if (left < frame.left || right > frame.right) box.scrollLeft += left - frame.left - 0.3 * box.clientWidth;
    }
    if (box === scroller) return;
  }
}
