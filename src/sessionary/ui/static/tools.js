// What a tool was asked to do, in the form that people read: commands, edits, files, patches, queries and code by the
// shape of the arguments, whatever the tool's name. What else was given follows as a tree; what has no such shape is null.

import { code } from "./code.js";
import { lines } from "./diff.js";
import { el } from "./el.js";
import { language } from "./languages.js";
import { shortened } from "./long.js";
import { tree } from "./tree.js";

/** @typedef {Record<string, any>} Fields */
/** @typedef {{shown: Node[], used: string[]}} Readable `used`: names of the arguments that are in it */

const PATHS = ["file_path", "path", "filePath", "filename", "file", "target_file", "notebook_path"];
const AROUND = 3;
const SQL = /^\s*(?:select|with|insert|update|delete|create|alter|drop|explain)\s/i;
/** Programs that are given a script: `bash -lc "…"`. */
const SHELL = /^(?:\/\S*\/)?(?:bash|sh|zsh|dash)$/;

/**
 * @param {any} given a call's arguments
 * @returns {Node[]|null}
 */
export function readable(given) {
  if (typeof given === "string") return isPatch(given) ? [patch(given)] : null;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return null;
  const found = edit(given) ?? patched(given) ?? written(given) ?? command(given) ?? program(given) ?? query(given);
  if (!found) return null;
  const rest = Object.entries(given).filter(([name]) => !found.used.includes(name));
  return rest.length ? [...found.shown, tree(Object.fromEntries(rest), { open: 9 })] : found.shown;
}

/**
 * Commands as one types them.
 * @param {any} command a line, or a program and what it is given
 * @returns {string} empty where it is neither
 */
export function typed(command) {
  if (typeof command === "string") return command;
  if (!Array.isArray(command) || !command.every((word) => typeof word === "string")) return "";
  const [shell = "", flag = "", script] = command;
  if (command.length === 3 && SHELL.test(shell) && /^-l?c$/.test(flag)) return script;
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/**
 * A change of one place in a text, as lines that go and come, with some around them.
 * @param {string} before
 * @param {string} after
 * @returns {string} as a diff writes it
 */
export function changed(before, after) {
  const ended = (/** @type {string} */ text) => (text && !text.endsWith("\n") ? `${text}\n` : text);
  const found = lines(ended(before), ended(after));
  return found
    .map(({ kind, text }, i) => {
      const all = text.replace(/\n$/, "").split("\n");
      const marked = all.map((line) => `${{ add: "+", del: "-", same: " " }[kind]}${line}`);
      if (kind !== "same" || all.length <= 2 * AROUND + 1) return marked.join("\n");
      const head = i === 0 ? [] : marked.slice(0, AROUND);
      const tail = i === found.length - 1 ? [] : marked.slice(-AROUND);
      return [...head, "@@", ...tail].join("\n");
    })
    .join("\n");
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function edit(given) {
  const one = replacement(given);
  const several = Array.isArray(given.edits) ? given.edits.map(replacement) : [];
  const all = one ? [one] : several.length && several.every(Boolean) ? several : null;
  if (!all) return null;
  const path = PATHS.find((name) => typeof given[name] === "string");
  const shown = all.map((made) => code(changed(made?.[0] ?? "", made?.[1] ?? ""), "diff", path ? given[path] : "edit"));
  return { shown, used: [path ?? "", "edits", "old_string", "old_str", "oldString", "old_text", "new_string", "new_str", "newString", "new_text"] };
}

/**
 * @param {any} given
 * @returns {[string, string]|null}
 */
function replacement(given) {
  const before = given?.old_string ?? given?.old_str ?? given?.oldString ?? given?.old_text;
  const after = given?.new_string ?? given?.new_str ?? given?.newString ?? given?.new_text;
  return typeof before === "string" && (typeof after === "string" || after === undefined) ? [before, after ?? ""] : null;
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function patched(given) {
  const name = ["patch", "input", "diff"].find((name) => typeof given[name] === "string" && (name !== "input" || isPatch(given[name])));
  return name ? { shown: [patch(given[name])], used: [name] } : null;
}

/** @param {string} text */
function isPatch(text) {
  return /^\s*(?:\*\*\* Begin Patch|diff --git |--- \S)/.test(text.slice(0, 200));
}

/** @param {string} text */
export function patch(text) {
  return shortened(el("div"), text.trimStart(), (part) => [code(part, "diff", "patch")]);
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function written(given) {
  const path = PATHS.find((name) => typeof given[name] === "string");
  const content = ["content", "contents", "file_text", "code_edit", "new_source", "insert_text"].find((name) => typeof given[name] === "string");
  if (!path || !content) return null;
  return { shown: [file(given[content], given[path])], used: [path, content] };
}

/**
 * @param {string} text
 * @param {string} path
 */
function file(text, path) {
  return shortened(el("div"), text, (part) => [code(part, path, path)]);
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function command(given) {
  const name = ["command", "cmd", "commands", "script", "shell_command"].find((name) => typed(given[name]));
  if (!name) return null;
  const text = name === "commands" && Array.isArray(given[name]) ? given[name].join("\n") : typed(given[name]);
  const said = typeof given.description === "string" ? given.description : "";
  const block = shortened(el("div"), text, (part) => [code(part, "shell", "shell")]);
  return { shown: said ? [el("p", { class: "soft", dir: "auto" }, said.slice(0, 500)), block] : [block], used: [name, said ? "description" : ""] };
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function program(given) {
  if (typeof given.code !== "string") return null;
  const named = [given.language, given.lang].find((name) => typeof name === "string");
  const lang = named && language(named) ? named : named ? "" : "python";
  return { shown: [shortened(el("div"), given.code, (part) => [code(part, lang, named ?? "code")])], used: ["code", named === undefined ? "" : given.language === named ? "language" : "lang"] };
}

/**
 * @param {Fields} given
 * @returns {Readable|null}
 */
function query(given) {
  const name = ["sql", "query", "statement"].find((name) => typeof given[name] === "string" && (name === "sql" || SQL.test(given[name])));
  return name ? { shown: [shortened(el("div"), given[name], (part) => [code(part, "sql", "SQL")])], used: [name] } : null;
}
