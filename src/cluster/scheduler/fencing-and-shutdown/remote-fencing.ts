import { stopAction } from "../actions/action-table.js";
import { isGuestNode, nodeBehind } from "../configuration/remote-nodes.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { Act, addOrdering, clear, operationKey, Ord, set, type WorkAction } from "../actions/work-action.js";
import { canFence, fenceAction, fenceNode } from "./fencing.js";

/**
 * Fencing of nodes that are no members: a remote node is fenced as a cluster node is, once its connection cannot be
 * recovered; a guest node is fenced by restarting what it runs in.
 */

/**
 * Notes that a remote or guest node has to be reset.
 * @returns whether that takes a fencing device
 */
export function beginRemoteFencing(state: ClusterState, node: Node, reason: string): boolean {
  const { remoteResource: connection } = node;
  const container = connection?.container;
  if (container !== undefined) {
    if (container.failed) return false;
    if (!container.managed) {
      state.warnings.add(`guest node ${node.name} is not fenced, as ${container.id} is not managed: ${reason}`);
      return false;
    }
    state.warnings.add(`guest node ${node.name} will be fenced by recovering ${container.id}: ${reason}`);
    node.remoteRequiresReset = true;
    container.failed = true;
    container.mustStop = true;
    return false;
  }
  if (connection !== undefined && !connection.managed) {
    state.warnings.add(`remote node ${node.name} is not fenced, as its connection is not managed: ${reason}`);
    return false;
  }
  node.remoteRequiresReset = true;
  return true;
}

/** A connection that was lost: the node is fenced, as nobody knows what goes on there, and then connected to anew. */
export function resetRemote(state: ClusterState, connection: Resource, node: Node): void {
  connection.failed = true;
  connection.mustStop = true;
  if (!state.options.fencing) {
    if (connection.role !== "Stopped" && connection.role !== "Unknown") stopAction(state, connection, node, false);
    return;
  }
  const led = nodeBehind(state, connection);
  if (led !== undefined && !led.remoteWasFenced) fenceNode(state, led, "its connection cannot be recovered", false);
  stopAction(state, connection, node, false);
}

/** The point in time at which a guest node is known to be down: its container has stopped. */
export function guestFencing(state: ClusterState, node: Node): WorkAction {
  const container = isGuestNode(node) ? node.remoteResource?.container : undefined;
  const comesBack = container?.assignedTo !== undefined && container.nextRole !== "Stopped";
  const fencing = fenceAction(state, node, comesBack ? "reboot" : "off", false, "guest is unclean", false);
  set(fencing, Act.pseudo | Act.runnable);
  clear(fencing, Act.optional);
  if (container === undefined) return fencing;
  const stopped = container.role === "Stopped" ? node.remoteResource : container;
  const key = operationKey(stopped?.id ?? "", "stop", 0);
  addOrdering(state, { resource: stopped, key }, { action: fencing }, Ord.optional);
  return fencing;
}

/** Whether a guest can be reset: where it may be active can be reached, or fenced; no device is needed. */
export function canReset(state: ClusterState, node: Node): boolean {
  const hosts = node.remoteResource?.container?.runningOn ?? [];
  return hosts.every((host) => (host.online && !host.unclean) || canFence(state, host));
}
