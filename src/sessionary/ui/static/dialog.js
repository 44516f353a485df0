// A question in a box: a form, what it says when it was refused, and two buttons.

import { el } from "./el.js";

/**
 * @param {string} title
 * @param {Node[]} content
 * @param {string} label
 * @param {string} kind
 * @param {(form: FormData) => Promise<void>} work a refusal is shown, and the dialog stays
 */
export function dialog(title, content, label, kind, work) {
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const go = el("button", { class: kind }, label);
  const cancel = el("button", { type: "button", onclick: () => box.close() }, "Cancel");
  const form = el("form", { class: "stack" }, ...content, problem, el("div", { class: "buttons" }, cancel, go));
  const box = el("dialog", { "aria-label": title, onclose: () => box.remove() }, el("h2", null, title), form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await work(new FormData(form));
      box.close();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error instanceof Error ? error.message : String(error);
      go.disabled = false;
    }
  });
  document.body.append(box);
  box.showModal();
  form.querySelector("input")?.select();
}
