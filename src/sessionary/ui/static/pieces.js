// A message's parts as elements. Pictures are shown from data: addresses only; whatever else is named is a link.

import { copyButton } from "./copy.js";
import { el, outward } from "./el.js";
import { plural } from "./format.js";
import { plain, prose } from "./prose.js";
import { tree } from "./tree.js";

/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {import("./types.js").Message} Message */

const PICTURE = /^data:image\/(?:png|jpeg|jpg|gif|webp|avif|bmp);base64,/i;

/**
 * @param {Message} message
 * @param {{name?: string, note?: string}} [how]
 * @returns {HTMLElement|null} null where everything in it is shown elsewhere
 */
export function message(message, { name, note = "" } = {}) {
  const pieces = message.pieces.filter((piece) => !piece.owner);
  if (!pieces.length && message.pieces.length) return null;
  const text = () => pieces.map((piece) => piece.text ?? "").filter(Boolean).join("\n\n");
  return el(
    "section",
    { class: `msg ${roleClass(message.role)}` },
    el("h3", null, el("b", null, message.name || name || message.role), el("span", null, text() ? copyButton(text, "Copy", "Copy this text") : null, note)),
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
      return role === "system" || role === "tool" ? result(piece.text ?? "") : prose(piece.text ?? "");
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
      return tree(piece.value ?? piece, { open: 1 });
  }
}

/** @param {string} text */
function reasoning(text) {
  const inside = el("div");
  const open = () => inside.firstChild ?? inside.append(prose(text));
  const words = text.split(/\s+/, 20_000).filter(Boolean).length;
  return el("details", { class: "fold reasoning", ontoggle: open }, el("summary", null, `reasoning · ${plural(words, "word")}`), inside);
}

/** @param {Piece} piece */
function toolCall(piece) {
  const given = piece.arguments;
  const asText = () => (typeof given === "string" ? given : JSON.stringify(given, null, 2));
  const empty = given === null || given === undefined || given === "" || (typeof given === "object" && !Object.keys(given).length);
  return el(
    "div",
    { class: `tool${piece.result?.error ? " failed" : ""}` },
    el("h4", null, piece.name || "tool", el("span", null, copyButton(asText, "Copy", "Copy the arguments"))),
    el(
      "div",
      { class: piece.result ? "pair" : "pair alone" },
      el("div", { class: "given" }, empty ? el("p", { class: "soft" }, "no arguments") : value(given)),
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
    content.length ? content.map((part) => (part.type === "text" ? result(part.text ?? "") : render(part, "tool"))) : el("p", { class: "soft" }, "empty result"),
  );
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
  const size = url.startsWith("data:") ? ` · ${Math.round((url.length * 3) / 4096).toLocaleString("en-US")} KB` : "";
  return el("p", { class: "attached" }, el("b", null, piece.type), " ", /^https?:/.test(url) ? outward(url, what) : what.slice(0, 200), size);
}

