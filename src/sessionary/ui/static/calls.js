// The flat log of calls, or what stands there while there is none.

import { mood } from "./format.js";
import { cells } from "./call-cells.js";
import { list } from "./list.js";
import { waitForTheFirst } from "./welcome.js";

if (document.querySelector("[data-empty]")) waitForTheFirst("calls");
else {
  list({
    of: "calls",
    path: "/ui/calls",
    noun: "call",
    cells,
    dot: (call) => mood(call.status),
    title: (call) => `${call.model} at ${call.created_at}`,
  });
}
