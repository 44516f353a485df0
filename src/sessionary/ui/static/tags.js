// Tags as people type them.

/**
 * @param {string} text tags with commas between, each with or without a # in front
 * @returns {string[]}
 */
export function tagsIn(text) {
  const tags = text.split(",").map((one) => one.trim().replace(/^#/, "").trim());
  return [...new Set(tags.filter(Boolean))];
}
