// The list of sessions, or what stands there while there is none.

import * as api from "./api.js";
import { copyButton } from "./copy.js";
import { keys } from "./keys.js";
import { list } from "./list.js";
import { cells } from "./session-cells.js";

if (document.querySelector("[data-empty]")) waitForTheFirst();
else {
  list({
    of: "sessions",
    path: "/ui/",
    noun: "session",
    cells,
    dot: (session) => session.status,
    title: (session) => session.title || session.session_id,
    changed: (session) => session,
  });
}

/** The empty page becomes the list when there is something to list. */
function waitForTheFirst() {
  keys({});
  for (const pre of document.querySelectorAll("pre")) {
    pre.parentElement?.querySelector("h2")?.after(copyButton(() => pre.textContent ?? ""));
  }
  let leaving = false; // the demo leads on by itself
  document.querySelector("form.try")?.addEventListener("submit", () => (leaving = true));
  api.watch("", () => leaving || location.reload());
}
