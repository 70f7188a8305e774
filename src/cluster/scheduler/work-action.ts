import type { ClusterState, Node, Ordering, OrderEnd, Resource } from "./model.js";
import type { Role } from "./types.js";

/** What an action is and may be; see `Ord` for how orderings change it. */
export const Act = {
  /** No agent is run: a point in time, or something fencing has done already. */
  pseudo: 1,
  runnable: 2,
  /** Not needed; it is not in the transition unless somebody makes it required. */
  optional: 4,
  /** In the transition even if optional. */
  printAlways: 8,
  impliedByFencing: 0x10,
  /** May stay runnable while its resource migrates. */
  migratable: 0x20,
  dumped: 0x40,
  /** A probe or reload decision may withdraw it. */
  reschedule: 0x80,
  /** Runnable if any of its one-or-more predecessors is. */
  requiresAny: 0x100,
  /** The clone-min of the predecessor applies. */
  dangling: 0x200,
  tracking: 0x400,
  onDc: 0x800,
} as const;

/** What an ordering asks for besides the order itself. `first` precedes `then`. */
export const Ord = {
  none: 0,
  /** Only if both happen. */
  optional: 0x1,
  applyFirstNonMigratable: 0x2,
  /** If `then` is required, so is `first`. */
  impliesFirst: 0x10,
  /** If `first` is required, so is `then`. */
  impliesThen: 0x20,
  /** If `then` is required and its resource is promoted, `first` is required. */
  promotedImpliesFirst: 0x40,
  impliesFirstMigratable: 0x80,
  /** `then` is only runnable if `first` is. */
  runnableLeft: 0x100,
  /** `then` may only stay a pseudo action while `first` is runnable. */
  pseudoLeft: 0x200,
  impliesThenOnNode: 0x400,
  /** As runnableLeft, unless the resource of `first` is running and about to stop. */
  probe: 0x800,
  /** `then` is runnable if `first` is optional or runnable. */
  restart: 0x1000,
  serializeOnly: 0x4000,
  sameNode: 0x8000,
  impliesFirstPrinted: 0x10000,
  impliesThenPrinted: 0x20000,
  asymmetrical: 0x100000,
  load: 0x200000,
  oneOrMore: 0x400000,
  antiColocation: 0x800000,
  preserve: 0x1000000,
  thenCancelsFirst: 0x2000000,
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
  /** The operation's key; Pacemaker calls it uuid. */
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
    /^(.*?)_((?:pre|post)_notify_\w+|confirmed-(?:pre|post)_notify_\w+|migrate_to|migrate_from|clear_failcount)$/.exec(
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
