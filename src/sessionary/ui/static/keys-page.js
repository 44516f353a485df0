// The keys page is whole as the server sends it; script adds times as the reader's clock has them, and, for the
// master, what changes keys. After a change the page is asked for anew: the server's rows are the only ones.

import { ago, moment } from "./format.js";
import { change, create, createProject, revoke } from "./key-forms.js";
import { keys } from "./keys.js";

for (const time of document.querySelectorAll("time")) {
  time.title = moment(time.dateTime);
  if ("ago" in time.dataset) time.textContent = ago(time.dateTime);
}

/**
 * @param {string} selector
 * @param {(button: HTMLButtonElement) => void} work
 */
function offer(selector, work) {
  for (const button of document.querySelectorAll(selector)) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => work(button));
  }
}

const asked = new URLSearchParams(location.search).get("project") ?? "";
offer("#new-project", createProject);
offer("#new-key", () => create(asked));
offer("button[data-new]", (button) => create(button.dataset.new ?? ""));
offer("button[data-edit]", (button) => change(button.dataset.edit ?? ""));
offer("button[data-revoke]", (button) => revoke(button.dataset.revoke ?? ""));

keys({
  "/": () => /** @type {HTMLInputElement|null} */ (document.querySelector(".find input[type=search]"))?.focus(),
  c: () => document.querySelector("#new-key") && create(asked),
});
