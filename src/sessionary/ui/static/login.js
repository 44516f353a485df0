// What the address names behind "#" no server is told: it goes along to where one wanted to go.

const next = /** @type {HTMLInputElement} */ (document.querySelector("input[name=next]"));
if (location.hash && !next.value.includes("#")) next.value += location.hash;
