// A page of the gateway that is whole as the server sends it: script adds the keys.

import { moment } from "./format.js";
import { keys } from "./keys.js";

for (const time of document.querySelectorAll("time")) time.textContent = moment(time.dateTime).slice(0, 16); // the server wrote UTC

keys({ "/": () => location.assign(`${/** @type {HTMLAnchorElement} */ (document.querySelector(".bar nav a")).href}#q`) });
