// The models page is whole as the server sends it; script adds the keys and the switch.

import { keys } from "./keys.js";
import { projectSwitch } from "./switch.js";

projectSwitch();
keys({ "/": () => location.assign("/ui/#q") });
