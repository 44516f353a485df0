// An answer that is still being said. Pure.

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Piece} Piece */

/**
 * @param {Message|null} output as far as it is known
 * @param {import("./types.js").Growth["pieces"]} pieces what came
 * @returns {Message}
 */
export function grown(output, pieces) {
  /** @type {Piece[]} */
  const all = [...(output?.pieces ?? [])];
  for (const { index, type, name, id, from, text } of pieces) {
    while (all.length <= index) all.push({ type: "text", text: "" });
    const old = all[index];
    /** @type {Piece} */
    const piece = { ...old, type, ...(name ? { name } : null), ...(id ? { id } : null) };
    if (type === "tool_call") piece.arguments = `${String(old.arguments ?? "").slice(0, from)}${text}`;
    else piece.text = `${(old.text ?? "").slice(0, from)}${text}`;
    all[index] = piece;
  }
  return { role: "assistant", ...output, pieces: all };
}
