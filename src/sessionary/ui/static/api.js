// The public JSON API and its event stream, as the pages use them.

/** A refusal: `message` is for people. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {string|null} [param] the parameter that is wrong
   */
  constructor(message, status, param = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

/** Milliseconds until a server that is away is asked again. */
export const AGAIN = 5000;

/**
 * Whether the server, or its store, may be back by itself.
 * @param {unknown} error
 */
export function isAway(error) {
  return error instanceof Refused && (error.status === 503 || error.status === 0);
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused("The server cannot be reached.", 0);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign(`/ui/login?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
  const body = await answer.json().catch(() => null);
  throw new Refused(body?.error?.message ?? `The server answered ${answer.status}.`, answer.status, body?.error?.param);
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, signal) {
  return (await ask(path, { signal })).json();
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>}
 */
export async function text(path, signal) {
  return (await ask(path, { signal })).text();
}

/**
 * @param {"POST"|"PATCH"|"DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 */
export async function change(method, path, body) {
  const headers = { "content-type": "application/json" };
  return (await ask(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })).json();
}

/**
 * What a request's answer tells as server-sent events that have only data, until it ends. Aborting ends the request.
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
export async function* events(path, body, signal) {
  const headers = { "content-type": "application/json" };
  const answer = await ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    const whole = (held + decoder.decode(value, { stream: !done })).split("\n\n");
    held = whole.pop() ?? "";
    for (const event of whole) yield JSON.parse(event.slice("data: ".length));
    if (done) return;
  }
}

/** How long a page that nobody sees goes on listening. */
const UNSEEN = 20_000;
/** Who begins to listen is told what changed in the last two seconds; a page may be older. */
const TOLD = 1500;

/**
 * Sessions as they change, until the page goes. A lost connection comes back by itself; `onback` is told then,
 * since news may have been missed, as where the page was long in coming. A page that is not looked at lets go of its connection, for a browser has only a
 * few to a server for all its tabs; it takes it up again, and `onback` is told, when someone looks.
 * @param {string} session an id, or "" for all
 * @param {(session: import("./types.js").Session) => void} onsession
 * @param {{onback?: () => void, onstate?: (connected: boolean) => void, ongrowth?: (growth: import("./types.js").Growth) => void}} [also]
 *   `ongrowth`: answers of the session as they stream
 */
export function watch(session, onsession, { onback, onstate, ongrowth } = {}) {
  /** @type {EventSource|null} */
  let source = null;
  let missed = false;
  let hiding = 0;

  function open() {
    if (source) return;
    source = new EventSource(`/api/events${session ? `?session_id=${encodeURIComponent(session)}` : ""}`);
    source.addEventListener("open", () => {
      onstate?.(true);
      if (missed || performance.now() > TOLD) onback?.();
      missed = false;
    });
    source.addEventListener("error", () => {
      missed = true;
      onstate?.(false);
    });
    source.addEventListener("session", (event) => onsession(JSON.parse(event.data)));
    if (ongrowth) source.addEventListener("growing", (event) => ongrowth(JSON.parse(event.data)));
  }

  function close() {
    source?.close();
    [source, missed] = [null, true];
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, UNSEEN);
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

/**
 * `work`, but never twice at once, and not sooner than `pause` ms or three times its own length after the last
 * time; what is asked for meanwhile is done once, afterwards.
 * @param {() => Promise<void>} work
 * @param {number} pause
 */
export function calmly(work, pause) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      const began = performance.now();
      await work().catch((error) => console.info(String(error.message ?? error)));
      const took = performance.now() - began;
      await new Promise((done) => setTimeout(done, Math.max(pause, Math.min(3 * took, 10_000))));
    } while (again);
    busy = false;
  };
}

/**
 * `work`, at most once a frame.
 * @param {() => void} work
 */
export function framed(work) {
  let waiting = false;
  return () => {
    if (!waiting) requestAnimationFrame(() => ((waiting = false), work()));
    waiting = true;
  };
}
