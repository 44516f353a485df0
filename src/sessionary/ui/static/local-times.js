// Moments on a page that the server wrote in UTC, as it does not know where the reader is: as the reader's
// clock has them.

import { moment } from "./format.js";

export function localTimes() {
  for (const time of document.querySelectorAll("time")) time.textContent = moment(time.dateTime).slice(0, 16);
}
