// A request's body by its parts, and what of them changed since the one before. Pure.

/** @typedef {{settings: Record<string, any>, tools: any[], system: any[], messages: any[]}} Parts in the order that providers cache them */

const LISTS = ["messages", "input", "prompt"];
const SYSTEM = ["system", "instructions"];

/**
 * @param {any} body of any of the formats
 * @returns {Parts}
 */
export function apart(body) {
  /** @type {Parts} */
  const parts = { settings: {}, tools: [], system: [], messages: [] };
  for (const [name, value] of Object.entries(body && typeof body === "object" ? body : {})) {
    if (LISTS.includes(name)) parts.messages = list(value);
    else if (SYSTEM.includes(name)) parts.system = list(value);
    else if (name === "tools") parts.tools = list(value);
    else parts.settings[name] = value;
  }
  return parts;
}

/** @param {any} value */
function list(value) {
  return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
}

/**
 * How far the second begins as the first does, and what of the first is not in the second.
 * @param {any[]} before
 * @param {any[]} now
 * @returns {{common: number, gone: any[], came: any[]}}
 */
export function since(before, now) {
  let common = 0;
  while (common < before.length && common < now.length && same(before[common], now[common])) common += 1;
  return { common, gone: before.slice(common), came: now.slice(common) };
}

/**
 * Whether a provider takes both for the same: marks for its cache are no part of what is cached.
 * @param {any} a
 * @param {any} b
 */
export function same(a, b) {
  return JSON.stringify(a, unmarked) === JSON.stringify(b, unmarked);
}

/**
 * @param {string} name
 * @param {any} value
 */
function unmarked(name, value) {
  return name === "cache_control" ? undefined : value;
}

/**
 * Where the cached beginning ends before the end of the request before; null where all of that is still there.
 * @param {Parts} before
 * @param {Parts} now
 * @returns {"model"|"tools"|"system"|"messages"|null}
 */
export function brokenBy(before, now) {
  if (before.settings.model !== now.settings.model) return "model";
  if (!same(before.tools, now.tools)) return "tools";
  if (!same(before.system, now.system)) return "system";
  return since(before.messages, now.messages).gone.length ? "messages" : null;
}

/**
 * All that is written in a message, of any format.
 * @param {any} value
 * @returns {string}
 */
export function written(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(written).filter(Boolean).join("\n\n");
  if (!value || typeof value !== "object") return "";
  const inside = value.text ?? value.content ?? value.output ?? value.arguments;
  return inside === undefined ? JSON.stringify(value, null, 2) : written(inside);
}

/**
 * What a part of a request is, for the line that stands for it.
 * @param {string[]} _path
 * @param {any} value
 */
export function role(_path, value) {
  const words = [value.role, value.type, value.name, value.function?.name].filter((word) => typeof word === "string");
  const start = typeof value.content === "string" ? `: ${value.content.slice(0, 60)}` : "";
  return words.length ? words.join(" · ").slice(0, 80) + start : "";
}
