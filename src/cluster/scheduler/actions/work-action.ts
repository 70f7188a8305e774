import type { ClusterState, Node, Ordering, OrderEnd, Resource } from "../model.js";
import type { Role } from "../types.js";

/** What an action is and may be; see `Ord` for how orderings change it. */
export const Act = {
  /** No agent is run: a point in time, or something fencing has done already. */
  pseudo: 1,
  runnable: 2,
  /** Not needed; it is not in the transition unless somebody makes it required. */
  optional: 4,
  /** In the transition even if optional. */
  shown: 8,
  /** Fencing its node is as good as having done it. */
  doneByFencing: 0x10,
  /** May stay runnable while its resource migrates. */
  migratable: 0x20,
  /** Has its place in the transition. */
  inGraph: 0x40,
  /** A recurring operation that runs already, and has to be begun anew. */
  beginAnew: 0x80,
  /** Runnable if enough of its predecessors are. */
  needsAnyBefore: 0x100,
  /** The stop that ends a live migration at its source. */
  partOfMigration: 0x200,
  /** On the way of a search for loops. */
  tracking: 0x400,
  /** Carried out by the cluster's controller, not by the node it is about. */
  byController: 0x800,
} as const;

/** What an ordering asks for besides the order itself. `first` precedes `then`. */
export const Ord = {
  none: 0,
  /** Only if both happen. */
  optional: 0x1,
  /** Only if `first` does not become a live migration. */
  unlessFirstMigrates: 0x2,
  /** If `then` is required, so is `first`. */
  thenNeedsFirst: 0x10,
  /** If `first` is required, so is `then`. */
  firstNeedsThen: 0x20,
  /** If `then` is required and its resource is promoted, `first` is required. */
  promotedThenNeedsFirst: 0x40,
  /** If `then` is required, so is `first`, unless both may migrate. */
  thenNeedsFirstOrMigrates: 0x80,
  /** `then` is only runnable if `first` is. */
  blocksThen: 0x100,
  /** `then` may only stay a pseudo action while `first` is runnable. */
  pseudoWhileFirst: 0x200,
  /** As firstNeedsThen, for members of `then` on the node of `first` only. */
  firstNeedsThenOnNode: 0x400,
  /** As blocksThen, unless the resource of `first` is running and about to stop. */
  afterProbe: 0x800,
  /** `then` is runnable if `first` is optional or runnable. */
  inRestart: 0x1000,
  /** In any order, but not at once. */
  oneAtATime: 0x4000,
  /** Only if both are on the same node. */
  onSameNode: 0x8000,
  /** If `then` is required, `first` is shown. */
  thenShowsFirst: 0x10000,
  /** If `first` is required, `then` is shown. */
  firstShowsThen: 0x20000,
  /** `then` waits only for a `first` that is in this transition. */
  oneWay: 0x100000,
  /** `first` makes room for `then` on a node. */
  makesRoom: 0x200000,
  /** One of several of which only some have to be runnable. */
  anyOf: 0x400000,
  /** They must not be on one node at the same time. */
  apart: 0x800000,
  /** Kept even where it would not be needed. */
  keep: 0x1000000,
  /** If `then` is required, `first` is not. */
  thenDropsFirst: 0x2000000,
} as const;

export type OnFail =
  | "ignore"
  | "demote"
  | "restart"
  | "reset-remote"
  | "restart-container"
  | "migrate"
  | "block"
  | "stop"
  | "standby"
  | "fence";

export interface Link {
  readonly action: WorkAction;
  flags: number;
  state: "notTested" | "passed" | "dropped";
}

export interface WorkAction {
  readonly id: number;
  readonly resource: Resource | undefined;
  node: Node | undefined;
  readonly task: string;
  /** The operation's key, as it is recorded in the history. */
  key: string;
  flags: number;
  priority: number;
  readonly meta: Map<string, string>;
  params: ReadonlyMap<string, string>;
  readonly intervalMs: number;
  timeoutMs: number;
  startDelayMs: number;
  needs: "nothing" | "quorum" | "fencing";
  onFail: OnFail;
  failRole: Role;
  before: Link[];
  after: Link[];
  reason: string | undefined;
  /** Predecessors that are runnable, of those of which only some have to be. */
  runnableBefore: number;
  requiredRunnableBefore: number;
  /** What `cancel` ends. */
  cancelTask: string | undefined;
  /** Named so in the graph, when another than the key. */
  taskLabel: string | undefined;
}

export function has(action: WorkAction, flag: number): boolean {
  return (action.flags & flag) === flag;
}

export function set(action: WorkAction, flag: number): void {
  action.flags |= flag;
}

export function clear(action: WorkAction, flag: number): void {
  action.flags &= ~flag;
}

export function operationKey(resource: string, task: string, intervalMs: number): string {
  return `${resource}_${task}_${intervalMs}`;
}

/** The task and the interval of an operation's key. */
export function parseKey(key: string): { resource: string; task: string; intervalMs: number } | undefined {
  const match = /^(.*)_(\d+)$/.exec(key);
  if (match === null) return undefined;
  const rest = match[1] ?? "";
  const known =
    /^(.*?)_((?:pre|post)_notify_\w+|confirmed-(?:pre|post)_notify_\w+|migrate_to|migrate_from|clear_failcount|lrm_delete)$/.exec(
      rest,
    );
  const [resource, task] =
    known === null
      ? [rest.slice(0, rest.lastIndexOf("_")), rest.slice(rest.lastIndexOf("_") + 1)]
      : [known[1], known[2]];
  return { resource: resource ?? "", task: task ?? "", intervalMs: Number(match[2]) };
}

/** Adds an ordering to be applied when all actions are known. */
export function addOrdering(
  state: ClusterState,
  first: Partial<OrderEnd>,
  then: Partial<OrderEnd>,
  flags: number,
  node?: Node,
): void {
  const ordering: Ordering = { id: state.orderings.length, first: end(first), then: end(then), flags, node };
  state.orderings.push(ordering);
}

function end(given: Partial<OrderEnd>): OrderEnd {
  return {
    resource: given.resource ?? given.action?.resource,
    key: given.key,
    action: given.action,
  };
}

/** Orders two resources' operations, by task. */
export function orderTasks(
  state: ClusterState,
  first: Resource,
  firstTask: string,
  then: Resource,
  thenTask: string,
  flags: number,
): void {
  addOrdering(
    state,
    { resource: first, key: operationKey(first.id, firstTask, 0) },
    { resource: then, key: operationKey(then.id, thenTask, 0) },
    flags,
  );
}

/**
 * Orders two actions at once. A second order of the same pair adds its flags to the first.
 * @returns whether something changed
 */
export function orderActions(first: WorkAction | undefined, then: WorkAction | undefined, flags: number): boolean {
  if (flags === Ord.none || first === undefined || then === undefined || first === then) return false;
  if (first.after.some((link) => link.action === then && (link.flags & flags) !== 0)) return false;
  first.after.push({ action: then, flags, state: "notTested" });
  then.before.push({ action: first, flags, state: "notTested" });
  return true;
}
