// A panel that its button opens (the platform's popover): it stands below the button, within the window.

/**
 * @param {HTMLElement} button
 * @param {HTMLElement} panel
 */
export function below(button, panel) {
  panel.addEventListener("beforetoggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return;
    const { bottom, right } = button.getBoundingClientRect();
    panel.style.top = `${bottom + 6}px`;
    if (innerWidth >= 800) panel.style.right = `${Math.max(14, document.documentElement.clientWidth - right)}px`;
  });
  panel.addEventListener("toggle", () => {
    const over = panel.getBoundingClientRect().bottom + 8 - innerHeight; // only now it has a height
    if (over > 0) panel.style.top = `${Math.max(8, parseFloat(panel.style.top) - over)}px`;
  });
}
