// A call's request and answer as parts that can be told apart, whichever of the three formats they are in. Pure.

/**
 * @typedef {object} Parts
 * @property {Record<string, any>} settings all that is not in the other parts
 * @property {string} system
 * @property {Record<string, any>} tools by name
 * @property {{role: string, text: string}[]} messages
 */

const SYSTEM = ["system", "developer"];

/**
 * @param {any} body
 * @returns {Parts}
 */
export function parts(body) {
  const { messages, input, prompt, system, instructions, tools, ...settings } = body !== null && typeof body === "object" ? body : {};
  const given = messages ?? input ?? prompt ?? [];
  const list = (Array.isArray(given) ? given : [given]).map(message);
  const first = list.findIndex(({ role }) => !SYSTEM.includes(role));
  const lead = first < 0 ? list.length : first;
  const prompts = [system, instructions].filter((text) => text !== undefined && text !== null).map(content);
  return {
    settings,
    system: [...prompts, ...list.slice(0, lead).map(({ text }) => text)].join("\n\n"),
    tools: Object.fromEntries((Array.isArray(tools) ? tools : []).map((tool, i) => [named(tool) || `tool ${i + 1}`, tool])),
    messages: list.slice(lead),
  };
}

/**
 * What was answered, as text: words, and the tools that were called.
 * @param {any} body
 */
export function answer(body) {
  const choice = body?.choices?.[0];
  if (choice) return message({ role: "assistant", ...(choice.message ?? { content: choice.text }) }).text;
  if (Array.isArray(body?.output)) return body.output.map((/** @type {any} */ item) => message(item).text).join("\n\n");
  if (body?.content !== undefined) return content(body.content);
  return pretty(body);
}

/** @param {any} given */
function message(given) {
  if (typeof given === "string") return { role: "user", text: given };
  if (given === null || typeof given !== "object") return { role: "other", text: pretty(given) };
  const role = typeof given.role === "string" ? given.role : (given.type ?? "other");
  const called = (Array.isArray(given.tool_calls) ? given.tool_calls : []).map((/** @type {any} */ call) => tool(call?.function ?? call));
  const said = [given.reasoning_content, given.content, given.refusal].filter((text) => text !== undefined && text !== null && text !== "").map(content);
  const other = given.content === undefined && !called.length && !said.length ? [block(given)] : [];
  return { role: String(role), text: [...said, ...called, ...other].join("\n\n") };
}

/**
 * @param {any} given
 * @returns {string}
 */
function content(given) {
  if (typeof given === "string") return given;
  return Array.isArray(given) ? given.map(block).join("\n\n") : pretty(given);
}

/**
 * @param {any} part
 * @returns {string}
 */
function block(part) {
  if (typeof part === "string") return part;
  if (typeof part?.text === "string") return part.text;
  if (part?.type === "thinking") return String(part.thinking ?? "");
  if (part?.type === "tool_use" || part?.type === "function_call") return tool(part);
  if (part?.type === "tool_result") return content(part.content ?? "");
  if (part?.type === "function_call_output") return content(part.output ?? "");
  return pretty(part);
}

/** @param {any} call */
function tool(call) {
  const given = call?.arguments ?? call?.input;
  return `${call?.name ?? "tool"}(${typeof given === "string" ? reread(given) : pretty(given)})`;
}

/** @param {string} text arguments are JSON within JSON */
function reread(text) {
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}

/** @param {any} given */
const named = (given) => String(given?.function?.name ?? given?.name ?? given?.type ?? "");

/** @param {any} value */
function pretty(value) {
  try {
    return JSON.stringify(value, null, 2) ?? "";
  } catch {
    return "(too deep to be shown)";
  }
}
