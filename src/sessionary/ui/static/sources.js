// What a text rests on: the pages, files and documents that it cites, each once, as links and quotations.

import { el, host, outward } from "./el.js";
import { plural } from "./format.js";

/** @typedef {Record<string, any>} Fields */
/** @typedef {{url: string, title: string, place: string, quotes: string[]}} Source */

const MOST = 100;

/**
 * @param {any} annotations as any provider writes them
 * @returns {Source[]} pure
 */
export function sources(annotations) {
  /** @type {Map<string, Source>} */
  const found = new Map();
  for (const given of Array.isArray(annotations) ? annotations : []) {
    const source = one(given);
    if (!source) continue;
    const key = JSON.stringify([source.url, source.title, source.place]);
    const known = found.get(key);
    if (known) known.quotes.push(...source.quotes.filter((quote) => !known.quotes.includes(quote)));
    else found.set(key, source);
  }
  return [...found.values()];
}

/**
 * @param {any} given
 * @returns {Source|null}
 */
function one(given) {
  if (typeof given !== "object" || given === null) return null;
  const inner = given.url_citation ?? given.file_citation ?? given.file_path ?? given;
  const at = typeof inner === "object" && inner !== null ? inner : {};
  const url = text(at.url) || (/^https?:/.test(text(at.source)) ? text(at.source) : "");
  const title = text(at.title) || text(at.document_title) || text(at.filename) || text(at.file_id) || text(at.source) || url;
  const page = typeof at.start_page_number === "number" ? `page ${at.start_page_number}` : "";
  const document = !title && typeof at.document_index === "number" ? `document ${at.document_index + 1}` : "";
  const quote = text(at.cited_text) || text(at.quote);
  if (!title && !document && !quote) return null;
  return { url, title: title || document || text(given.type).replaceAll("_", " ") || "source", place: page, quotes: quote ? [quote] : [] };
}

/**
 * @param {any} annotations
 * @returns {HTMLElement|null}
 */
export function sourcesView(annotations) {
  const found = sources(annotations);
  if (!found.length) return null;
  const shown = found.slice(0, MOST).map(({ url, title, place, quotes }) =>
    el(
      "li",
      null,
      url ? outward(url, title.slice(0, 300)) : el("b", null, title.slice(0, 300)),
      el("span", { class: "soft" }, [host(url), place].filter(Boolean).map((word) => ` · ${word}`)),
      quotes.slice(0, 20).map((quote) => el("q", { dir: "auto" }, quote.trim().slice(0, 600))),
    ),
  );
  const rest = found.length > MOST ? el("li", { class: "soft" }, `and ${plural(found.length - MOST, "other")}`) : null;
  return el("ol", { class: "sources", "aria-label": "Sources" }, shown, rest);
}

/** @param {any} value */
function text(value) {
  return typeof value === "string" ? value : "";
}
