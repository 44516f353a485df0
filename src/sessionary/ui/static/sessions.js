// The list of sessions, or what stands there while there is none.

import { list } from "./list.js";
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
    title: (session) => session.title || session.session_id,
    changed: (session) => session,
  });
}
