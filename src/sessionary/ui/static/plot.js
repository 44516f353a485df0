// Where the histogram draws what: bars, the line of cost, and times along the foot. Pure; pixels.

/** @typedef {import("./types.js").Bar} Bar */

/**
 * @typedef {object} Drawn
 * @property {{x: number, width: number, height: number, failed: number}[]} bars heights from the foot; `failed` on top, within
 * @property {string} cost points of a line, "" where nothing cost anything
 * @property {number} most calls of the tallest bar
 * @property {number} dearest cost of the dearest bar
 */

/**
 * @param {Bar[]} bars
 * @param {number} width
 * @param {number} height
 * @returns {Drawn}
 */
export function drawn(bars, width, height) {
  const step = bars.length ? width / bars.length : width;
  const gap = step > 6 ? 2 : step > 3 ? 1 : 0;
  const most = Math.max(0, ...bars.map((bar) => bar.calls));
  const dearest = Math.max(0, ...bars.map((bar) => bar.cost ?? 0));
  const tall = (/** @type {number} */ calls) => (calls ? Math.max(2, (calls / most) * height) : 0);
  return {
    bars: bars.map((bar, i) => ({
      x: i * step,
      width: Math.max(1, step - gap),
      height: tall(bar.calls),
      failed: bar.errors ? Math.max(2, (bar.errors / bar.calls) * tall(bar.calls)) : 0,
    })),
    cost: dearest ? bars.map((bar, i) => point((i + 0.5) * step, height - ((bar.cost ?? 0) / dearest) * (height - 3) - 1.5)).join(" ") : "",
    most,
    dearest,
  };
}

/**
 * @param {number} x
 * @param {number} y
 */
const point = (x, y) => `${x.toFixed(1)},${y.toFixed(1)}`;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];

/**
 * Round local times between two, so far apart that their names fit.
 * @param {number} since
 * @param {number} until
 * @param {number} width
 * @returns {{x: number, at: number, text: string}[]}
 */
export function times(since, until, width) {
  const span = until - since;
  if (!(span > 0)) return [];
  const room = Math.max(1, Math.floor(width / 92));
  const step = STEPS.find((ms) => span / ms <= room) ?? 365 * DAY;
  const offset = new Date(since).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let at = Math.ceil((since - offset) / step) * step + offset; at < until; at += step) {
    const x = ((at - since) / span) * width;
    if (x > 14 && x < width - 14) found.push({ x, at, text: label(at, step) });
  }
  return found;
}

/**
 * @param {number} at
 * @param {number} step
 */
function label(at, step) {
  const time = new Date(at);
  if (step < MINUTE) return time.toLocaleTimeString("en-GB");
  const clock = time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const midnight = time.getHours() === 0 && time.getMinutes() === 0;
  return step < DAY && !midnight ? clock : time.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/**
 * A stretch of time in words, as short as they can be.
 * @param {number} since
 * @param {number} until
 */
export function stretch(since, until) {
  const day = (/** @type {number} */ at) => new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const exact = new Date(since).getSeconds() || new Date(until).getSeconds();
  const clock = (/** @type {number} */ at) => new Date(at).toLocaleTimeString("en-GB", exact ? {} : { hour: "2-digit", minute: "2-digit" });
  if (day(since) === day(until)) return `${day(since)} ${clock(since)} – ${clock(until)}`;
  return `${day(since)} ${clock(since)} – ${day(until)} ${clock(until)}`;
}

/**
 * A time as the filter language takes it, in UTC.
 * @param {number} at
 */
export function written(at) {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
