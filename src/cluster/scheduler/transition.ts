import { cloneMeta } from "./configuration/clone-meta.js";
import { operationParameters } from "./actions/digests.js";
import { parametersOf } from "./configuration/attributes.js";
import { findOperation } from "./configuration/operation-config.js";
import type { Graph } from "./graph.js";
import type { ClusterState, Resource } from "./model.js";
import { baseId, topOf } from "./resource-tree.js";
import { routerOf } from "./transition/router.js";
import type { Action, ActionKind, ActionResource, Order } from "./types.js";
import { Act, has, operationKey, type WorkAction } from "./actions/work-action.js";

/** The public form of a graph. */
export function makeTransition(
  state: ClusterState,
  graph: Graph,
): { actions: readonly Action[]; orders: readonly Order[] } {
  const made = new Map(graph.actions.map((action) => [action, publish(state, action)]));
  const orders: Order[] = [];
  for (const [action, inputs] of graph.inputs) {
    const then = made.get(action)?.id;
    for (const input of inputs) {
      const first = made.get(input)?.id;
      if (first !== undefined && then !== undefined) orders.push({ first, then });
    }
  }
  return { actions: [...made.values()], orders };
}

const BY_CLUSTER = ["stonith", "do_shutdown", "clear_failcount", "lrm_delete"];

function kindOf(action: WorkAction): ActionKind {
  if (has(action, Act.pseudo)) return "pseudo";
  return BY_CLUSTER.includes(action.task) ? "cluster" : "rsc";
}

function publish(state: ClusterState, action: WorkAction): Action {
  const kind = kindOf(action);
  const { resource, task } = action;
  const node = kind === "pseudo" && task !== "stonith" ? undefined : action.node;
  // What the cluster does itself (fencing, its own records) needs no connection.
  const router = kind === "rsc" ? routerOf(action) : undefined;
  const key = keyOf(action);
  const meta = Object.fromEntries([...action.meta].map(([name, value]) => [name.replaceAll("-", "_"), value]));
  const { interval, ...others } = meta;
  return {
    id: `${kind}:${key}${node === undefined ? "" : `@${node.name}`}`,
    kind,
    task,
    key,
    ...(node !== undefined && { node: node.name, nodeId: node.id }),
    ...(router !== undefined && { router: router.name }),
    ...(resource?.variant === "primitive" && kind !== "pseudo" && { resource: describe(resource) }),
    intervalMs: task === "cancel" ? Number(interval ?? 0) : action.intervalMs,
    timeoutMs: action.timeoutMs,
    startDelayMs: action.startDelayMs,
    targetRc: Number(meta["op_target_rc"] ?? 0),
    params: resource?.variant === "primitive" ? paramsOf(state, action, resource) : {},
    meta: {
      ...(resource !== undefined && kind === "rsc" && cloneMeta(resource)),
      ...others,
      ...(interval !== undefined && interval !== "0" && { interval }),
      ...(resource !== undefined && { timeout: String(action.timeoutMs) }),
      ...(node !== undefined && { on_node: node.name, on_node_uuid: node.id }),
    },
    priority: action.priority,
    canFail: meta["op_no_wait"] === "true" && task !== "do_shutdown",
  };
}

/** The key operations are recorded under: with the id the history has for an anonymous instance. */
function keyOf({ key, resource, task, meta }: WorkAction): string {
  if (resource?.variant !== "primitive" || resource.unique) return key;
  const { id, historyId } = resource;
  if (historyId === undefined || historyId === id || !key.startsWith(`${id}_`)) return key;
  const [type, operation] = [meta.get("notify_type"), meta.get("notify_operation")];
  // Notifications of fencing, too, are known by the operation it stands for.
  if (task === "notify") return operationKey(historyId, `${type ?? ""}_notify_${operation ?? ""}`, 0);
  return task === "notified" ? operationKey(historyId, task, 0) : historyId + key.slice(id.length);
}

function describe(resource: Resource): ActionResource {
  const { class: agentClass, provider, type } = resource.agent;
  const anonymous = topOf(resource).variant === "clone" && !resource.unique;
  return {
    id: anonymous ? baseId(resource.id) : resource.id,
    longId: resource.id,
    agent: { class: agentClass, ...(provider !== undefined && { provider }), type },
  };
}

function paramsOf(
  state: ClusterState,
  { node, task, intervalMs }: WorkAction,
  resource: Resource,
): Readonly<Record<string, string>> {
  const params = new Map(parametersOf(state, resource, node));
  const operation = findOperation(resource, task, intervalMs, true);
  for (const [name, value] of operationParameters(state, node, operation)) params.set(name, value);
  return Object.fromEntries(params);
}
