// What is being pressed stays in the document until it is let go: a browser tells of no click on what was put in its
// place meanwhile.

/**
 * Whether something in `node` is being pressed. Then `again` is called when it has been let go, and its click was told.
 * @param {Element} node
 * @param {() => void} again
 */
export function pressed(node, again) {
  if (!node.matches(":active")) return false;
  const over = new AbortController();
  const done = () => (over.abort(), requestAnimationFrame(again));
  for (const what of ["pointerup", "pointercancel", "dragend", "click"]) addEventListener(what, done, { capture: true, signal: over.signal });
  return true;
}
