import { ensureAction, findActionsOn, operation, startAction, stopAction } from "./action-table.js";
import { activeNodes } from "../assignment/availability.js";
import { abortDangling, addMigration, canMigrate } from "./migration.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { rank } from "../roles.js";
import { addRecurring } from "./recurring.js";
import type { Role } from "../types.js";
import { orderAfterAdmission } from "../fencing-and-shutdown/unfencing.js";
import { Act, clear, operationKey, Ord, orderTasks, set } from "./work-action.js";

/** The next role on the way from one to another. */
const WAY: Readonly<Record<Role, Readonly<Record<Role, Role>>>> = {
  Unknown: { Unknown: "Unknown", Stopped: "Stopped", Started: "Stopped", Unpromoted: "Stopped", Promoted: "Stopped" },
  Stopped: {
    Unknown: "Stopped",
    Stopped: "Stopped",
    Started: "Started",
    Unpromoted: "Unpromoted",
    Promoted: "Unpromoted",
  },
  Started: {
    Unknown: "Stopped",
    Stopped: "Stopped",
    Started: "Started",
    Unpromoted: "Unpromoted",
    Promoted: "Promoted",
  },
  Unpromoted: {
    Unknown: "Stopped",
    Stopped: "Stopped",
    Started: "Stopped",
    Unpromoted: "Unpromoted",
    Promoted: "Promoted",
  },
  Promoted: {
    Unknown: "Unpromoted",
    Stopped: "Unpromoted",
    Started: "Unpromoted",
    Unpromoted: "Unpromoted",
    Promoted: "Promoted",
  },
};

type Step = (state: ClusterState, resource: Resource, node: Node | undefined, optional: boolean) => void;

function stepBetween(from: Role, to: Role): Step | undefined {
  if (to === "Stopped") return from === "Promoted" ? demote : from === "Stopped" ? undefined : stop;
  if (from === "Stopped") return start;
  if (from === "Promoted" && to !== "Promoted") return demote;
  if (to === "Promoted" && from !== "Promoted") return promote;
  return from === "Unpromoted" && to === "Started" ? stop : undefined;
}

/** The actions one primitive needs to get from where and what it is to where and what it shall be. */
export function addPrimitiveActions(state: ClusterState, resource: Resource): void {
  if (resource.nextRole === "Unknown") resource.nextRole = resource.assignedTo === undefined ? "Stopped" : "Started";
  const { node: current, all, clean } = activeNodes(resource);
  for (const node of resource.danglingMigrations) abortDangling(state, resource, node);
  const target = resource.assignedTo;
  const moves =
    current !== undefined && target !== undefined && current !== target && rank(resource.nextRole) >= rank("Started");
  let migrates = moves && canMigrate(state, resource, current);
  let mustStop = moves;
  const continues =
    migrates &&
    resource.partialMigrationSource !== undefined &&
    resource.partialMigrationTarget !== undefined &&
    all === 2 &&
    current === resource.partialMigrationSource &&
    target === resource.partialMigrationTarget;
  let multiple = false;
  if (continues) multiple = false;
  else if (resource.partialMigrationSource !== undefined || resource.partialMigrationTarget !== undefined) {
    mustStop = true;
    migrates = false;
    resource.partialMigrationSource = undefined;
    resource.partialMigrationTarget = undefined;
  } else {
    const fenced = resource.requires === "fencing" || resource.requires === "unfencing";
    multiple = (fenced ? all : clean) > 1;
  }
  if (multiple && (resource.recovery === "stop_start" || resource.recovery === "stop_unexpected")) mustStop = true;
  resource.stopsUnexpected = multiple && resource.recovery === "stop_unexpected";
  if (resource.startPending) {
    const begun = startAction(state, resource, target, true);
    set(begun, Act.shown);
  }
  let mustPromote = false;
  if (moves) mustPromote = false;
  else if (resource.failed) {
    if (resource.mustStop) mustStop = true;
    else if (resource.nextRole === "Promoted") mustPromote = true;
  } else if (resource.blocked) mustStop = true;
  else if (rank(resource.role) > rank("Started") && current !== undefined && target !== undefined) {
    if ((startAction(state, resource, target, true).flags & Act.optional) === 0) mustStop = true;
  }
  restart(state, resource, mustStop, mustPromote);
  go(state, resource);
  addRecurring(state, resource);
  if (migrates && current !== undefined) addMigration(state, resource, current);
}

/** Down to a stop and up again to the same role; required only if it has to be. */
function restart(state: ClusterState, resource: Resource, mustStop: boolean, mustPromote: boolean): void {
  resource.restarting = true;
  let role = resource.role;
  while (role !== "Stopped") {
    const next = WAY[role].Stopped;
    const step = role === "Unknown" ? stop : stepBetween(role, next);
    if (step === undefined) break;
    step(state, resource, undefined, !mustStop);
    role = next;
  }
  while (rank(resource.role) <= rank(resource.nextRole) && role !== resource.role && !resource.blocked) {
    const next = WAY[role][resource.role];
    const step = stepBetween(role, next);
    if (step === undefined) break;
    step(state, resource, resource.assignedTo, !(mustStop || (next === "Promoted" && mustPromote)));
    role = next;
  }
  resource.restarting = false;
}

function go(state: ClusterState, resource: Resource): void {
  let { role } = resource;
  while (role !== resource.nextRole) {
    const next = WAY[role][resource.nextRole];
    const step = role === "Unknown" ? stop : stepBetween(role, next);
    step?.(state, resource, resource.assignedTo, false);
    if (next === role) break;
    role = next;
  }
}

/** Where it is expected to be, when only unexpected copies are stopped. */
function staysThere(resource: Resource, node: Node | undefined): boolean {
  return (
    resource.stopsUnexpected &&
    rank(resource.nextRole) > rank("Stopped") &&
    node !== undefined &&
    resource.assignedTo === node
  );
}

function stop(state: ClusterState, resource: Resource, _node: Node | undefined, optional: boolean): void {
  for (const node of resource.runningOn) {
    if (staysThere(resource, node)) continue;
    let needless = optional;
    if (resource.partialMigrationTarget !== undefined) {
      const stays = node === resource.partialMigrationTarget && resource.assignedTo === resource.partialMigrationTarget;
      if (stays) continue;
      needless = false;
    }
    const action = stopAction(state, resource, node, needless);
    if (resource.assignedTo === undefined) action.reason ??= "node availability";
    if (!resource.managed) clear(action, Act.runnable);
    if (state.options.removeAfterStop) addCleanup(state, resource, node, needless);
  }
}

function start(state: ClusterState, resource: Resource, node: Node | undefined, optional: boolean): void {
  const action = startAction(state, resource, node, true);
  if (node !== undefined) orderAfterAdmission(state, resource, node, action, Ord.firstNeedsThen);
  if ((action.flags & Act.runnable) !== 0 && !optional) clear(action, Act.optional);
  if (staysThere(resource, node)) set(action, Act.pseudo);
}

function promote(state: ClusterState, resource: Resource, node: Node | undefined, optional: boolean): void {
  const starts = node === undefined ? [] : findActionsOn(resource, operationKey(resource.id, "start", 0), node);
  if (starts.every((each) => (each.flags & Act.runnable) !== 0)) {
    const action = operation(state, resource, "promote", node, optional);
    if (staysThere(resource, node)) set(action, Act.pseudo);
    return;
  }
  for (const each of resource.actions) if (each.task === "promote" && each.node === node) clear(each, Act.runnable);
}

function demote(state: ClusterState, resource: Resource, _node: Node | undefined, optional: boolean): void {
  for (const node of resource.runningOn) {
    if (!staysThere(resource, node)) operation(state, resource, "demote", node, optional);
  }
}

/** Forgets a resource's history on a node. */
export function addCleanup(state: ClusterState, resource: Resource, node: Node, optional: boolean): void {
  if (resource.failed || node.unclean || !node.online) return;
  ensureAction(state, { resource, key: operationKey(resource.id, "delete", 0), task: "delete", node, optional });
  // Asked for after every stop, it goes with the stop; else it only has to come in between.
  const flags = optional ? Ord.firstNeedsThen : Ord.optional;
  orderTasks(state, resource, "stop", resource, "delete", flags);
  orderTasks(state, resource, "delete", resource, "start", flags);
}
