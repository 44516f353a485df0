// A page of the gateway that is whole as the server sends it: script adds the keys, and local times.

import { keys } from "./keys.js";
import { localTimes } from "./local-times.js";

localTimes();

keys({ "/": () => location.assign(`${/** @type {HTMLAnchorElement} */ (document.querySelector(".bar nav a")).href}#q`) });
