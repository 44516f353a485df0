// The turns of one side of a comparison: which calls belong to it, and what they add up to. Pure. A side is a whole
// session, or one branch of it with what it goes on from; agents' calls count to the turn that started them.

import { mood } from "./format.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./types.js").TreeNode} TreeNode */
/**
 * @typedef {object} Tree what is needed of a session's tree
 * @property {TreeNode[]} nodes
 * @property {{id: string, fork: string|null, agent: string, current: boolean, nodes: string[]}[]} branches
 * @property {{id: string, node: string|null, name?: string}[]} agents
 */
/**
 * @typedef {object} Told one turn
 * @property {string} key
 * @property {number} number
 * @property {Call[]} calls all that it took: attempts, agents, calls for a title
 * @property {string[]} spoken ids of the calls that say what is in it, in order: of each request the attempt that counts
 * @property {string[]} asked ids of the first attempts at these, which have the messages
 * @property {Sums} sums
 */
/**
 * @typedef {object} Sums
 * @property {number} turns
 * @property {number} calls
 * @property {number} errors
 * @property {number} input
 * @property {number} cached
 * @property {number} output
 * @property {number} reasoning
 * @property {number|null} cost
 * @property {number} unpriced
 * @property {number|null} ms of all calls, added up
 * @property {number|null} ttft the median
 * @property {string[]} models
 */

/** @typedef {Tree["branches"][number]} Branch */

/**
 * What there is to choose from: branches that people talk on, of conversations that have several. A session may also
 * hold several conversations, one after the other; those are no alternatives.
 * @param {Tree} tree
 * @returns {Branch[]}
 */
export function branches(tree) {
  const roots = rooted(tree);
  const count = new Map();
  for (const root of roots.values()) count.set(root, (count.get(root) ?? 0) + 1);
  return tree.branches.filter(({ id }) => (count.get(roots.get(id)) ?? 0) > 1);
}

/**
 * By branch that people talk on: the one that its conversation begins with.
 * @param {Tree} tree
 * @returns {Map<string, string>}
 */
function rooted(tree) {
  const of = new Map(tree.nodes.map((node) => [node.id, node.branch ?? ""]));
  const talked = tree.branches.filter(({ agent }) => !agent);
  const forks = new Map(talked.map(({ id, fork }) => [id, of.get(fork ?? "") ?? ""]));
  return new Map(
    talked.map(({ id }) => {
      let root = id;
      for (let above = forks.get(root); above && forks.has(above) && above !== root; above = forks.get(root)) root = above;
      return [id, root];
    }),
  );
}

/**
 * The nodes of these branches, with those that they go on from.
 * @param {Tree} tree
 * @param {Iterable<string>} ids
 * @returns {Set<string>}
 */
function along(tree, ids) {
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]));
  const last = new Map(tree.branches.map((branch) => [branch.id, branch.nodes.at(-1) ?? ""]));
  /** @type {Set<string>} */
  const path = new Set();
  for (const id of ids) {
    for (let at = nodes.get(last.get(id) ?? ""); at && !path.has(at.id); at = nodes.get(at.parent ?? "")) path.add(at.id);
  }
  return path;
}

/**
 * The nodes of a side: all, but for what was said otherwise instead, and the agents that were started there. Of each
 * other conversation in the session the branch that was begun last is kept.
 * @param {Tree} tree
 * @param {string} branch "" for the whole session
 * @returns {TreeNode[]}
 */
export function kept(tree, branch) {
  if (!branch) return tree.nodes;
  const roots = rooted(tree);
  const ends = new Map([...roots].map(([id, root]) => [root, id]));
  ends.set(roots.get(branch) ?? "", branch);
  const path = along(tree, ends.values());
  const from = new Map(tree.agents.map(({ id, node }) => [id, node]));
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]));
  return tree.nodes.filter((node) => {
    /** @type {TreeNode|undefined} */
    let at = node;
    for (let deep = 0; at && at.agent && deep < 50; deep++) at = nodes.get(from.get(at.agent) ?? "");
    return !at || at.side || path.has(at.id) || !roots.has(at.branch ?? "");
  });
}

/**
 * @param {Call[]} calls of the session, in order of time
 * @param {Tree} tree
 * @param {string} branch "" for the whole session
 * @returns {Told[]}
 */
export function turns(calls, tree, branch) {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]));
  const starts = new Map(tree.agents.map(({ id, node }) => [id, node]));
  /** @type {Map<string, Told>} by the node that is in it */
  const at = new Map();
  /** @type {Told[]} */
  const found = [];
  /** @type {Call[]} calls for a title that came before the first turn, which is theirs */
  const early = [];
  const main = (/** @type {TreeNode} */ node) => !node.side && (!node.agent || !starts.get(node.agent));
  /** @param {TreeNode} node @returns {Told|undefined} of the node that started its agent */
  const started = (node) => {
    for (let deep = 0; deep < 50; deep++) {
      const start = nodes.get(starts.get(node.agent) ?? "");
      if (!start) return undefined;
      if (at.has(start.id)) return at.get(start.id);
      node = start;
    }
    return undefined;
  };
  for (const node of kept(tree, branch)) {
    const own = node.attempts.flatMap((id) => byId.get(id) ?? []);
    if (!own.length) continue;
    let turn = main(node) ? found.at(-1) : (started(node) ?? found.at(-1));
    if (!turn && node.side) {
      early.push(...own);
      continue;
    }
    if (!turn || (main(node) && turn.number !== node.turn)) {
      turn = { key: node.id, number: node.turn, calls: early.splice(0), spoken: [], asked: [], sums: sums([]) };
      found.push(turn);
    }
    at.set(node.id, turn);
    turn.calls.push(...own);
    if (!main(node)) continue;
    turn.spoken.push(node.call_id);
    turn.asked.push(node.attempts[0]);
  }
  if (early.length) found.push({ key: early[0].id, number: 0, calls: early, spoken: [], asked: [], sums: sums([]) });
  for (const turn of found) turn.sums = sums(turn.calls, 1);
  return found;
}

/**
 * @param {Call[]} calls
 * @param {number} [turns]
 * @returns {Sums}
 */
export function sums(calls, turns = 0) {
  const add = (/** @type {"input_tokens"|"cached_tokens"|"output_tokens"|"reasoning_tokens"|"cost"|"duration_ms"} */ name) => calls.reduce((sum, call) => sum + (call[name] ?? 0), 0);
  const has = (/** @type {"cost"|"duration_ms"} */ name) => calls.some((call) => (call[name] ?? null) !== null);
  const first = calls.map((call) => call.ttft_ms ?? null).filter((ms) => ms !== null).sort((a, b) => a - b);
  return {
    turns,
    calls: calls.length,
    errors: calls.filter(({ status }) => mood(status) === "errors").length,
    input: add("input_tokens"),
    cached: add("cached_tokens"),
    output: add("output_tokens"),
    reasoning: add("reasoning_tokens"),
    cost: has("cost") ? add("cost") : null,
    unpriced: calls.filter(({ cost, status }) => (cost ?? null) === null && status !== "live").length,
    ms: has("duration_ms") ? add("duration_ms") : null,
    ttft: first.length ? first[Math.floor(first.length / 2)] : null,
    models: [...new Set(calls.map(({ model }) => model))],
  };
}
