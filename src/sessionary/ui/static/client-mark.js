// A program's mark in the lists: letters in a shape of our own, no one's logo. The shape says what kind of program it
// is: a hexagon an agent that people work with, a square a library, a circle anything else. ui/clients.py does the same.

import { svg } from "./el.js";

const AGENTS = new Set(["claude code", "codex", "opencode", "aider", "cline", "cursor", "gemini", "copilot", "goose", "crush", "roo code"]);
const LIBRARIES = ["python", "node", "langchain", "litellm", "llamaindex", "smolagents", "agents", "ai sdk", "sdk", "openai"];

/**
 * The program without its version.
 * @param {string} client
 */
export function family(client) {
  return client.trim().replace(/[ /]v?\d[\w.+-]*$/, "");
}

/** @param {string} client */
export function shape(client) {
  const name = family(client).toLowerCase();
  if (AGENTS.has(name)) return "agent";
  return LIBRARIES.some((word) => name.includes(word)) ? "library" : "other";
}

/** @param {string} client */
export function letters(client) {
  const words = family(client).match(/[\p{L}\p{N}]+/gu) ?? [];
  if (!words.length) return "?";
  const [first, second] = words.map((word) => [...word]);
  return second ? (first[0] + second[0]).toUpperCase() : first[0].toUpperCase() + (first[1] ?? "").toLowerCase();
}

/** @param {string} client */
export function mark(client) {
  return svg(
    "svg",
    { class: "client", viewBox: "0 0 20 20", width: 18, height: 18, role: "img", "aria-label": client },
    svg("title", null, client),
    svg("use", { href: `#client-${shape(client)}` }),
    svg("text", { x: 10, y: 13 }, letters(client)),
  );
}
