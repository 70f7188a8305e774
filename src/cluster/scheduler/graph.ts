import type { ClusterState } from "./model.js";
import { Act, has, Ord, type Link, type WorkAction } from "./actions/work-action.js";

export interface Graph {
  readonly actions: readonly WorkAction[];
  /** What has to be finished before each action. */
  readonly inputs: ReadonlyMap<WorkAction, readonly WorkAction[]>;
}

/** Last stage: what is required and can be done, with the orders that matter between them. */
export function makeGraph(state: ClusterState): Graph {
  const chosen = state.actions.filter((action) => isInGraph(action) && !watchesNothing(action));
  const inputs = new Map<WorkAction, readonly WorkAction[]>();
  for (const action of chosen) {
    const before = merged(action.before)
      .filter((link) => counts(action, link))
      .map((link) => link.action);
    inputs.set(action, before);
  }
  leaveRoomCircles(chosen, inputs);
  return { actions: chosen, inputs };
}

/** Whether it is carried out. */
export function isInGraph(action: WorkAction): boolean {
  const { resource, node } = action;
  if (!has(action, Act.runnable)) return false;
  if (has(action, Act.optional) && !has(action, Act.shown)) return false;
  if (resource !== undefined && !resource.managed && action.task !== "monitor") {
    if ((action.meta.get("interval") ?? "0") === "0") return false;
  }
  if (has(action, Act.pseudo) || action.task === "stonith" || action.task === "do_shutdown") return true;
  if (node === undefined) return false;
  if (has(action, Act.byController)) return true;
  return node.online && !node.unclean;
}

/**
 * A monitor of what is not there and is not started either would find a failure. Pacemaker has it wait for the start, which
 * never comes, and calls the transition invalid.
 */
function watchesNothing({ task, intervalMs, resource, node, before }: WorkAction): boolean {
  if (task !== "monitor" || intervalMs === 0 || resource === undefined || node === undefined) return false;
  if (resource.runningOn.includes(node)) return false;
  return before.some(({ action, flags }) => {
    const isStart = action.task === "start" && action.resource === resource && action.node === node;
    return isStart && (flags & ~HARMLESS) !== 0 && !isInGraph(action);
  });
}

/** One link to each predecessor, with the flags of all of them. */
function merged(links: readonly Link[]): readonly Link[] {
  const byAction = new Map<WorkAction, Link>();
  for (const link of links) {
    const known = byAction.get(link.action);
    if (known === undefined) byAction.set(link.action, { ...link });
    else known.flags |= link.flags;
  }
  return [...byAction.values()].sort((a, b) => a.action.id - b.action.id);
}

/** Flags that make no difference to whether anything is done. */
const HARMLESS = Ord.thenShowsFirst | Ord.firstShowsThen | Ord.optional;

function counts(action: WorkAction, { action: first, flags }: Link): boolean {
  if (flags === Ord.none) return false;
  if (!has(first, Act.runnable) && (flags & ~HARMLESS) === 0) return false;
  if (!has(first, Act.runnable) && (flags & Ord.anyOf) !== 0) return false;
  const migratable = has(first, Act.migratable);
  if ((flags & Ord.unlessFirstMigrates) !== 0 && migratable) return false;
  if (flags === Ord.optional && migratable && first.key.endsWith("_stop_0")) return false;
  if (flags === Ord.makesRoom) return roomCounts(action, first);
  if (flags === Ord.apart) {
    if (first.node !== undefined && action.node !== undefined && first.node !== action.node) return false;
    if (has(first, Act.optional)) return false;
  }
  const { resource } = first;
  if (resource !== undefined && resource !== action.resource && resource.failed && !resource.managed) {
    if (first.key.endsWith("_stop_0") && action.resource?.variant === "clone") return false;
  }
  return isInGraph(first);
}

/** Room on a node matters for what will be there. */
function roomCounts(action: WorkAction, first: WorkAction): boolean {
  const where = action.task === "migrate_to" ? action.resource?.assignedTo : action.node;
  if (first.node === undefined || where === undefined || first.node !== where) return false;
  if (action.task !== "migrate_to" && has(first, Act.optional)) return false;
  return isInGraph(first);
}

/**
 * Resources that make room for each other would wait for each other for ever: of such a circle, an order that is there for
 * room only is dropped, of the last action first, as crm_simulate is observed to do. Circles that an administrator's orders
 * make stay, as Pacemaker leaves them: what is in them is not begun.
 */
function leaveRoomCircles(actions: readonly WorkAction[], inputs: Map<WorkAction, readonly WorkAction[]>): void {
  for (const action of [...actions].reverse()) {
    for (const first of inputs.get(action) ?? []) {
      if (!isForRoom(action, first) || !comesBefore(action, first, inputs)) continue;
      inputs.set(
        action,
        (inputs.get(action) ?? []).filter((each) => each !== first),
      );
    }
  }
}

function isForRoom(action: WorkAction, first: WorkAction): boolean {
  const links = action.before.filter((link) => link.action === first);
  return links.length > 0 && links.every((link) => link.flags === Ord.makesRoom);
}

/** Whether `then` waits for `first`, over any number of others. */
function comesBefore(
  first: WorkAction,
  then: WorkAction,
  inputs: ReadonlyMap<WorkAction, readonly WorkAction[]>,
): boolean {
  const seen = new Set<WorkAction>([then]);
  for (const each of seen) {
    if (each === first) return true;
    for (const before of inputs.get(each) ?? []) seen.add(before);
  }
  return false;
}
