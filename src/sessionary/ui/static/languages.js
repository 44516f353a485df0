// How languages are written, as far as colours need it. Pure data: each language is a list of rules, the first that
// fits at a place wins. A rule that has begun ends in any case, at its end or the text's, and what looks ahead looks
// a limited way, so that reading stays linear.

/**
 * @typedef {"comment"|"string"|"number"|"keyword"|"type"|"name"|"key"|"add"|"del"|"hunk"|""} Kind
 * @typedef {[Kind|"word", string]} Rule `word`: by the language's words, then by what stands beside it
 * @typedef {{rules: Rule[], words?: string, values?: string, fold?: boolean, types?: boolean, key?: string, commands?: boolean}} Language
 *   `words`: keywords; `values`: names of values; `fold`: capitals do not matter; `types`: a capital begins a type;
 *   `key`: what follows a key; `commands`: the first word of a line is a program
 */

const END = "(?![^])";
const LINE = "//[^\\n]*";
const BLOCK = `/\\*[^]*?(?:\\*/|${END})`;
const DOUBLE = '"(?:[^"\\\\\\n]|\\\\[^])*"?';
const SINGLE = "'(?:[^'\\\\\\n]|\\\\[^])*'?";
const BACK = "`(?:[^`\\\\]|\\\\[^])*`?";
const HASH = "(?<![^\\s;(&|])#[^\\n]*";
const NUMBER = "(?:\\d|\\.\\d)(?:[eE][+-]|[\\w.])*";
const WORD = "[\\p{L}_$][\\p{L}\\p{N}_$]*";

/** @type {Rule} */
const word = ["word", WORD];
/** @type {Rule} */
const number = ["number", NUMBER];
/** @type {Rule[]} */
const comments = [["comment", LINE], ["comment", BLOCK]];
/** @type {Rule[]} */
const strings = [["string", DOUBLE], ["string", SINGLE]];

/** @type {Record<string, Language>} */
export const LANGUAGES = {
  python: {
    rules: [
      ["comment", "#[^\\n]*"],
      ["string", `[rRbBuUfFtT]{0,2}(?:"""[^]*?(?:"""|${END})|'''[^]*?(?:'''|${END})|${DOUBLE}|${SINGLE})`],
      ["key", "@[\\w.]+"],
      number,
      word,
    ],
    words: "and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try type while with yield",
    values: "True False None self cls",
    types: true,
  },
  javascript: {
    rules: [...comments, ...strings, ["string", BACK], ["string", "(?<=(?:^|[=(,:[!&|?{};>])[ \\t]{0,4}|return )/(?![*/])(?:[^/\\\\\\n[]|\\\\.|\\[[^\\]\\n]{0,99}\\]){1,199}/[a-z]{0,8}"], ["key", `@${WORD}`], number, word],
    words: "abstract as async await break case catch class const continue debugger declare default delete do else enum export extends finally for from function get if implements import in infer instanceof interface is keyof let namespace new of override private protected public readonly return satisfies set static super switch throw try type typeof var void while with yield",
    values: "true false null undefined this NaN Infinity any boolean never number object string symbol unknown",
    types: true,
  },
  json: { rules: [...comments, ["string", DOUBLE], ["number", `-?${NUMBER}`], word], values: "true false null", key: ":" },
  yaml: {
    rules: [["comment", HASH], ["hunk", "^(?:---|\\.\\.\\.)[^\\S\\n]*$"], ...strings, ["name", "(?<![^\\s])[&*!][\\w/.-]+"], ["word", "[\\p{L}\\p{N}_$./-][^\\s:#,\\[\\]{}\"']*"]],
    values: "true false null yes no on off True False Yes No ~",
    key: ": ",
  },
  shell: {
    rules: [["comment", HASH], ["string", '"(?:[^"\\\\]|\\\\[^])*"?'], ["string", "\\$?'[^']*'?"], ["key", "\\$(?:\\{[^}\\n]{0,199}\\}?|\\w+|[@*#?$!-])"], ["key", "(?<=\\s)--?\\w[\\w-]*"], number, ["word", "[\\p{L}_.~/][\\p{L}\\p{N}_./~+-]*"]],
    words: "if then else elif fi for in do done while until case esac function return select time export local readonly declare set unset",
    commands: true,
  },
  sql: {
    rules: [["comment", "--[^\\n]*"], ["comment", BLOCK], ["string", "'(?:[^']|'')*'?"], ["key", '"[^"\\n]*"?'], ["key", "`[^`\\n]*`?"], ["key", "[:@$]\\w+"], number, word],
    words: "add all alter analyze and any as asc begin between by cascade case cast check collate column commit constraint create cross current database default delete desc distinct drop else end except exists explain extract false fetch filter first for foreign from full grant group having if ilike in index inner insert intersect into is join key lateral left like limit materialized natural not null nulls of offset on or order outer over partition primary references returning revoke right rollback row rows schema select set table then to transaction trigger true truncate union unique update using values view when where window with recursive",
    values: "bigint boolean bytea char date decimal double float int integer interval json jsonb numeric real serial smallint text time timestamp timestamptz uuid varchar",
    fold: true,
  },
  css: {
    rules: [["comment", BLOCK], ...strings, ["keyword", "@[\\w-]+|![a-z]+"], ["number", "#[\\da-fA-F]{3,8}(?![\\w-])"], ["name", "[.#](?!\\d)[\\w-]+"], ["number", "-?(?:\\d|\\.\\d)[\\d.]*(?:%|[a-z]*)"], ["word", "-?-?[\\p{L}_][\\w-]*"]],
    key: ":",
  },
  go: {
    rules: [...comments, ["string", DOUBLE], ["string", "'(?:[^'\\\\\\n]|\\\\.){1,10}'"], ["string", "`[^`]*`?"], number, word],
    words: "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var",
    values: "true false nil iota any bool byte error float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr",
    types: true,
  },
  rust: {
    rules: [...comments, ["string", `[bc]?r#{0,3}"(?:[^"])*"?#{0,3}`], ["string", `b?${DOUBLE}`], ["string", "b?'(?:[^'\\\\\\n]|\\\\[^'\\n]{1,10}|\\\\')'"], ["key", "'[a-z_]\\w*"], ["key", "#!?\\[[^\\]\\n]{0,199}\\]?"], ["name", "[a-z_]\\w*!(?=[(\\[{])"], number, word],
    words: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return static struct super trait type unsafe use where while",
    values: "true false self Self bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize",
    types: true,
  },
  c: {
    rules: [...comments, ["key", "^[ \\t]*#[ \\t]*\\w+"], ["string", `"""[^]*?(?:"""|${END})`], ["string", `[$@LuU]{0,2}${DOUBLE}`], ["string", "'(?:[^'\\\\\\n]|\\\\.){1,10}'"], ["key", `@${WORD}`], number, word],
    words: "abstract alignas alignof as assert async auto await base break case catch class const constexpr consteval continue decltype default delegate delete do else enum event explicit export extends extern final finally fixed for foreach friend from get goto if implements import in inline instanceof interface internal is let lock mutable namespace native new noexcept nonlocal operator out override package params partial permits private protected public readonly record ref register requires return sealed select set sizeof static static_assert struct super switch synchronized template this throw throws transient try typedef typename union using var virtual volatile when where while with yield",
    values: "true false null nullptr NULL bool boolean byte char decimal double dynamic float int int8_t int16_t int32_t int64_t long object sbyte short signed size_t string uint uint8_t uint16_t uint32_t uint64_t ulong unsigned ushort void",
    types: true,
  },
  tag: { rules: [["string", '"[^"]*"?'], ["string", "'[^']*'?"], ["key", "[^\\s\"'<>/=]+"]] },
  html: { rules: [["comment", `<!--[^]*?(?:-->|${END})`], ["comment", `<!\\[CDATA\\[[^]*?(?:\\]\\]>|${END})`], ["keyword", "<[!?][^>]*>?"], ["type", "</?[A-Za-z][\\w:.-]*"], ["number", "&(?:#\\w{1,8}|\\w{1,32});"]] },
  diff: { rules: [["hunk", "^(?:diff |index |--- |\\+\\+\\+ |@@|\\*\\*\\* |new file|deleted file|rename |similarity |Binary )[^\\n]*(?:\\n|$)"], ["add", "^\\+[^\\n]*(?:\\n|$)"], ["del", "^-[^\\n]*(?:\\n|$)"]] },
};

/** Other names, and endings of files. */
const ALSO = {
  python: "py py3 python3 pyi ipython pycon",
  javascript: "js jsx mjs cjs ts tsx mts cts typescript node",
  json: "jsonc json5 jsonl ndjson ipynb webmanifest",
  yaml: "yml",
  shell: "sh bash zsh fish console shell-session shellscript dockerfile makefile",
  sql: "postgresql postgres mysql sqlite plpgsql pgsql",
  css: "scss less",
  html: "htm xml svg xhtml vue svelte xsl xsd rss plist jinja jinja2",
  go: "golang",
  rust: "rs",
  c: "h cpp cc cxx c++ hpp hh java cs csharp c# objc m kt kotlin swift scala dart proto",
  diff: "patch udiff",
};
const NAMES = new Map(Object.entries(ALSO).flatMap(([name, also]) => [name, ...also.split(" ")].map((other) => [other, name])));

/**
 * Which language is meant by the word after a fence, a file's name or a media type; empty where none is known.
 * @param {string} name
 */
export function language(name) {
  const end = name.slice(-100).toLowerCase().split(/[\\/]/).at(-1) ?? "";
  return NAMES.get(end) ?? NAMES.get(end.split(".").at(-1) ?? "") ?? "";
}

/**
 * Where no language is said: one that cannot be taken for another.
 * @param {string} text
 */
export function guess(text) {
  return /^(?:diff --git |\*\*\* Begin Patch|--- [^\n]{1,300}\n\+\+\+ |@@ -\d)/.test(text) ? "diff" : "";
}
