// The audit page is whole as the server sends it; script adds the keys and the switch.

import { keys } from "./keys.js";
import { projectSwitch } from "./switch.js";

projectSwitch();
keys({ "/": () => /** @type {HTMLElement|null} */ (document.querySelector(".find input"))?.focus() });
