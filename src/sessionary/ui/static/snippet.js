// Where a search found something: the text around it, with what was found marked.

import { el } from "./el.js";

/**
 * What a session's address ends with, for the page to open there.
 * @param {import("./types.js").Hit} hit
 */
export function found({ q, call_id }) {
  return `${q ? `?q=${encodeURIComponent(q)}` : ""}#${encodeURIComponent(call_id)}`;
}

/** @param {import("./types.js").Hit} hit */
export function snippet({ snippet, marks }) {
  const parts = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at) continue;
    parts.push(snippet.slice(at, from), el("mark", null, snippet.slice(from, to)));
    at = to;
  }
  return el("span", { class: "sub snippet" }, ...parts, snippet.slice(at));
}
