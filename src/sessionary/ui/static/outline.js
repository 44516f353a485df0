// A session as it is read: its requests in order of time, and folded under each what belongs to it: other attempts,
// the agents that it started, calls for a title. Pure; what goes on from what, the server's tree has found.

/** @typedef {import("./types.js").Added} Added */
/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Spot} Spot */
/** @typedef {import("./types.js").Fold} Fold */
/** @typedef {import("./types.js").Tree} Tree */
/** @typedef {import("./types.js").TreeNode} TreeNode */

/** Folds within folds; agents that are started deeper are shown beside the others. */
const DEEP = 12;

/**
 * @param {Added[]} calls
 * @param {Tree} tree
 * @returns {Item[]} everything, with what is folded after its fold
 */
export function outline(calls, tree) {
  return new Outline(calls, tree).items;
}

/**
 * What is to be seen.
 * @param {Item[]} items
 * @param {Set<string>} open keys of folds
 */
export function visible(items, open) {
  return items.filter((item) => item.folds.every((key) => open.has(key)));
}

/**
 * Without a tree: one call after the other.
 * @param {Added[]} calls
 * @returns {Spot[]}
 */
export function flat(calls) {
  return calls.map((_, index) => ({ kind: "call", index, first: index, folds: [], agent: "", nth: 1, tried: 1, attempt: null, side: false, format: false, after: null, begins: false, branch: "" }));
}

class Outline {
  /**
   * @param {Added[]} calls
   * @param {Tree} tree
   */
  constructor(calls, tree) {
    this.calls = calls;
    /** @type {Item[]} */
    this.items = [];
    this.at = new Map(calls.map(({ call }, index) => [call.id, index]));
    /** @type {Map<string, TreeNode>} */
    this.nodes = new Map();
    /** @type {Set<string>} */
    this.done = new Set();
    const nodes = this.known(tree);
    for (const node of nodes) this.nodes.set(node.id, node);
    this.forks = new Map(tree.branches.flatMap(({ id, fork, fork_call }) => (fork ? [[id, { fork, call: fork_call ?? fork }]] : [])));
    /** @type {Map<string, import("./types.js").TreeAgent[]>} by the node that started them */
    this.started = new Map();
    /** @type {Map<string, TreeNode[]>} */
    this.of = new Map();
    for (const agent of tree.agents) {
      const from = agent.node ? this.nodes.get(agent.node) : undefined;
      if (!from || from.agent === agent.id) continue;
      this.started.set(from.id, [...(this.started.get(from.id) ?? []), agent]);
      this.of.set(agent.id, []);
    }
    for (const node of nodes) this.of.get(node.agent)?.push(node);
    this.list(nodes.filter((node) => !this.of.has(node.agent)), []);
    this.list(nodes, []); // of agents that started each other, or too deep
  }

  /**
   * The tree's nodes, and a node for each call that came since it was asked for.
   * @param {Tree} tree
   * @returns {TreeNode[]}
   */
  known({ nodes }) {
    const mine = nodes.filter((node) => this.at.has(node.call_id));
    const told = new Set(mine.flatMap((node) => node.attempts));
    const since = this.calls.filter(({ call }) => !told.has(call.id)).map(({ call }) => call);
    return [...mine, ...since.map(({ id, agent, side, turn }) => ({ id, call_id: id, attempts: [id], parent: null, branch: null, agent: agent ?? "", side: Boolean(side), turn }))];
  }

  /**
   * @param {TreeNode[]} nodes of one agent, or of the session
   * @param {string[]} folds
   */
  list(nodes, folds) {
    /** @type {Map<string, TreeNode>} by agent: agents that nobody is known to have started speak between the others */
    const last = new Map();
    const turns = new Map();
    /** @type {Fold|null} */
    let beside = null;
    for (const node of nodes) {
      if (this.done.has(node.id)) continue;
      if (node.side) {
        beside ??= this.fold("side", `side ${node.id}`, folds);
        this.put(node, [...folds, beside.key], { nth: 1 });
        beside.calls.push(...this.indices(node));
        continue;
      }
      beside = null;
      const before = last.get(node.agent);
      const scope = `${node.turn} ${node.agent}`;
      turns.set(scope, (turns.get(scope) ?? 0) + 1);
      this.put(node, folds, { nth: turns.get(scope), before });
      last.set(node.agent, node);
    }
  }

  /**
   * A request, its other attempts, the agents that it started.
   * @param {TreeNode} node
   * @param {string[]} folds
   * @param {{nth: number, before?: TreeNode}} where
   */
  put(node, folds, { nth, before }) {
    this.done.add(node.id);
    const main = this.index(node.call_id);
    const of = this.indices(node);
    const format = Boolean(before) && this.calls[this.index(before?.call_id)].call.endpoint !== this.calls[main].call.endpoint;
    const common = { folds, agent: node.agent, nth, first: of[0] ?? main, tried: of.length, side: node.side, attempt: null, branch: node.branch ?? "" };
    this.items.push({ kind: "call", index: main, ...common, format: format || !before, ...this.origin(node, before) });
    if (of.length > 1) {
      const fold = this.fold("attempts", `attempts ${node.id}`, folds);
      fold.calls = of.filter((index) => index !== main);
      for (const index of fold.calls) {
        const attempt = { nth: of.indexOf(index) + 1, of: of.length };
        this.items.push({ kind: "call", index, ...common, folds: [...folds, fold.key], attempt, format: false, after: null, begins: false });
      }
    }
    for (const agent of folds.length < DEEP ? (this.started.get(node.id) ?? []) : []) {
      const own = this.of.get(agent.id) ?? [];
      if (own.every(({ id }) => this.done.has(id))) continue;
      const fold = this.fold("agent", `agent ${agent.id}`, folds);
      const from = this.items.length;
      fold.agent = agent;
      this.list(own, [...folds, fold.key]);
      fold.calls = this.items.slice(from).flatMap((item) => (item.kind === "call" ? [item.index] : []));
    }
  }

  /**
   * What a reader must be told: the call that this one goes on from, where that is not the one above.
   * @param {TreeNode} node
   * @param {TreeNode|undefined} before
   * @returns {{after: number|null, begins: boolean}}
   */
  origin(node, before) {
    const fork = this.forks.get(node.id);
    const parent = this.nodes.get(fork?.fork ?? node.parent ?? "");
    if (!parent || parent.agent !== node.agent) return { after: null, begins: false };
    const asked = this.calls[this.index(node.call_id)].call.parent_id ?? "";
    const call = parent.attempts.includes(asked) ? asked : (fork?.call ?? parent.call_id);
    const plain = parent === before && call === parent.call_id && !fork;
    return { after: plain ? null : this.index(call), begins: Boolean(fork) };
  }

  /**
   * @param {"attempts"|"agent"|"side"} what
   * @param {string} key
   * @param {string[]} folds
   * @returns {Fold}
   */
  fold(what, key, folds) {
    /** @type {Fold} */
    const fold = { kind: "fold", what, key, folds, calls: [], agent: null };
    this.items.push(fold);
    return fold;
  }

  /** @param {TreeNode} node */
  indices(node) {
    return node.attempts.flatMap((id) => this.at.get(id) ?? []);
  }

  /** @param {string|undefined} id */
  index(id) {
    return this.at.get(id ?? "") ?? 0;
  }
}
