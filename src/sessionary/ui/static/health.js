// The health page is whole as the server sends it; script adds the keys.

import { keys } from "./keys.js";

keys({ "/": () => location.assign("/ui/#q") });
