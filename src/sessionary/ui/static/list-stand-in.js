// What stands in place of a list's rows when there are none: nothing matches, a mistake, no right, no store.

import { AGAIN, isAway } from "./api.js";
import { el } from "./el.js";
import { replaced, tokens } from "./filter-text.js";

/**
 * @param {HTMLElement} host
 * @param {string} noun
 * @param {(filter: string) => void} onfilter
 */
export function standIn(host, noun, onfilter) {
  let again = 0;

  /** @param {string} filter */
  function nothing(filter) {
    const terms = tokens(filter);
    const without = (/** @type {import("./filter-text.js").Token} */ token) => () => onfilter(replaced(filter, [[token, ""]]));
    const chips = terms.map((token) => {
      const text = filter.slice(token.from, token.to);
      return el("button", { type: "button", class: "chip", title: `Without ${text}`, onclick: without(token) }, el("code", null, text), el("span", { "aria-hidden": "true" }, "×"));
    });
    if (!terms.length) return [el("h2", null, `No ${noun}s yet`), el("p", null, "Nothing is stored here.")];
    return [
      el("h2", null, `No ${noun} matches`),
      el("p", null, terms.length > 1 ? "All of these have to hold. Take one away:" : "Nothing that is stored fits this filter."),
      terms.length > 1 ? el("p", { class: "chips" }, chips) : null,
      el("p", null, el("button", { type: "button", onclick: () => onfilter("") }, "Clear the filter")),
    ];
  }

  /**
   * @param {any} error
   * @param {() => void} retry
   */
  function broken(error, retry) {
    if (error.param === "filter") {
      return [el("h2", null, "This filter cannot be read"), el("p", null, "Nothing was looked for. What is wrong with it stands below the field.")];
    }
    const away = isAway(error);
    if (away) again = setTimeout(retry, AGAIN);
    const title = error.status === 403 ? "This key may not see that" : error.status === 503 ? "The store is away" : error.status === 0 ? "The server cannot be reached" : "That did not work";
    return [
      el("h2", null, title),
      el("p", null, error.status === 0 ? "Nothing is shown that may be old." : error.message),
      el("p", null, el("button", { type: "button", onclick: () => (clearTimeout(again), retry()) }, "Try again"), away ? el("span", { class: "soft" }, " It is also tried every 5 seconds.") : null),
    ];
  }

  return {
    /** @param {{filter: string, error?: any, retry?: () => void}|null} why null where there are rows */
    show(why) {
      clearTimeout(again);
      host.hidden = !why;
      const parts = !why ? [] : why.error ? broken(why.error, why.retry ?? (() => {})) : nothing(why.filter);
      host.replaceChildren(...parts.filter((part) => part !== null));
    },
  };
}
