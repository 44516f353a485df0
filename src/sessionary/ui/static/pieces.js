// A message's parts as elements. Pictures and sound are from data: addresses only; whatever else is named is a link.

import { copyButton } from "./copy.js";
import { el } from "./el.js";
import { plural } from "./format.js";
import { json } from "./json.js";
import { media } from "./media.js";
import { asked, folded, label, shown } from "./native.js";
import { plain, prose } from "./prose.js";
import { sourcesView } from "./sources.js";
import { parts } from "./speech.js";
import { tree } from "./tree.js";
import { shows } from "./unfold.js";

/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {import("./types.js").Message} Message */

/**
 * @param {Message} message
 * @param {{name?: string, aside?: HTMLElement|null, note?: string, flag?: string, anchor?: string}} [how] `flag`: a note that must not be
 *   overlooked; `anchor`: its id on the page, for links to it
 * @returns {HTMLElement|null} null where everything in it is shown elsewhere
 */
export function message(message, { name, aside = null, note = "", flag = "", anchor } = {}) {
  const pieces = message.pieces.filter((piece) => !piece.owner);
  if (!pieces.length && message.pieces.length) return null;
  const text = () => pieces.map((piece) => piece.text ?? "").filter(Boolean).join("\n\n");
  const copies = [text() ? copyButton(text, "Copy", "Copy this text") : null, copyButton(() => asJson(message), "JSON", "Copy this message as JSON", "as-json")];
  const link = anchor ? el("a", { class: "anchor", href: `#${anchor}`, "aria-label": "A link to this message", title: "A link to this message" }, "#") : null;
  return el(
    "section",
    { class: `msg ${roleClass(message.role)}`, id: anchor },
    el("h3", null, el("b", null, el("bdi", null, message.name || name || message.role), aside), link, el("span", null, copies, flag ? el("b", { class: "flag" }, flag) : null, note)),
    pieces.length && !blank(pieces) ? pieces.map((piece) => shows(piece, render(piece, message.role))) : el("p", { class: "soft" }, text() ? `(white space, ${plural(text().length, "character")})` : "(empty)"),
  );
}

/**
 * Whether nothing of it can be seen.
 * @param {Piece[]} pieces
 */
const blank = (pieces) => pieces.every((piece) => piece.type === "text" && !piece.text?.trim());

/**
 * As the API gives it: without what the page put beside it.
 * @param {Message} message
 */
function asJson(message) {
  return JSON.stringify({ ...message, pieces: message.pieces.map(own) }, null, 2);
}

/** @param {Piece} piece */
function own({ owner, home, result, ...piece }) {
  return piece;
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
      return text(piece, role);
    case "reasoning":
      return reasoning(piece);
    case "refusal":
      return el("div", { class: "refusal" }, el("b", { class: "tag" }, "refused"), prose(piece.text ?? ""));
    case "tool_call":
      return toolCall(piece);
    case "tool_result":
      return toolResult(piece);
    case "image":
    case "audio":
    case "file":
      return media(piece);
    default:
      return other(piece.value ?? piece);
  }
}

/**
 * @param {Piece} piece
 * @param {string} role
 */
function text({ text = "", annotations }, role) {
  const said = role === "system" || role === "tool" ? result(text) : (json(text) ?? (role === "user" ? spoken(text) : prose(text)));
  const cited = sourcesView(annotations);
  return cited ? el("div", null, said, cited) : said;
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

/** @param {Piece} piece */
function reasoning({ text, detail }) {
  const hidden = { redacted: "redacted", encrypted: "kept encrypted" }[detail ?? ""] ?? "not shown";
  if (!text) return el("p", { class: "event" }, `reasoning, ${hidden} by the provider`);
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
  const whole = () => JSON.stringify({ call: own(piece), ...(piece.result ? { result: own(piece.result) } : null) }, null, 2);
  const empty = given === null || given === undefined || given === "" || (typeof given === "object" && !Object.keys(given).length);
  const kind = label(piece);
  const read = empty ? null : asked(piece);
  const wide = read && asText()?.length > 160;
  const long = asText()?.length > 600 ? { tabindex: 0, role: "group", "aria-label": "Arguments" } : null;
  return el(
    "div",
    { class: `tool${kind && piece.kind !== "custom" ? " own" : ""}${piece.result?.error ? " failed" : ""}` },
    el(
      "h4",
      null,
      el("bdi", null, piece.name || "tool"),
      kind ? el("span", { class: "tag" }, kind) : null,
      piece.result?.error ? el("span", { class: "tag bad" }, "failed") : null,
      el("span", { class: "copies" }, copyButton(asText, "Copy", "Copy the arguments"), copyButton(whole, "JSON", "Copy the call and its result as JSON")),
    ),
    el(
      "div",
      { class: `pair${piece.result ? (wide ? " stacked" : "") : " alone"}` },
      el("div", { class: "given", ...long }, empty ? el("p", { class: "soft" }, "no arguments") : (read ?? value(given))),
      piece.result ? shows(piece.result, toolResult(piece.result)) : null,
    ),
  );
}

/** @param {Piece} piece */
function toolResult(piece) {
  const content = piece.content ?? [];
  const said = () => content.map((part) => part.text ?? (part.value === undefined ? "" : JSON.stringify(part.value, null, 2))).filter(Boolean).join("\n\n");
  return el(
    "div",
    { class: `result${piece.error ? " failed" : ""}`, role: "group", "aria-label": piece.error ? "Result: failed" : "Result" },
    said() ? el("span", { class: "copies" }, copyButton(said, "Copy", "Copy the result")) : null,
    content.length ? content.map((part) => given(part)) : el("p", { class: "soft" }, "empty result"),
  );
}

/** @param {Piece} part of a tool's result */
function given(part) {
  if (part.type === "text") return text(part, "tool");
  return part.type === "other" ? shown(part.value) : render(part, "tool");
}

/**
 * Text of a program: JSON, a diff, or as it is.
 * @param {string} text
 */
function result(text) {
  return json(text) ?? plain(text, "plain mono");
}

/** @param {any} given */
function value(given) {
  if (typeof given === "string") return result(given);
  return tree(given, { open: JSON.stringify(given).length < 1500 ? 9 : 2 });
}
