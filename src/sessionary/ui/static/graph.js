// The branches of a session as lines beside its turns, as of a version control's history. Pure: which line runs where.

/**
 * @typedef {object} Stop a row of the rail, as far as the graph must know it
 * @property {string|null} path id of the branch that its turn is on; null where it is no turn
 * @property {number|null} fork the row that its branch comes from, where it begins one
 * @property {boolean} [hangs] whether it belongs to the turn above, as an agent does
 *
 * @typedef {object} Row
 * @property {number} lane its own, or the one that it hangs on
 * @property {number[]} through lanes whose line runs through the whole row
 * @property {boolean} above whether its own line comes in from above
 * @property {boolean} below whether its own line goes on below
 * @property {number[]} out lanes that begin here, below
 */

/** Lanes side by side; more branches at once share the last. */
export const LANES = 6;

/**
 * @param {Stop[]} stops
 * @returns {Row[]}
 */
export function graph(stops) {
  /** @type {Map<string, {start: number, first: number, last: number, lane: number}>} in order of their first rows */
  const paths = new Map();
  let current = "";
  stops.forEach(({ path, fork, hangs }, row) => {
    if (path !== null) {
      current = path;
      const known = paths.get(path);
      if (known) known.last = row;
      else paths.set(path, { start: fork !== null && fork < row ? fork : row, first: row, last: row, lane: 0 });
    } else if (hangs) {
      const own = paths.get(current);
      if (own) own.last = row;
    }
  });
  for (const [path, { start }] of paths) {
    const from = stops[start].path; // a line that a branch leaves runs as far as there
    const parent = from !== null && from !== path ? paths.get(from) : undefined;
    if (parent) parent.last = Math.max(parent.last, start);
  }
  place([...paths.values()]);
  return rows(stops, [...paths]);
}

/**
 * Each path in the first lane that is free as long as it runs.
 * @param {{start: number, last: number, lane: number}[]} paths
 */
function place(paths) {
  /** @type {number[]} the row up to which each lane is taken */
  const taken = [];
  for (const path of [...paths].sort((a, b) => a.start - b.start)) {
    let lane = taken.findIndex((last) => last < path.start);
    if (lane < 0) lane = Math.min(taken.length, LANES - 1);
    path.lane = lane;
    taken[lane] = Math.max(taken[lane] ?? -1, path.last);
  }
}

/**
 * @param {Stop[]} stops
 * @param {[string, {start: number, first: number, last: number, lane: number}][]} paths
 * @returns {Row[]}
 */
function rows(stops, paths) {
  const byName = new Map(paths);
  /** @type {Map<number, Set<number>>} row -> lanes */
  const through = new Map();
  /** @type {Map<number, number[]>} */
  const out = new Map();
  for (const [name, { start, first, last, lane }] of paths) {
    if (start < first) out.set(start, [...(out.get(start) ?? []), lane]);
    for (let row = start + (start < first ? 1 : 0); row <= last; row++) {
      if (stops[row].path === name) continue;
      if (row === last && stops[row].hangs) continue;
      through.set(row, (through.get(row) ?? new Set()).add(lane));
    }
  }
  let lane = 0;
  return stops.map(({ path }, row) => {
    const own = path === null ? undefined : byName.get(path);
    if (own) lane = own.lane;
    return {
      lane,
      through: [...(through.get(row) ?? [])].filter((other) => !own || other !== own.lane),
      above: own ? row > own.first || own.start < own.first : true,
      below: own ? row < own.last : false,
      out: (out.get(row) ?? []).filter((other) => !own || other !== own.lane),
    };
  });
}
