import { isTrue } from "../../cib/read.js";
import { ensureAction, operation } from "./action-table.js";
import { assignedNodes } from "../assignment/availability.js";
import { numberOf } from "../assignment/instance-order.js";
import { canBeOnRemote, isGuestNode } from "../configuration/remote-nodes.js";
import { DISCOVERY, type ClusterState, type Node, type Resource } from "../model.js";
import { isClone, topOf } from "../resource-tree.js";
import { orderAfterAdmission } from "../fencing-and-shutdown/unfencing.js";
import { Act, addOrdering, clear, has, operationKey, Ord } from "./work-action.js";

/** Asks nodes about resources of which nothing is known there. */
export function addProbes(state: ClusterState): void {
  for (const node of state.nodes) {
    if (!node.online || node.unclean || !node.discoveryEnabled) continue;
    const probed = node.attributes.get("probe_complete");
    if (probed !== undefined && !isTrue(probed)) {
      const key = `probe_again-${node.name}`;
      const again = ensureAction(state, { key, task: "probe_again", node, optional: false });
      again.meta.set("op_no_wait", "true");
      continue;
    }
    for (const resource of state.resources) probe(state, resource, node);
  }
}

function probe(state: ClusterState, resource: Resource, node: Node): boolean {
  if (isClone(resource)) return probeClone(state, resource, node);
  if (resource.children.length > 0) {
    return resource.children.map((child) => probe(state, child, node)).some(Boolean);
  }
  return probePrimitive(state, resource, node);
}

function probeClone(state: ClusterState, clone: Resource, node: Node): boolean {
  clone.children.sort((a, b) => numberOf(a) - numberOf(b));
  if (clone.exclusiveDiscovery && clone.allowed.get(node)?.discovery !== DISCOVERY.exclusive) {
    if (clone.allowed.delete(node)) return false;
  }
  if (clone.unique) return clone.children.map((child) => probe(state, child, node)).some(Boolean);
  // Any instance of an anonymous clone can answer for all of them.
  const child =
    clone.children.find((each) => isKnown(each, node)) ??
    clone.children.find((each) => assignedNodes(each).includes(node)) ??
    clone.children[0];
  return child !== undefined && probe(state, child, node);
}

function isKnown(resource: Resource, node: Node): boolean {
  if (resource.children.length > 0) return resource.children.some((child) => isKnown(child, node));
  return resource.knownOn.has(node);
}

/** In a guest that is started (again) there is nothing to be found either, and one that moves is not asked meanwhile. */
function isGuestUp({ remoteResource }: Node): boolean {
  const container = remoteResource?.container;
  if (container?.role !== "Started" || container.failed) return false;
  return container.assignedTo !== undefined && container.runningOn.includes(container.assignedTo);
}

function probePrimitive(state: ClusterState, resource: Resource, node: Node): boolean {
  if (!state.options.probes || resource.orphan || resource.knownOn.has(node)) return false;
  if (node.type === "remote" && !canBeOnRemote(resource)) return false;
  // In a container that was never started there is nothing to be found.
  if (resource.container !== undefined && !resource.isRemoteNode) return false;
  if (isGuestNode(node) && !isGuestUp(node)) return false;
  const top = topOf(resource);
  const discovery = resource.allowed.get(node)?.discovery;
  if (resource.exclusiveDiscovery || top.exclusiveDiscovery) {
    if (discovery !== DISCOVERY.exclusive) return false;
  }
  if (discovery === DISCOVERY.never) return false;
  const action = operation(state, resource, "monitor", node, false);
  clear(action, Act.optional);
  if (!resource.runningOn.includes(node)) action.meta.set("op_target_rc", "7");
  else if (resource.role === "Promoted") action.meta.set("op_target_rc", "8");
  orderAfterAdmission(state, resource, node, action, Ord.optional);
  const then = isClone(top) ? top : resource;
  // It might be active where nobody can be asked yet: if it is not active elsewhere, that has to be waited for.
  const blind = !has(action, Act.runnable) && resource.runningOn.length === 0;
  const flags = Ord.optional | (blind ? Ord.blocksThen : 0);
  addOrdering(state, { action, resource }, { resource: then, key: operationKey(then.id, "start", 0) }, flags);
  addOrdering(
    state,
    { action, resource },
    { resource, key: operationKey(resource.id, "reload-agent", 0) },
    Ord.optional,
  );
  return true;
}
