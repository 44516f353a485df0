// From one session to the next, in the order of the list that one came from.

import * as api from "./api.js";

/**
 * Goes to the session that is `step` places away; nowhere at an end of the list, or where the list has not this one.
 * @param {string} id
 * @param {number} step
 */
export async function beside(id, step) {
  const query = new URLSearchParams(sessionStorage.getItem("list") ?? "");
  query.set("limit", "200");
  const { data } = await api.get(`/api/sessions?${query}`).catch(() => ({ data: [] }));
  const at = data.findIndex((/** @type {{id: string}} */ row) => row.id === id);
  const next = at < 0 ? undefined : data[at + step];
  if (next) location.assign(`/ui/sessions/${encodeURIComponent(next.id)}`);
}
