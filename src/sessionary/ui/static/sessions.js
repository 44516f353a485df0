// The list of sessions, or what stands there while there is none.

import { list } from "./list.js";
import { titled } from "./format.js";
import { cells } from "./session-cells.js";
import { waitForTheFirst } from "./welcome.js";

if (document.querySelector("[data-empty]")) waitForTheFirst("sessions");
else {
  list({
    of: "sessions",
    path: "/ui/",
    noun: "session",
    cells,
    dot: (session) => session.status,
    title: titled,
    changed: (session) => session,
  });
}
