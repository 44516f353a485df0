// What only one provider has: calls of its own tools, what those gave, and items that are no message. Each is shown
// as what it is; what is not known here is a JSON tree. Addresses become links, never pictures or frames.

import { code, letters } from "./code.js";
import { el, host, outward } from "./el.js";
import { plural } from "./format.js";
import { plain, prose } from "./prose.js";
import { patch, readable, typed } from "./tools.js";
import { tree } from "./tree.js";
import { hides } from "./unfold.js";

/** @typedef {import("./types.js").Piece} Piece */
/** @typedef {Record<string, any>} Fields */

/**
 * What kind of tool a call is of, as a word or two; empty for a function.
 * @param {Piece} piece
 */
export function label({ kind, detail }) {
  if (!kind) return "";
  if (kind === "custom") return "takes text";
  if (kind.startsWith("mcp_")) return `MCP${detail ? ` · ${detail.slice(0, 60)}` : ""}`;
  return "built-in";
}

/**
 * What a call of a provider's own tool asks for; null where a tree says it as well.
 * @param {Piece} piece
 * @returns {Node[]|null}
 */
export function asked(piece) {
  const given = piece.arguments;
  if (!piece.kind || piece.kind === "custom") return readable(given) ?? (piece.kind && typeof given === "string" ? [plain(given, "plain mono")] : null);
  if (!given || typeof given !== "object") return null;
  const { action, operation } = given;
  if (piece.kind === "mcp_list_tools") return [el("p", { class: "soft" }, "which tools are there?")];
  if (piece.kind === "computer_call") return computer(given);
  if (given.code || given.command || given.commands) return program(given);
  if (action?.command || action?.commands) return program(action);
  if (typeof operation?.type === "string") return operated(operation);
  if (piece.name === "web_search" || piece.name === "web_fetch") return browsing(action ?? given);
  if (Array.isArray(given.queries)) return given.queries.map(quoted);
  if (typeof given.revised_prompt === "string") return [plain(given.revised_prompt)];
  return null;
}

/**
 * A part of a message that only its provider has; null where nothing better than a tree is known.
 * @param {any} value
 * @returns {HTMLElement|null}
 */
export function item(value) {
  if (Array.isArray(value)) return value.length && value.every(isFields) ? el("div", { class: "items" }, value.map(shown)) : null;
  if (!isFields(value)) return null;
  const { type } = value;
  if (type === "mcp_approval_request") return approval(value);
  if (type === "mcp_approval_response") {
    const reason = typeof value.reason === "string" && value.reason ? `: ${value.reason}` : "";
    return el("p", { class: value.approve ? "event" : "event bad" }, `${value.approve ? "approved" : "refused"} a tool call${reason}`);
  }
  if (type === "item_reference") return el("p", { class: "event" }, "the item ", el("code", null, text(value.id)), ", named by its id");
  if (type === "compaction" || type === "compaction_summary") return compaction(value);
  if (type === "container_upload") return el("p", { class: "event" }, "the file ", el("code", null, text(value.file_id)), ", put into the container");
  return result(value);
}

/** @param {any} value */
export function shown(value) {
  return item(value) ?? tree(value, { open: 1 });
}

/**
 * What a tool gave.
 * @param {Fields} value
 * @returns {HTMLElement|null}
 */
function result(value) {
  const { type } = value;
  if (typeof type === "string" && type.endsWith("_error")) {
    return el("p", { class: "bad" }, text(value.error_code) || text(value.message) || text(value.content) || type);
  }
  if (type === "web_search_result" || type === "search_result" || type === "web_fetch_result") return page(value);
  if ("stdout" in value || "stderr" in value) return output(value);
  if (typeof value.filename === "string" && typeof value.text === "string") {
    const score = typeof value.score === "number" ? el("span", { class: "soft" }, ` ${value.score.toFixed(2)}`) : null;
    return el("div", { class: "hit" }, el("b", null, value.filename), score, plain(value.text, "plain mono"));
  }
  if (typeof value.name === "string" && "input_schema" in value) {
    return el("div", { class: "hit" }, el("b", null, value.name), value.description ? ` ${text(value.description)}` : null);
  }
  return null;
}

/** @param {Fields} value */
function page(value) {
  const url = text(value.url) || text(value.source);
  const document = isFields(value.content) ? value.content : {};
  const title = text(value.title) || text(document.title) || url;
  const said = isFields(document.source) && document.source.type === "text" ? text(document.source.data) : "";
  const blocks = Array.isArray(value.content) ? value.content.map((part) => text(part?.text)).filter(Boolean).join("\n\n") : "";
  return el(
    "div",
    { class: "hit" },
    outward(url, title.slice(0, 300)),
    el("span", { class: "soft" }, [host(url), text(value.page_age)].filter(Boolean).map((word) => ` · ${word}`)),
    said || blocks ? folded("text", said || blocks) : null,
  );
}

/** @param {Fields} value */
function output(value) {
  const code = value.return_code ?? value.outcome?.exit_code;
  const end = value.outcome?.type === "timeout" ? "timed out" : code ? `exit code ${code}` : "";
  const [out, err] = [text(value.stdout), text(value.stderr)];
  return el(
    "div",
    { class: "ran" },
    out ? plain(out, "plain mono") : null,
    err ? plain(err, "plain mono bad") : null,
    end ? el("p", { class: "bad" }, end) : null,
    !out && !err && !end ? el("p", { class: "soft" }, "no output") : null,
    Array.isArray(value.content) && value.content.length ? tree(value.content, { open: 1 }) : null,
  );
}

/** @param {Fields} value */
function approval(value) {
  let given = value.arguments;
  try {
    given = JSON.parse(given);
  } catch {
    // shown as it is
  }
  return el(
    "div",
    { class: "tool own" },
    el("h4", null, text(value.name) || "tool", el("span", { class: "tag" }, label({ type: "", kind: "mcp_call", detail: text(value.server_label) })), el("span", { class: "tag" }, "asks for approval")),
    el("div", { class: "pair alone" }, el("div", { class: "given" }, typeof given === "object" && given ? tree(given, { open: 2 }) : text(given))),
  );
}

/** @param {Fields} value */
function compaction(value) {
  const said = text(value.content) || text(value.summary);
  return said ? folded("earlier messages, as a summary", said) : el("p", { class: "event" }, "earlier messages, compacted and kept encrypted by the provider");
}

/** @param {Fields} action */
function browsing(action) {
  const queries = Array.isArray(action.queries) && action.queries.length ? action.queries : action.query ? [action.query] : [];
  const sources = Array.isArray(action.sources) ? action.sources.map((source) => text(source?.url)).filter(Boolean) : [];
  const found = [
    ...queries.map(quoted),
    action.pattern ? el("p", null, "found ", quoted(action.pattern), " on") : null,
    action.url ? el("p", null, link(text(action.url))) : null,
    sources.length ? el("p", { class: "soft" }, plural(sources.length, "source"), ":") : null,
    ...sources.map((url) => el("p", null, link(url))),
  ];
  const nodes = found.filter((node) => node !== null);
  return nodes.length ? nodes : null;
}

/** @param {Fields} given */
function program(given) {
  if (typeof given.code === "string") return [code(given.code, "python", "code")];
  const all = Array.isArray(given.commands) ? given.commands.map(typed) : [typed(given.command)];
  const more = Object.keys(given).some((key) => !["command", "commands", "description", "restart", "timeout", "timeout_ms", "type", "env", "max_output_length", "user", "working_directory"].includes(key));
  return more ? null : [code(all.map((line) => `$ ${line}`).join("\n"), "shell")];
}

/** @param {Fields} operation */
function operated({ type, path, diff }) {
  const named = el("p", null, `${text(type).replaceAll("_", " ")} `, el("code", null, letters(text(path), true)));
  return diff ? [named, patch(text(diff))] : [named];
}

/** @param {Fields} given */
function computer(given) {
  const actions = Array.isArray(given.actions) ? given.actions : [given.action];
  const lines = actions.filter(isFields).map(({ type, ...rest }) => {
    const more = Object.entries(rest).map(([key, value]) => ` ${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
    return el("p", null, el("b", null, text(type).replaceAll("_", " ")), more.join(","));
  });
  const checks = Array.isArray(given.pending_safety_checks) ? given.pending_safety_checks : [];
  const warned = checks.map((check) => el("p", { class: "bad" }, text(check?.message) || text(check?.code)));
  return lines.length ? [...lines, ...warned] : null;
}

/**
 * @param {string} title
 * @param {string} said
 */
export function folded(title, said) {
  const inside = el("div");
  const fill = () => inside.firstChild ?? inside.append(prose(said));
  const words = said.split(/\s+/, 20_000).filter(Boolean).length;
  const fold = el("details", { class: "fold", ontoggle: fill }, el("summary", null, `${title} · ${plural(words, "word")}`), inside);
  return hides(fold, { texts: () => [said], open: () => (fill(), void (fold.open = true)) });
}

/** @param {any} words */
function quoted(words) {
  return el("q", null, text(words));
}

/** @param {string} url */
function link(url) {
  return outward(url, url.slice(0, 200));
}

/** @param {any} value */
function text(value) {
  return typeof value === "string" ? value : "";
}

/** @param {any} value */
function isFields(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
