// The audit page is whole as the server sends it; script adds the keys.

import { keys } from "./keys.js";

keys({ "/": () => /** @type {HTMLElement|null} */ (document.querySelector(".find input"))?.focus() });
