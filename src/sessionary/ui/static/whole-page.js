// A page of the gateway that is whole as the server sends it: script adds the keys.

import { keys } from "./keys.js";

keys({ "/": () => location.assign(`${/** @type {HTMLAnchorElement} */ (document.querySelector(".bar nav a")).href}#q`) });
