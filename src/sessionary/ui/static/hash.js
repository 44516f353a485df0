// What the address names behind "#".

/** @returns {string} as it was before it was escaped; what nobody escaped so, as it stands */
export function hash() {
  const text = location.hash.slice(1);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
