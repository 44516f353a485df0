// What is said in a message: a person's words apart from the notes a harness puts around them, and items of one
// speaker as one message. Pure; wire/text.py knows the same notes.

/** @typedef {import("./types.js").Message} Message */
/** @typedef {{tag: string, text: string}} Part `tag` is empty for what a person said */

const NOTES =
  "system-reminder|system_reminder|environment_context|environment_details|user_instructions|user_info|project_layout|additional_data|INSTRUCTIONS|command-message|command-args|local-command-[a-z]+";
const OPENING = new RegExp(`<(${NOTES})>`, "g");

/**
 * @param {string} text
 * @returns {Part[]} in order; a note that is not closed goes to the end
 */
export function parts(text) {
  /** @type {Part[]} */
  const found = [];
  let at = 0;
  for (const { index, 0: opening, 1: tag } of text.matchAll(OPENING)) {
    if (index < at) continue;
    if (text.slice(at, index).trim()) found.push({ tag: "", text: text.slice(at, index).trim() });
    const inside = index + opening.length;
    const end = text.indexOf(`</${tag}>`, inside);
    found.push({ tag, text: text.slice(inside, end < 0 ? undefined : end).trim() });
    at = end < 0 ? text.length : end + tag.length + 3;
  }
  if (!found.length) return [{ tag: "", text }];
  if (text.slice(at).trim()) found.push({ tag: "", text: text.slice(at).trim() });
  return found;
}

/**
 * Only what a person said.
 * @param {string} text
 */
export function words(text) {
  return text.includes("<")
    ? parts(text)
        .filter((part) => !part.tag)
        .map((part) => part.text)
        .join(" ")
    : text;
}

/**
 * Neighbouring items of the model, or of its tools, as one message each: some formats send a message in pieces.
 * @param {Message[]} messages
 * @returns {Message[]}
 */
export function grouped(messages) {
  /** @type {Message[]} */
  const found = [];
  for (const message of messages) {
    const before = found[found.length - 1];
    const joins = before && ["assistant", "tool"].includes(message.role) && before.role === message.role && before.name === message.name;
    if (joins) found[found.length - 1] = { ...before, pieces: [...before.pieces, ...message.pieces] };
    else found.push(message);
  }
  return found;
}
