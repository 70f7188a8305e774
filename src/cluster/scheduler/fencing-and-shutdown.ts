import { ensureAction } from "./actions/action-table.js";
import { isGuestNode } from "./configuration/remote-nodes.js";
import { canReset, guestFencing } from "./fencing-and-shutdown/remote-fencing.js";
import { canFence, fenceAction } from "./fencing-and-shutdown/fencing.js";
import type { ClusterState, Node, Resource } from "./model.js";
import { isAnonymousClone, topOf, primitivesOf } from "./resource-tree.js";
import { Act, addOrdering, clear, Ord, orderActions, set, type WorkAction } from "./actions/work-action.js";

/** Eighth stage: fencing of nodes in an unknown state and shutdown of those that asked for it, the DC's last. */
export function addFencingAndShutdowns(state: ClusterState): void {
  const anyManaged = state.resources.flatMap(primitivesOf).some((each) => each.managed);
  let dcDown: WorkAction | undefined;
  const fencings: WorkAction[] = [];
  const shutdowns: WorkAction[] = [];
  for (const node of state.nodes) {
    if (node.type === "ping") continue;
    if (isGuestNode(node)) {
      if (anyManaged && node.remoteRequiresReset && canReset(state, node)) fenceGuest(state, node);
      continue;
    }
    if (anyManaged && node.unclean && canFence(state, node)) {
      const fencing = fenceAction(state, node, undefined, false, "node is unclean", false);
      orderAroundFencing(state, node, fencing);
      if (node.isDc) dcDown = fencing;
      else {
        const last = fencings.at(-1);
        if (!state.options.concurrentFencing && last !== undefined) orderActions(last, fencing, Ord.optional);
        fencings.push(fencing);
      }
    } else if (node.online && node.shutdown && node.type === "cluster") {
      const shutdown = shutdownAction(state, node);
      if (node.isDc) dcDown = shutdown;
      else shutdowns.push(shutdown);
    }
  }
  if (dcDown === undefined) return;
  if (dcDown.task === "do_shutdown") for (const each of shutdowns) orderActions(each, dcDown, Ord.optional);
  const before = state.options.concurrentFencing ? fencings : fencings.slice(-1);
  for (const each of before) orderActions(each, dcDown, Ord.optional);
}

function shutdownAction(state: ClusterState, node: Node): WorkAction {
  const key = `do_shutdown-${node.name}`;
  const shutdown = ensureAction(state, { key, task: "do_shutdown", node, optional: false });
  shutdown.meta.set("op_no_wait", "true");
  for (const action of state.actions) {
    const { resource } = action;
    if (resource === undefined || action.node !== node || action.task !== "stop") continue;
    if (resource.maintenance || node.maintenance || (!resource.managed && !resource.blocked)) continue;
    clear(action, Act.optional);
    addOrdering(state, { action }, { action: shutdown }, Ord.optional | Ord.blocksThen);
  }
  return shutdown;
}

/** A guest is fenced by stopping what it runs in; what waits for its fencing waits for that. */
function fenceGuest(state: ClusterState, node: Node): void {
  orderAroundFencing(state, node, guestFencing(state, node));
}

function orderAroundFencing(state: ClusterState, node: Node, fencing: WorkAction): void {
  for (const resource of state.resources.flatMap(primitivesOf)) {
    if (!resource.managed) continue;
    orderStarts(resource, node, fencing);
    orderStops(resource, node, fencing);
  }
}

function orderStarts(resource: Resource, node: Node, fencing: WorkAction): void {
  for (const action of resource.actions) {
    if (action.needs === "fencing") orderActions(fencing, action, Ord.optional);
    else if (action.needs === "quorum" && action.task === "start") {
      // What may be active on a node nobody can ask is started only when the node is down.
      if (resource.allowed.has(node) && !isKnownOn(resource, node)) {
        orderActions(fencing, action, Ord.optional | Ord.blocksThen);
      }
    }
  }
}

/** What is known of one instance of an anonymous clone is known of all; of the groups in a cloned group it is not. */
function isKnownOn(resource: Resource, node: Node): boolean {
  const { parent } = resource;
  return resource.knownOn.has(node) || (isAnonymousClone(parent) && parent?.knownOn.has(node) === true);
}

function isOut(node: Node): boolean {
  return !node.online || node.unclean || (isGuestNode(node) && node.remoteRequiresReset);
}

/** Stops and demotes on a fenced node are done by fencing it. */
function orderStops(resource: Resource, node: Node, fencing: WorkAction): void {
  const implied = resource.requires === "fencing" || resource.requires === "unfencing";
  const parentStop = [...topOf(resource).actions].reverse().find((each) => each.task === "stop");
  for (const action of resource.actions) {
    if (action.node !== node) continue;
    if (action.task === "stop") {
      set(action, Act.pseudo | Act.runnable);
      if (!implied) continue;
      set(action, Act.doneByFencing);
      orderActions(fencing, action, Ord.keep);
      orderActions(fencing, parentStop, Ord.keep);
    } else if (action.task === "demote" && (isOut(node) || resource.failed)) {
      set(action, Act.pseudo | Act.runnable);
      if (implied) orderActions(fencing, action, Ord.keep | Ord.optional);
    }
  }
}
