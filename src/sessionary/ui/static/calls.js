// The flat log of calls, or what stands there while there is none.

import * as api from "./api.js";
import { cells } from "./call-cells.js";
import { dot } from "./facets.js";
import { keys } from "./keys.js";
import { list } from "./list.js";

if (document.querySelector("[data-empty]")) {
  keys({});
  api.watch("", () => location.reload());
} else {
  list({
    of: "calls",
    path: "/ui/calls",
    noun: "call",
    cells,
    dot: (call) => dot(call.status),
    title: (call) => `${call.model} at ${call.created_at}`,
  });
}
