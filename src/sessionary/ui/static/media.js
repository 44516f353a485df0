// Pictures, sound and files. What is shown is in the message itself, as a data: address of a type that cannot hold a
// script; whatever is elsewhere is a link, never loaded. All else is told by its type, size and hash.

import { el, outward } from "./el.js";
import { size } from "./format.js";
import { folded } from "./native.js";
import { sha256 } from "./sha256.js";

/** @typedef {import("./types.js").Piece} Piece */

const PICTURE = /^data:image\/(?:png|jpeg|jpg|gif|webp|avif|bmp);base64,/i;
const SOUND = /^data:audio\/(?:wav|x-wav|wave|mpeg|mp3|mp4|m4a|x-m4a|aac|ogg|opus|webm|flac)(?:;codecs=[\w.,"-]{1,40})?;base64,/i;
const TEXT = /^data:(?:text\/[\w.+-]+|application\/(?:json|xml|yaml|x-yaml|javascript))(?:;charset=[\w-]+)?;base64,/i;
const READABLE = 2_000_000;
const HASHED = 40_000_000;
const HASHED_HERE = 4_000_000;

/** @type {WeakMap<Piece, Promise<string>>} */
const hashes = new WeakMap();

/**
 * @param {Piece} piece an image, an audio or a file
 * @returns {HTMLElement}
 */
export function media(piece) {
  const url = piece.url ?? "";
  if (piece.type === "image" && PICTURE.test(url) && whole(url)) {
    const picture = el("img", { class: "picture", src: url, alt: piece.name || "picture in this message", loading: "lazy", decoding: "async" });
    const line = described(piece);
    picture.addEventListener("load", () => line.append(` · ${picture.naturalWidth} × ${picture.naturalHeight}`));
    picture.addEventListener("error", () => line.append(el("span", { class: "bad" }, " · cannot be shown")));
    return el("figure", { class: "media" }, picture, el("figcaption", null, line));
  }
  if (SOUND.test(url) && whole(url)) {
    const player = el("audio", { controls: true, preload: "metadata", src: url, "aria-label": piece.name || "sound in this message" });
    return el("figure", { class: "media" }, player, el("figcaption", null, described(piece)), piece.text ? folded("transcript", piece.text) : null);
  }
  const text = readable(url);
  const said = text ? folded("text", text) : piece.text ? folded("transcript", piece.text) : null;
  return el("div", { class: "media" }, el("p", { class: "attached" }, el("b", null, piece.type), " ", described(piece)), said);
}

/**
 * Whether an address holds base64, and not only says so.
 * @param {string} url
 */
function whole(url) {
  const start = url.indexOf(",") + 1;
  return url.length > start && (url.length - start) % 4 !== 1 && /^[A-Za-z0-9+/]+={0,2}$/.test(url.slice(start));
}

/**
 * Name or address, type, size, and in a moment the hash.
 * @param {Piece} piece
 */
function described(piece) {
  const url = piece.url ?? "";
  const inline = url.startsWith("data:");
  const type = piece.media_type || (inline ? url.slice(5, 100).split(/[;,]/)[0] : "");
  const words = [piece.name, inline || !url ? piece.id : "", type, inline ? size(bytes(url)).replace(" ", "\u00a0") : ""].filter(Boolean).map((word) => String(word).slice(0, 200));
  const line = el("span", { class: "facts" }, words.join(" · "));
  if (url && !inline) line.append(words.length ? " · " : "", outward(url, url.slice(0, 200)), /^https?:/i.test(url) ? " · not loaded" : "");
  if (inline && url.length < HASHED) {
    const hash = el("code", { class: "hash" });
    line.append(hash);
    hashed(piece).then((found) => found && (hash.append(` sha256 ${found.slice(0, 12)}…`), (hash.title = `SHA-256 ${found}`)), () => {});
  }
  return line;
}

/**
 * How many bytes a data: address holds.
 * @param {string} url
 */
export function bytes(url) {
  const start = url.indexOf(",") + 1;
  if (!/;base64$/i.test(url.slice(0, start - 1))) return new Blob([url.slice(start)]).size;
  const padding = url.endsWith("==") ? 2 : url.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor(((url.length - start) * 3) / 4) - padding);
}

/**
 * @param {Piece} piece
 * @returns {Promise<string>} SHA-256 in hex; empty where it would take long
 */
function hashed(piece) {
  const known = hashes.get(piece);
  if (known) return known;
  const found = digest(piece.url ?? "");
  hashes.set(piece, found);
  return found;
}

/** @param {string} url */
async function digest(url) {
  const found = crypto.subtle || url.length < HASHED_HERE ? decoded(url) : null;
  if (!found) return "";
  if (!crypto.subtle) return sha256(found);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", found));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} url
 * @returns {Uint8Array<ArrayBuffer>|null}
 */
function decoded(url) {
  const start = url.indexOf(",") + 1;
  if (!/;base64$/i.test(url.slice(0, start - 1))) return new TextEncoder().encode(url.slice(start));
  try {
    return Uint8Array.from(atob(url.slice(start)), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * A data: address's text, where it is one.
 * @param {string} url
 */
function readable(url) {
  const found = url.length <= READABLE && TEXT.test(url) ? decoded(url) : null;
  return found ? new TextDecoder().decode(found) : "";
}
