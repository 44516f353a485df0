// The flat log of calls, or what stands there while there is none.

import { cells } from "./call-cells.js";
import { dot } from "./facets.js";
import { list } from "./list.js";
import { waitForTheFirst } from "./welcome.js";

if (document.querySelector("[data-empty]")) waitForTheFirst("calls");
else {
  list({
    of: "calls",
    path: "/ui/calls",
    noun: "call",
    cells,
    dot: (call) => dot(call.status),
    title: (call) => `${call.model} at ${call.created_at}`,
  });
}
