import { ensureAction, findActionsOn, startAction } from "./action-table.js";
import type { ClusterState, Node, Operation, Resource } from "../model.js";
import type { Role } from "../types.js";
import { Act, addOrdering, clear, has, operationKey, Ord, type WorkAction } from "./work-action.js";

/** Recurring monitors: those of the role it will have where it will be, those for stopped resources elsewhere. */
export function addRecurring(state: ClusterState, resource: Resource): void {
  if (resource.blocked || resource.maintenance) return;
  const node = resource.assignedTo;
  const active = node !== undefined && !node.maintenance && (resource.nextRole !== "Stopped" || !resource.managed);
  for (const operation of resource.operations) {
    const { name, intervalMs } = operation;
    if (!operation.enabled || intervalMs === 0 || isOnce(name)) continue;
    // Of two with the same name and interval nobody can say which is meant: neither is run.
    const same = resource.operations.filter((each) => each.name === name && each.intervalMs === intervalMs);
    if (same.length > 1) {
      state.warnings.add(
        `${resource.id} has more than one ${name} operation every ${intervalMs / 1000} s: none is run`,
      );
      continue;
    }
    const key = operationKey(resource.id, name, intervalMs);
    if (operation.role !== "Stopped") {
      if (active) addActive(state, resource, node, operation, key);
    } else if (resource.unique) addInactive(state, resource, node, operation, key);
  }
}

function isOnce(task: string): boolean {
  return ["start", "stop", "promote", "demote", "notify", "migrate_to", "migrate_from", "reload-agent"].includes(task);
}

/** A monitor without a role is for all roles but the promoted one, which needs a monitor of its own. */
function isForRole(role: Role | undefined, next: Role): boolean {
  return role === undefined ? next !== "Promoted" : role === next;
}

function addActive(
  state: ClusterState,
  resource: Resource,
  node: Node,
  { name, intervalMs, role }: Operation,
  key: string,
): void {
  const begin = startAction(state, resource, node, true);
  const running = findActionsOn(resource, key, node);
  const again = running.some((each) => has(each, Act.beginAnew));
  const optional = running.length > 0 && !again && has(begin, Act.optional);
  if (!isForRole(role, resource.nextRole)) {
    // What is started anew has lost its monitors already.
    if (optional) cancelForRole(state, resource, node, name, intervalMs);
    return;
  }
  const monitor = ensureAction(state, { resource, key, task: name, node, optional });
  if (!has(begin, Act.runnable) || !node.online || node.unclean) clear(monitor, Act.runnable);
  if (resource.nextRole === "Promoted") monitor.meta.set("op_target_rc", "8");
  if (!resource.managed) return;
  const flags = Ord.firstNeedsThen | Ord.blocksThen;
  addOrdering(
    state,
    { resource, key: operationKey(resource.id, "start", 0) },
    { action: monitor, resource: undefined },
    flags,
  );
  addOrdering(state, { resource, key: operationKey(resource.id, "reload-agent", 0) }, { action: monitor }, flags);
  const change = resource.nextRole === "Promoted" ? "promote" : resource.role === "Promoted" ? "demote" : undefined;
  if (change !== undefined) {
    addOrdering(
      state,
      { resource, key: operationKey(resource.id, change, 0) },
      { action: monitor },
      Ord.optional | Ord.blocksThen,
    );
  }
}

/** Ends a recurring operation. */
export function cancelAction(
  state: ClusterState,
  resource: Resource,
  task: string,
  intervalMs: number,
  node: Node,
): WorkAction {
  const key = operationKey(resource.id, task, intervalMs);
  const known = resource.actions.find((each) => each.key === key && each.task === "cancel" && each.node === node);
  if (known !== undefined) return known;
  // The operation itself may be known under the same key; ending it is another action.
  const action = ensureAction(state, { resource, key: `${key} cancel`, task: "cancel", node, optional: false });
  // Even what is unmanaged is no longer watched when that is not asked for.
  clear(action, Act.optional);
  action.key = key;
  // Watching, and ceasing to watch, is done even where nothing else is managed.
  clear(action, Act.optional);
  action.cancelTask = task;
  action.meta.set("interval", String(intervalMs));
  action.meta.set("operation", task);
  return action;
}

/** A monitor of another role ends before the role changes. */
function cancelForRole(state: ClusterState, resource: Resource, node: Node, task: string, intervalMs: number): void {
  const cancel = cancelAction(state, resource, task, intervalMs, node);
  const change =
    resource.role === "Promoted"
      ? "demote"
      : resource.nextRole === "Promoted"
        ? "promote"
        : resource.nextRole === "Stopped"
          ? "stop"
          : undefined;
  if (change === undefined) return;
  addOrdering(state, { action: cancel }, { resource, key: operationKey(resource.id, change, 0) }, Ord.blocksThen);
}

function addInactive(
  state: ClusterState,
  resource: Resource,
  home: Node | undefined,
  { name, intervalMs }: Operation,
  key: string,
): void {
  if (home !== undefined && findActionsOn(resource, key, home).length > 0) {
    const cancel = cancelAction(state, resource, name, intervalMs, home);
    if (resource.nextRole === "Started" || resource.nextRole === "Unpromoted") {
      addOrdering(state, { action: cancel }, { resource, key: operationKey(resource.id, "start", 0) }, Ord.blocksThen);
    }
  }
  for (const node of state.nodes) {
    if (node === home) continue;
    let optional = findActionsOn(resource, key, node).length > 0;
    const monitor = ensureAction(state, { resource, key, task: name, node, optional });
    monitor.meta.set("op_target_rc", "7");
    const probes = findActionsOn(resource, operationKey(resource.id, "monitor", 0), node);
    const stops = findActionsOn(resource, operationKey(resource.id, "stop", 0), node);
    for (const before of [...probes, ...stops]) {
      if (!has(before, Act.optional)) optional = false;
      if (!has(before, Act.runnable)) clear(monitor, Act.runnable);
      const flags = stops.includes(before) ? Ord.firstNeedsThen | Ord.blocksThen : Ord.blocksThen;
      if (resource.managed) addOrdering(state, { action: before }, { action: monitor }, flags);
    }
    if (!optional) clear(monitor, Act.optional);
    if (!node.online || node.unclean) clear(monitor, Act.runnable);
  }
}
