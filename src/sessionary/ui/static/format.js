// Numbers and times as people read them. Pure; the same rules as ui/format.py, held together by one table of
// cases in the tests. An unknown value is a dash, never 0.

export const UNKNOWN = "–";

/**
 * 1234 -> 1.2k
 * @param {number|null|undefined} value
 */
export function count(value) {
  if (value === null || value === undefined) return UNKNOWN;
  for (const [limit, unit] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
    if (value >= limit) return (value / limit).toFixed(value >= 100 * limit ? 0 : 1) + unit;
  }
  return String(value);
}

/**
 * 12345 -> 12,345
 * @param {number|null|undefined} value
 */
export function exact(value) {
  return value === null || value === undefined ? UNKNOWN : value.toLocaleString("en-US");
}

/**
 * US dollars; the smaller, the more decimals.
 * @param {number|null|undefined} value
 */
export function cost(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value === 0) return "$0";
  if (value < 0.0001) return "<$0.0001";
  return "$" + value.toFixed(value >= 10 ? 2 : value >= 0.01 ? 3 : 4);
}

/**
 * Why a call's cost is not known.
 * @param {{input_tokens: number|null}} call
 */
export function unpriced({ input_tokens }) {
  return input_tokens === null ? "no tokens were counted" : "price not known";
}

/** @param {number|null|undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms > 0 && ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (/** @type {number} */ n) => String(Math.floor(n)).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h ${two((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86400)}d ${Math.floor((seconds % 86400) / 3600)}h`;
}

/**
 * Time between two moments.
 * @param {string} first
 * @param {string} last
 */
export function wall(first, last) {
  return duration(Date.parse(last) - Date.parse(first));
}

/**
 * @param {number|null|undefined} part
 * @param {number|null|undefined} whole
 */
export function share(part, whole) {
  return part && whole ? `${Math.round((100 * part) / whole)}%` : "";
}

/**
 * Of bytes: 1234 -> 1.2 kB
 * @param {number} bytes
 */
export function size(bytes) {
  for (const [limit, unit] of /** @type {[number, string][]} */ ([[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]])) {
    if (bytes >= limit) return `${(bytes / limit).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

/**
 * A call's status as one of the four colours of meaning.
 * @param {string} status
 */
export function mood(status) {
  if (status === "ok" || status === "live") return status;
  return ["client_closed", "interrupted", "cut"].includes(status) ? "cut" : "errors";
}

/**
 * Local time of day.
 * @param {string} at
 */
export function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}

/**
 * How long ago, in a word or two; the day when it is long, and the month when it is very long.
 * @param {string} at
 * @param {number} [now]
 */
export function ago(at, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 7 * 86400) return `${Math.floor(seconds / 86400)} d`;
  const day = new Date(at);
  if (seconds < 300 * 86400) return `${day.getDate()} ${day.toLocaleDateString("en-US", { month: "short" })}`;
  return day.toLocaleDateString("en-CA").slice(0, 7);
}

/** Why a call is in its session, by its source. */
export const SOURCES = /** @type {Record<string, string>} */ ({
  id: "The client sent this session’s id.",
  harness: "The client program names its session in a field of its own.",
  response: "The request goes on from an earlier response.",
  conversation: "The request names a conversation.",
  content: "The request repeats an earlier call’s messages and its answer.",
  replay: "Asks again what was asked in another session.",
  none: "Nothing in the request named a session, so it is one by itself.",
});

/**
 * Local date and time, whole.
 * @param {string} at
 */
export function moment(at) {
  return new Date(at).toLocaleString("sv-SE");
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function plural(n, one, many = `${one}s`) {
  return `${exact(n)} ${n === 1 ? one : many}`;
}

/**
 * How many branches a session has: 0 where all of it is one line, else the first with those beside it, which are what is
 * counted.
 * @param {number} [beside]
 */
export function branched(beside = 0) {
  return beside ? beside + 1 : 0;
}

/**
 * Without what makes text run the other way than its letters do, for in one line, among others, it would say another
 * thing; and without what some fonts show as boxes.
 * @param {string} text
 */
export function level(text) {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "").replace(/[\x00-\x08\x0e-\x1f\x7f-\x9f]/g, "");
}

/**
 * What a session is called. Of one without a title and without an id of the client's, what is known of its calls: ours is
 * an id that nobody knows.
 * @param {{id: string, session_id: string, title?: string|null, calls: number, errors: number}} session
 */
export function titled({ id, session_id, title, calls, errors }) {
  if (title || session_id !== id) return level(title || session_id);
  if (!errors || errors < calls) return "Untitled";
  return calls === 1 ? "A call that failed" : `${exact(calls)} calls that failed`;
}

/**
 * The value below which `part` of the values are.
 * @param {number[]} values
 * @param {number} part 0 to 1
 * @returns {number|null}
 */
export function percentile(values, part) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
}
