import { DEFAULT_TIMEOUT_MS, operationSettings } from "../configuration/operation-config.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { rank } from "../roles.js";
import { fenceNode } from "../fencing-and-shutdown/fencing.js";
import { Act, clear, has, operationKey, parseKey, set, type WorkAction } from "./work-action.js";

interface ActionRequest {
  readonly resource?: Resource | undefined;
  readonly key: string;
  readonly task: string;
  readonly node?: Node | undefined;
  readonly optional: boolean;
}

/**
 * The action with this key (on this node), made if there is none. Asked for as required, it is required from then on;
 * whether it can be run is decided anew each time.
 */
export function ensureAction(state: ClusterState, request: ActionRequest): WorkAction {
  const { resource, optional } = request;
  const action = findExisting(state, request) ?? makeAction(state, request);
  if (resource === undefined) {
    if (!optional) clear(action, Act.optional);
    return action;
  }
  const unmanaged =
    action.node !== undefined && !has(action, Act.pseudo) && !resource.managed && !action.meta.has("interval");
  // An action for an unmanaged resource is never required, except for what only watches.
  if (unmanaged) set(action, Act.optional);
  else if (!optional) clear(action, Act.optional);
  updateRunnable(state, action, resource);
  if (action.task === "stop") resource.restarting = true;
  return action;
}

function findExisting(state: ClusterState, { resource, key, node }: ActionRequest): WorkAction | undefined {
  if (resource === undefined) return state.actionsByKey.get(key)?.find((action) => action.resource === undefined);
  return findActions(resource, key, node)[0];
}

/** Actions of the resource with that key; one without a node is taken to be for the asked one. Newest first. */
export function findActions(resource: Resource, key: string, node?: Node): readonly WorkAction[] {
  const found: WorkAction[] = [];
  for (let i = resource.actions.length - 1; i >= 0; i--) {
    const action = resource.actions[i];
    if (action?.key !== key) continue;
    if (node === undefined || action.node === node) found.push(action);
    else if (action.node === undefined) {
      action.node = node;
      found.push(action);
    }
  }
  return found;
}

/** Actions of the resource with that key on exactly that node. */
export function findActionsOn(resource: Resource, key: string, node: Node): readonly WorkAction[] {
  return resource.actions.filter((action) => action.key === key && action.node === node).reverse();
}

/** The newest action with that task (and key, and node, where given). */
export function findFirst(
  resource: Resource,
  { key, task, node }: { key?: string | undefined; task?: string | undefined; node?: Node | undefined },
): WorkAction | undefined {
  for (let i = resource.actions.length - 1; i >= 0; i--) {
    const action = resource.actions[i];
    if (action === undefined) continue;
    if (key !== undefined && action.key !== key) continue;
    if (task !== undefined && action.task !== task) continue;
    if (node === undefined || action.node === node) return action;
  }
  return undefined;
}

/** Carried out even where the node is not there. */
const BY_CONTROLLER = ["delete", "lrm_delete"];

function makeAction(state: ClusterState, { resource, key, task, node, optional }: ActionRequest): WorkAction {
  const intervalMs = parseKey(key)?.intervalMs ?? 0;
  const settings = resource === undefined ? undefined : operationSettings(state, resource, task, intervalMs);
  const action: WorkAction = {
    id: state.actions.length + 1,
    resource,
    node,
    task,
    key,
    flags: Act.runnable | (optional ? Act.optional : 0) | (BY_CONTROLLER.includes(task) ? Act.byController : 0),
    priority: 0,
    meta: settings?.meta ?? new Map<string, string>(),
    params: new Map(),
    intervalMs: settings === undefined ? 0 : intervalMs,
    timeoutMs: settings?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    startDelayMs: settings?.startDelayMs ?? 0,
    needs: settings?.needs ?? "nothing",
    onFail: settings?.onFail ?? "restart",
    failRole: settings?.failRole ?? "Started",
    before: [],
    after: [],
    reason: undefined,
    runnableBefore: 0,
    requiredRunnableBefore: 0,
    cancelTask: undefined,
    taskLabel: undefined,
  };
  state.actions.push(action);
  const sameKey = state.actionsByKey.get(key);
  if (sameKey === undefined) state.actionsByKey.set(key, [action]);
  else sameKey.push(action);
  resource?.actions.push(action);
  return action;
}

function updateRunnable(state: ClusterState, action: WorkAction, resource: Resource): void {
  if (has(action, Act.pseudo)) return;
  const { node } = action;
  if (node === undefined) {
    clear(action, Act.runnable);
    return;
  }
  if (!has(action, Act.byController) && !node.online) {
    clear(action, Act.runnable);
    if (resource.managed && action.task === "stop" && !node.unclean) {
      fenceNode(state, node, `${resource.id} cannot be stopped there`, false);
    }
    return;
  }
  if (!has(action, Act.byController) && node.pending) {
    clear(action, Act.runnable);
    return;
  }
  if (action.needs === "nothing") {
    set(action, Act.runnable);
    return;
  }
  switch (effectiveQuorumPolicy(state, resource)) {
    case "stop":
    case "suicide":
    case "demote": {
      clear(action, Act.runnable);
      return;
    }
    case "freeze":
      if (!isActive(resource, true) || rank(resource.nextRole) > rank(resource.role)) {
        clear(action, Act.runnable);
        return;
      }
      {
        set(action, Act.runnable);
        return;
      }
    case "ignore": {
      set(action, Act.runnable);
      return;
    }
  }
}

function effectiveQuorumPolicy(state: ClusterState, resource: Resource): ClusterState["options"]["quorumPolicy"] {
  const policy = state.options.quorumPolicy;
  if (state.haveQuorum) return "ignore";
  if (policy !== "demote") return policy;
  if (resource.role !== "Promoted" && resource.role !== "Unpromoted") return "stop";
  if (rank(resource.nextRole) > rank("Unpromoted")) resource.nextRole = "Unpromoted";
  return "ignore";
}

/** Whether the resource runs somewhere; `all`: each primitive of it. On unclean nodes nothing counts as active. */
export function isActive(resource: Resource, all: boolean): boolean {
  if (resource.children.length > 0) {
    const children = resource.children;
    if (resource.variant === "clone") {
      return (
        children.some((child) => isActive(child, all)) && (!all || children.every((child) => isActive(child, all)))
      );
    }
    return all ? children.every((child) => isActive(child, all)) : children.some((child) => isActive(child, all));
  }
  for (const node of resource.runningOn) {
    if (node.unclean) return true;
    if (!node.online && resource.managed) continue;
    return true;
  }
  return false;
}

export function startAction(
  state: ClusterState,
  resource: Resource,
  node: Node | undefined,
  optional: boolean,
): WorkAction {
  return operation(state, resource, "start", node, optional);
}

export function stopAction(
  state: ClusterState,
  resource: Resource,
  node: Node | undefined,
  optional: boolean,
): WorkAction {
  return operation(state, resource, "stop", node, optional);
}

export function operation(
  state: ClusterState,
  resource: Resource,
  task: string,
  node: Node | undefined,
  optional: boolean,
): WorkAction {
  return ensureAction(state, { resource, key: operationKey(resource.id, task, 0), task, node, optional });
}

/** A point in time of a resource: no agent is run. */
export function pseudoAction(
  state: ClusterState,
  resource: Resource,
  task: string,
  { optional, runnable }: { optional: boolean; runnable: boolean },
): WorkAction {
  const action = ensureAction(state, {
    resource,
    key: operationKey(resource.id, task, 0),
    task,
    node: undefined,
    optional,
  });
  set(action, Act.pseudo);
  if (runnable) set(action, Act.runnable);
  return action;
}

/** Forgets a resource's failures on a node. */
export function clearFailcount(state: ClusterState, resource: Resource, node: Node): WorkAction {
  const action = ensureAction(state, {
    resource,
    key: operationKey(resource.id, "clear_failcount", 0),
    task: "clear_failcount",
    node,
    optional: false,
  });
  action.meta.set("op_no_wait", "true");
  return action;
}

/** Deletes what a node's history says of a resource, whether or not the node is there. */
export function clearHistory(state: ClusterState, resource: Resource, node: Node): WorkAction {
  return operation(state, resource, "lrm_delete", node, false);
}
