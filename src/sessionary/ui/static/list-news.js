// News of a list: rows change in place, and new ones arrive by themselves, unless someone may be reading or about to
// click; then nothing moves, and a button tells how many there are.

import * as api from "./api.js";
import { byId } from "./el.js";
import { plural } from "./format.js";

/** @typedef {import("./types.js").Session} Session */

/** Whether the address says that nothing is to change by itself. */
export function off() {
  return new URLSearchParams(location.search).get("live") === "off";
}

/**
 * @param {object} parts
 * @param {"sessions"|"calls"} parts.of
 * @param {() => any[]} parts.rows
 * @param {(rows: any[]) => void} parts.show
 * @param {() => Promise<any[]|null>} parts.page the first page as it is now; null where that is another list meanwhile
 * @param {() => boolean} parts.newest whether the newest row comes first
 * @param {() => boolean} parts.reading
 * @param {() => void} parts.load begins anew, at the top
 * @param {() => Promise<void>} parts.measure the summary anew
 * @param {((session: Session) => any)|undefined} parts.changed
 */
export function news({ of, rows, show, page, newest, reading, load, measure, changed }) {
  const live = byId("live");
  const button = byId("news");
  let waiting = false;
  const pressed = () => live.getAttribute("aria-pressed") === "true";
  const sync = () => {
    live.setAttribute("aria-pressed", String(!off()));
    /** @type {ChildNode} */ (live.lastChild).textContent = pressed() && live.classList.contains("lost") ? "Reconnecting" : "Live";
  };
  sync();
  live.hidden = false;
  live.addEventListener("click", () => {
    const url = new URL(location.href);
    if (off()) url.searchParams.delete("live");
    else url.searchParams.set("live", "off");
    history.replaceState(null, "", url);
    sync();
    if (pressed()) refresh();
  });

  /** @param {any[]|null} fresh the first page, where it was not shown yet */
  function settle(fresh) {
    const known = new Set(rows().map((row) => row.id));
    const added = fresh?.filter((row) => !known.has(row.id)).length ?? 0;
    waiting = added > 0;
    button.hidden = !added;
    button.textContent = `${plural(added, `new ${of.slice(0, -1)}`)} ↑`;
  }

  const measured = api.calmly(measure, 5000);
  const refresh = api.calmly(async () => {
    if (!pressed()) return;
    const data = await page();
    if (!data) return;
    measured();
    const fresh = new Map(data.map((row) => [row.id, row]));
    const calm = newest() && !reading();
    if (calm) {
      settle(null);
      const deep = rows().length > data.length;
      show([...data, ...(deep ? rows().filter((row) => !fresh.has(row.id)) : [])]);
    } else {
      show(rows().map((row) => fresh.get(row.id) ?? row));
      settle(data);
    }
  }, 400);

  button.addEventListener("click", () => waiting && load());
  api.watch(
    "",
    (session) => {
      const row = changed?.(session);
      const at = row ? rows().findIndex(({ id }) => id === row.id) : -1;
      if (pressed() && at >= 0) show(rows().with(at, row));
      refresh();
    },
    { onback: refresh, onstate: (connected) => (live.classList.toggle("lost", !connected), sync()) },
  );
  return { settle, sync };
}
