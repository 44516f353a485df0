// A message's parts as elements. Pictures are shown from data: addresses only; whatever else is named is a link.

import { copyButton } from "./copy.js";
import { el, outward } from "./el.js";
import { asked, folded, label, shown } from "./native.js";
import { plain, prose } from "./prose.js";
import { parts } from "./speech.js";
import { tree } from "./tree.js";

/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {import("./types.js").Message} Message */

const PICTURE = /^data:image\/(?:png|jpeg|jpg|gif|webp|avif|bmp);base64,/i;

/**
 * @param {Message} message
 * @param {{name?: string, note?: string, flag?: string}} [how] `flag`: a note that must not be overlooked
 * @returns {HTMLElement|null} null where everything in it is shown elsewhere
 */
export function message(message, { name, note = "", flag = "" } = {}) {
  const pieces = message.pieces.filter((piece) => !piece.owner);
  if (!pieces.length && message.pieces.length) return null;
  const text = () => pieces.map((piece) => piece.text ?? "").filter(Boolean).join("\n\n");
  return el(
    "section",
    { class: `msg ${roleClass(message.role)}` },
    el("h3", null, el("b", null, message.name || name || message.role), el("span", null, text() ? copyButton(text, "Copy", "Copy this text") : null, flag ? el("b", { class: "flag" }, flag) : null, note)),
    pieces.length ? pieces.map((piece) => render(piece, message.role)) : el("p", { class: "soft" }, "(empty)"),
  );
}

/** @param {string} role */
function roleClass(role) {
  return ["user", "assistant", "tool", "system"].includes(role) ? role : "other";
}

/**
 * @param {Piece} piece
 * @param {string} role
 * @returns {HTMLElement}
 */
function render(piece, role) {
  switch (piece.type) {
    case "text":
      return role === "system" || role === "tool" ? result(piece.text ?? "") : role === "user" ? spoken(piece.text ?? "") : prose(piece.text ?? "");
    case "reasoning":
      return reasoning(piece.text ?? "");
    case "refusal":
      return el("div", { class: "bad" }, prose(piece.text ?? ""));
    case "tool_call":
      return toolCall(piece);
    case "tool_result":
      return toolResult(piece);
    case "image":
      return picture(piece);
    case "audio":
    case "file":
      return attached(piece);
    default:
      return other(piece.value ?? piece);
  }
}

/**
 * A person's words, with the notes of a harness folded.
 * @param {string} text
 */
function spoken(text) {
  const found = parts(text);
  if (found.length === 1 && !found[0].tag) return prose(text);
  return el("div", null, found.map(({ tag, text }) => (tag ? folded(tag.replace(/[-_]/g, " "), text) : prose(text))));
}

/** @param {string} text */
function reasoning(text) {
  if (!text) return el("p", { class: "event" }, "reasoning, not shown by the provider");
  const fold = folded("reasoning", text);
  fold.classList.add("reasoning");
  return fold;
}

/**
 * What is no part of any message known here: by its own type, as a tree.
 * @param {any} value
 */
function other(value) {
  const inside = shown(value);
  const type = inside.classList.contains("tree") && typeof value?.type === "string" ? value.type.slice(0, 80) : "";
  return type ? el("div", { class: "tool own" }, el("h4", null, type), el("div", { class: "pair alone" }, el("div", null, inside))) : inside;
}

/** @param {Piece} piece */
function toolCall(piece) {
  const given = piece.arguments;
  const asText = () => (typeof given === "string" ? given : JSON.stringify(given, null, 2));
  const empty = given === null || given === undefined || given === "" || (typeof given === "object" && !Object.keys(given).length);
  const kind = label(piece);
  const own = kind && piece.kind !== "custom" ? " own" : "";
  return el(
    "div",
    { class: `tool${own}${piece.result?.error ? " failed" : ""}` },
    el("h4", null, piece.name || "tool", kind ? el("span", { class: "tag" }, kind) : null, el("span", { class: "copies" }, copyButton(asText, "Copy", "Copy the arguments"))),
    el(
      "div",
      { class: piece.result ? "pair" : "pair alone" },
      el("div", { class: "given" }, empty ? el("p", { class: "soft" }, "no arguments") : (asked(piece) ?? value(given))),
      piece.result ? toolResult(piece.result) : null,
    ),
  );
}

/** @param {Piece} piece */
function toolResult(piece) {
  const content = piece.content ?? [];
  return el(
    "div",
    { class: `result${piece.error ? " failed" : ""}` },
    content.length ? content.map((part) => given(part)) : el("p", { class: "soft" }, "empty result"),
  );
}

/** @param {Piece} part of a tool's result */
function given(part) {
  if (part.type === "text") return result(part.text ?? "");
  return part.type === "other" ? shown(part.value) : render(part, "tool");
}

/**
 * Text that may be JSON: then a tree.
 * @param {string} text
 */
function result(text) {
  const start = text.trimStart()[0];
  if ((start === "{" || start === "[") && text.length < 2_000_000) {
    try {
      return tree(JSON.parse(text), { open: text.length < 1500 ? 9 : 2 });
    } catch {
      // it only looked like JSON
    }
  }
  return plain(text, "plain mono");
}

/** @param {any} given */
function value(given) {
  if (typeof given === "string") return result(given);
  return tree(given, { open: JSON.stringify(given).length < 1500 ? 9 : 2 });
}

/** @param {Piece} piece */
function picture(piece) {
  if (!PICTURE.test(piece.url ?? "")) return attached(piece);
  return el("img", { class: "picture", src: piece.url, alt: piece.name || "picture in this message", loading: "lazy" });
}

/** @param {Piece} piece */
function attached(piece) {
  const url = piece.url ?? "";
  const what = piece.name || piece.media_type || (url.startsWith("data:") ? url.slice(5, 60).split(/[;,]/)[0] : url) || piece.id || "";
  const label = el("p", { class: "attached" }, el("b", null, piece.type), " ", /^https?:/.test(url) ? outward(url, what) : what.slice(0, 200), size(url));
  const text = readable(url);
  return text ? el("div", null, label, folded("text", text)) : label;
}

/** @param {string} url */
function size(url) {
  if (!url.startsWith("data:")) return "";
  const bytes = Math.floor(((url.length - url.indexOf(",") - 1) * 3) / 4);
  return ` · ${bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024).toLocaleString("en-US")} KB`}`;
}

/**
 * A data: address's text, where it is one.
 * @param {string} url
 */
function readable(url) {
  const found = /^data:(?:text\/[\w.+-]+|application\/json)(?:;charset=[\w-]+)?;base64,/i.exec(url);
  if (!found || url.length > 2_000_000) return "";
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(url.slice(found[0].length)), (letter) => letter.charCodeAt(0)));
  } catch {
    return "";
  }
}

