// What keeps a page from being as new as it could be, told above it: what is shown stays, and is asked for once more.

import { AGAIN, Refused, isAway } from "./api.js";
import { el } from "./el.js";

/**
 * @param {HTMLElement} before what it is told above
 * @param {() => void} retry
 */
export function trouble(before, retry) {
  const host = el("p", { class: "problem trouble", role: "alert", hidden: true });
  before.before(host);
  let again = 0;
  return {
    /** @param {unknown} error */
    tell(error) {
      const away = !(error instanceof Refused) || isAway(error);
      clearTimeout(again);
      if (away) again = setTimeout(retry, AGAIN);
      const button = el("button", { type: "button", onclick: retry }, "Try again");
      host.replaceChildren(error instanceof Error ? error.message : String(error), " What is shown may be old. ", button, away ? " It is also tried every 5 seconds." : "");
      host.hidden = false;
    },
    over() {
      clearTimeout(again);
      host.hidden = true;
    },
  };
}
