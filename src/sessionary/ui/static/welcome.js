// What stands in place of a list while nothing was recorded: it becomes the list when there is something to list.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { keys } from "./keys.js";

/** @param {"sessions"|"calls"} of */
export function waitForTheFirst(of) {
  keys({});
  for (const pre of document.querySelectorAll("pre")) {
    pre.parentElement?.querySelector("h2")?.after(copyButton(() => pre.textContent ?? ""));
  }
  let leaving = false; // the demo leads on by itself
  document.querySelector("form.try")?.addEventListener("submit", () => (leaving = true));
  const first = () => leaving || location.reload();
  const missed = () => api.get(`/api/${of}?limit=1`).then(({ data }) => data.length && first(), () => {});
  api.watch("", first, { onback: missed });
}
