// Where the keyboard is when what had the focus goes.

/**
 * Does what a button is for, which puts other things in its place: the first of them has the focus then, as it would be
 * back at the top of the page else.
 * @param {HTMLElement} button
 * @param {() => void} reveal
 */
export function instead(button, reveal) {
  const had = document.activeElement === button;
  const [parent, before] = [button.parentNode, button.previousSibling];
  reveal();
  if (!had || button.isConnected) return;
  const first = before?.isConnected ? before.nextSibling : parent?.firstChild;
  const node = first instanceof HTMLElement ? first : (first?.parentElement ?? parent);
  if (!(node instanceof HTMLElement)) return;
  if (node.tabIndex < 0) node.tabIndex = -1; // can be focused, and is no stop on the way
  node.focus({ preventScroll: true });
}
