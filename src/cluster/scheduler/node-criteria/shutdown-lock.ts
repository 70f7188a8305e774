import type { XmlElement } from "../../../lib/xml.js";
import { clearHistory } from "../actions/action-table.js";
import { recheckBy } from "../configuration/attributes.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { addNodeScore } from "./node-scores.js";
import { INFINITY } from "../score.js";

/**
 * With `shutdown-lock`, what was active on a node that is shut down cleanly waits for that node to come back, for at
 * most `shutdown-lock-limit`. The lock is kept in the resource's history there (seconds since the epoch).
 */

function lockedAt(state: ClusterState, history: XmlElement): number {
  if (!state.options.shutdownLock) return 0;
  return Number.parseInt(history.attributes["shutdown-lock"] ?? "", 10) || 0;
}

/** Whether a history locks its resource to the node, even if no operation is left in it. */
export function hasLock(state: ClusterState, history: XmlElement): boolean {
  return lockedAt(state, history) > 0;
}

/** Takes a history's lock over, or has it deleted when it is out of date. */
export function readLock(state: ClusterState, resource: Resource, node: Node, history: XmlElement): void {
  const since = lockedAt(state, history);
  if (since === 0) return;
  const limit = state.options.shutdownLockLimitMs;
  if (limit > 0 && state.now > since * 1000 + limit) {
    clearHistory(state, resource, node);
    return;
  }
  resource.lock = { node, sinceMs: since * 1000 };
}

/** Keeps locked resources from all other nodes. Clones, fencing devices and connections to remote nodes are not locked. */
export function applyShutdownLocks(state: ClusterState): void {
  if (!state.options.shutdownLock) return;
  for (const resource of state.resources) applyLock(state, resource);
}

function applyLock(state: ClusterState, resource: Resource): void {
  if (resource.variant === "group") for (const member of resource.children) applyLock(state, member);
  if (resource.variant !== "primitive" || resource.fenceDevice || resource.isRemoteNode) return;
  resource.lock = lockOf(state, resource);
  if (resource.lock === undefined) return;
  const { node, sinceMs } = resource.lock;
  const limit = state.options.shutdownLockLimitMs;
  if (limit > 0) recheckBy(state, sinceMs + limit + 1);
  for (const other of state.nodes) if (other !== node) addNodeScore(resource, other, -INFINITY);
}

function lockOf(state: ClusterState, resource: Resource): Resource["lock"] {
  const [node] = resource.runningOn;
  if (resource.lock !== undefined) {
    if (node === undefined) return resource.lock;
    // Somebody started it elsewhere all the same: it is left there.
    clearHistory(state, resource, resource.lock.node);
    return undefined;
  }
  if (node === undefined || resource.runningOn.length > 1 || !node.shutdown || node.unclean) return undefined;
  const asked = Number.parseInt(node.attributes.get("shutdown") ?? "", 10);
  return { node, sinceMs: asked > 0 ? asked * 1000 : state.now };
}
