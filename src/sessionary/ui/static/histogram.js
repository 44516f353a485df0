// Calls, failures and cost over time, above a list. Hover or arrow keys tell a bar's numbers; dragging, or Shift with
// the arrow keys and then Enter, narrows the list to a stretch of time.

import { el, svg } from "./el.js";
import { cost, exact, plural } from "./format.js";
import { drawn, stretch, times } from "./plot.js";

/** @typedef {import("./types.js").Summary} Summary */

const HEIGHT = 64;

/**
 * @param {object} parts
 * @param {HTMLElement} parts.host a figure; it keeps its height while nothing is known
 * @param {(since: number, until: number) => void} parts.onpick
 */
export function histogram({ host, onpick }) {
  /** @type {Summary|null} */
  let summary = null;
  let at = -1; // the bar that is told of
  let from = -1; // where a stretch began
  let width = 0;
  const plot = svg("svg", { height: HEIGHT, class: "bars", "aria-hidden": "true" });
  const feet = el("div", { class: "times", "aria-hidden": "true" });
  const tip = el("div", { class: "tip", role: "status", hidden: true });
  const area = el(
    "div",
    { class: "area", role: "slider", tabindex: 0, "aria-label": "Calls over time", "aria-describedby": "plot-help", "aria-orientation": "horizontal", "aria-valuemin": 1, "aria-valuenow": 1 },
    plot,
  );
  const caption = el("figcaption", null);
  const help = el("span", { class: "hidden", id: "plot-help" }, "Arrow keys go from bar to bar. Shift with an arrow key takes a stretch, Enter narrows the list to it, Escape lets it go.");
  host.replaceChildren(caption, area, feet, tip, help);

  const band = svg("rect", { class: "band", y: 0, height: HEIGHT, width: 0 });
  const cursor = svg("rect", { class: "cursor", y: 0, height: HEIGHT, width: 0 });

  function draw() {
    width = area.clientWidth;
    if (!summary || !width) return;
    const shapes = drawn(summary.bars, width, HEIGHT);
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    plot.replaceChildren(cursor, band);
    for (const { x, width: w, height, failed } of shapes.bars) {
      if (!height) continue;
      plot.append(svg("rect", { class: "calls", x: x.toFixed(2), width: w.toFixed(2), y: (HEIGHT - height).toFixed(2), height: height.toFixed(2), rx: Math.min(2, w / 3) }));
      if (failed) plot.append(svg("rect", { class: "failed", x: x.toFixed(2), width: w.toFixed(2), y: (HEIGHT - height).toFixed(2), height: failed.toFixed(2), rx: Math.min(2, w / 3) }));
    }
    if (shapes.cost) plot.append(svg("polyline", { class: "cost", points: shapes.cost }));
    const places = times(Date.parse(summary.since), Date.parse(summary.until), width);
    feet.replaceChildren(
      ...places.map(({ x, text }) => {
        const mark = el("span", null, text);
        mark.style.left = `${x}px`;
        return mark;
      }),
    );
    mark();
  }

  /** The bars from `from` to `at` are marked, and the one at `at` is told of. */
  function mark() {
    const bars = summary?.bars ?? [];
    const step = bars.length ? width / bars.length : 0;
    const known = at >= 0 && at < bars.length;
    cursor.setAttribute("x", String(at * step));
    cursor.setAttribute("width", String(known ? step : 0));
    const [first, last] = ends();
    band.setAttribute("x", String(first * step));
    band.setAttribute("width", String(from >= 0 && known ? (last - first + 1) * step : 0));
    tip.hidden = !known;
    if (!known || !summary) return;
    const told = from >= 0 ? sum(first, last) : bars[at];
    const text = [
      el("b", null, stretch(start(first), start(last + 1))),
      el("span", null, plural(told.calls, "call")),
      told.errors ? el("span", { class: "bad" }, `${exact(told.errors)} failed`) : null,
      el("span", null, cost(told.cost)),
    ];
    tip.replaceChildren(...text.filter((part) => part !== null));
    area.setAttribute("aria-valuenow", String(at + 1));
    area.setAttribute("aria-valuetext", [...tip.children].map((part) => part.textContent).join(", "));
    const middle = ((first + last + 1) / 2) * step;
    tip.style.left = `${Math.max(0, Math.min(width - tip.offsetWidth, middle - tip.offsetWidth / 2))}px`;
  }

  /** @returns {[number, number]} the first and the last bar that are meant */
  const ends = () => (from < 0 ? [at, at] : [Math.min(from, at), Math.max(from, at)]);
  const start = (/** @type {number} */ bar) => (summary ? Math.min(Date.parse(summary.since) + bar * summary.step_ms, Date.parse(summary.until)) : 0);

  /**
   * @param {number} first
   * @param {number} last
   */
  function sum(first, last) {
    const some = summary?.bars.slice(first, last + 1) ?? [];
    return { calls: total(some.map((bar) => bar.calls)), errors: total(some.map((bar) => bar.errors)), cost: total(some.map((bar) => bar.cost ?? 0)) };
  }

  /** @param {number[]} numbers */
  const total = (numbers) => numbers.reduce((all, one) => all + one, 0);

  function pick() {
    const [first, last] = ends();
    from = -1;
    if (summary && first >= 0) onpick(start(first), start(last + 1));
  }

  /** @param {PointerEvent} event */
  function under(event) {
    const { left } = area.getBoundingClientRect();
    const count = summary?.bars.length ?? 0;
    return Math.max(0, Math.min(count - 1, Math.floor(((event.clientX - left) / width) * count)));
  }

  area.addEventListener("pointermove", (event) => ((at = under(event)), mark()));
  area.addEventListener("pointerleave", () => from < 0 && ((at = -1), mark()));
  area.addEventListener("pointerdown", (event) => {
    if (event.button || !summary?.bars.length) return;
    area.setPointerCapture(event.pointerId);
    from = at = under(event);
    mark();
  });
  area.addEventListener("pointerup", () => from >= 0 && pick());
  area.addEventListener("pointercancel", () => ((from = at = -1), mark()));
  area.addEventListener("keydown", (event) => {
    const last = (summary?.bars.length ?? 0) - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, PageUp: at - 10, PageDown: at + 10 }[event.key];
    if (to !== undefined && last >= 0) {
      event.preventDefault();
      if (event.shiftKey && from < 0) from = Math.max(0, at);
      if (!event.shiftKey) from = -1;
      at = Math.max(0, Math.min(last, at < 0 && event.key === "ArrowLeft" ? last : to));
      mark();
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      pick();
    } else if (event.key === "Escape" && at >= 0) {
      event.preventDefault();
      from = at = -1;
      mark();
    }
  });
  area.addEventListener("blur", () => ((from = at = -1), mark()));
  new ResizeObserver(() => area.clientWidth !== width && draw()).observe(area);

  return {
    /** How many bars there is room for. */
    room: () => Math.max(20, Math.min(120, Math.floor((area.clientWidth || 900) / 12))),
    /**
     * @param {Summary|null} found null where it is not known
     * @param {string} noun what the list has
     */
    show(found, noun) {
      summary = found;
      host.classList.toggle("none", !found);
      if (Math.max(at, from) >= (found?.bars.length ?? 0)) at = from = -1; // whoever draws a stretch goes on
      if (!found) return;
      const all = sum(0, found.bars.length - 1);
      area.setAttribute("aria-valuemax", String(Math.max(1, found.bars.length)));
      if (at < 0) {
        area.setAttribute("aria-valuenow", "1");
        area.setAttribute("aria-valuetext", `${plural(all.calls, "call")}, ${exact(all.errors)} failed, ${cost(all.cost)}`);
      }
      caption.replaceChildren(
        el("b", null, `${found.more ? "over " : ""}${plural(found.matched, noun)}`),
        el("span", { class: "soft" }, stretch(Date.parse(found.since), Date.parse(found.until))),
        found.exact ? "" : el("span", { class: "soft", title: "The plot has the newest that match; older ones are not drawn." }, `plot of the newest ${exact(found.counted)}`),
        el("span", { class: "legend" }, el("i", { class: "calls" }), plural(all.calls, "call"), el("i", { class: "failed" }), `${exact(all.errors)} failed`, el("i", { class: "cost" }), cost(all.cost)),
      );
      draw();
    },
  };
}
