import { currentNode } from "../assignment/availability.js";
import { isGuestNode, LOST_CONNECTIONS, nodeBehind } from "../configuration/remote-nodes.js";
import { fenceNode } from "../fencing-and-shutdown/fencing.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { addOrdering, operationKey, Ord, type WorkAction } from "../actions/work-action.js";

/**
 * What is done on a remote or guest node goes through its connection: after that is up, before it is given up.
 */

/**
 * What a transition makes of a connection. `kept`: it is up, and is so until it is given up in order. `renewed`: it is
 * lost, and is there again once it was started. `resting`: it is lost and will be tried later. `closed`: it is given up
 * in order. `lost`: nobody can get there any more.
 */
type ConnectionPlan = "kept" | "renewed" | "resting" | "closed" | "lost";

function planOf(node: Node, connection: Resource): ConnectionPlan {
  const host = currentNode(connection);
  const hostIsGone = host !== undefined && (!host.online || host.unclean);
  if (connection.assignedTo === undefined) {
    if (connection.failed) return node.remoteRequiresReset ? "lost" : "resting";
    return hostIsGone ? "lost" : "closed";
  }
  if (connection.failed) {
    if (node.remoteRequiresReset) return "lost";
    return connection.nextRole === "Stopped" ? "resting" : "renewed";
  }
  // What was half handed over has to arrive before it can be used.
  return hostIsGone || connection.partialMigrationTarget !== undefined ? "renewed" : "kept";
}

/** Fences remote nodes where something runs that nobody can get at any more. */
export function fenceUnreachable(state: ClusterState): void {
  for (const node of state.nodes) {
    const { remoteResource: connection } = node;
    if (connection !== undefined && !state.options.fencing && !isGuestNode(node)) {
      // What Pacemaker does then was not understood in all cases.
      const host = currentNode(connection);
      const isLost = connection.mustStop || host?.unclean === true || host?.online === false;
      if (isLost) state.unsupported.add(LOST_CONNECTIONS);
    }
    if (connection === undefined || isGuestNode(node)) continue;
    if (planOf(node, connection) !== "lost" || connection.assignedTo !== undefined) continue;
    if (node.running.length > 0) {
      fenceNode(state, node, "resources are active there but its connection cannot be recovered", false);
    } else if (state.actions.some((action) => action.node === node && isProbe(action))) {
      fenceNode(state, node, "nobody knows what is active there and its connection cannot be recovered", false);
    }
  }
}

function isProbe({ task, intervalMs }: WorkAction): boolean {
  return task === "monitor" && intervalMs === 0;
}

/** Orders all actions on remote and guest nodes with those of the connections there. */
export function orderAroundConnections(state: ClusterState): void {
  if (!state.haveRemoteNodes) return;
  for (const action of state.actions) {
    const { node, resource } = action;
    const connection = node?.remoteResource;
    if (node === undefined || resource === undefined || connection === undefined || resource === connection) continue;
    if (nodeBehind(state, connection) !== node) continue;
    if (action.task === "clear_failcount") {
      before(state, action, connection, "start", Ord.optional);
      continue;
    }
    if (isGuestNode(node)) orderOnGuest(state, action, connection);
    else orderOnRemote(state, action, connection, planOf(node, connection));
  }
}

function orderOnRemote(state: ClusterState, action: WorkAction, connection: Resource, plan: ConnectionPlan): void {
  switch (action.task) {
    case "start":
    case "promote":
    case "migrate_from":
      // Where the connection is made anew, nothing that is to be there is known to be there.
      after(state, action, connection, Ord.blocksThen | (plan === "lost" ? Ord.firstNeedsThen : 0));
      if (action.task === "start") holdStops(state, action, connection);
      return;
    case "stop":
    case "migrate_to":
      if (plan === "kept") before(state, action, connection, "stop", Ord.thenNeedsFirst);
      else if (plan === "closed") before(state, action, connection, "stop", Ord.optional);
      else if (plan === "lost") {
        if (connection.assignedTo !== undefined) before(state, action, connection, "stop", Ord.optional);
      } else after(state, action, connection, Ord.blocksThen);
      return;
    case "demote":
      if (plan === "renewed" || plan === "resting") after(state, action, connection, Ord.blocksThen);
      return;
    default:
      if (action.intervalMs > 0) {
        // Monitors end with the connection, unless that is handed over.
        after(state, action, connection, Ord.blocksThen | Ord.firstNeedsThen);
      } else if (plan === "closed") before(state, action, connection, "stop", Ord.optional);
      else after(state, action, connection, Ord.blocksThen);
  }
}

/** What moves to the node stays where it is until the node can be reached. */
function holdStops(state: ClusterState, { node, resource }: WorkAction, connection: Resource): void {
  for (const stop of resource?.actions ?? []) {
    if (stop.task === "stop" && stop.node !== node) after(state, stop, connection, Ord.optional);
  }
}

/** A guest's connection comes and goes with the guest: what is there is restarted with it. */
function orderOnGuest(state: ClusterState, action: WorkAction, connection: Resource): void {
  switch (action.task) {
    case "start":
    case "promote":
      after(state, action, connection, Ord.blocksThen | Ord.firstNeedsThen);
      if (connection.container !== undefined) after(state, action, connection.container, Ord.blocksThen);
      if (action.task === "start") holdStops(state, action, connection);
      return;
    case "stop":
    case "demote":
      // What a reset stops is stopped by it.
      if (action.node?.remoteRequiresReset === true) return;
      before(state, action, connection, "stop", Ord.thenNeedsFirst);
      return;
    default:
      after(state, action, connection, Ord.blocksThen | (action.intervalMs > 0 ? Ord.firstNeedsThen : 0));
  }
}

function after(state: ClusterState, action: WorkAction, connection: Resource, flags: number): void {
  const key = operationKey(connection.id, "start", 0);
  addOrdering(state, { resource: connection, key }, { action, resource: action.resource }, flags);
}

function before(state: ClusterState, action: WorkAction, connection: Resource, task: string, flags: number): void {
  const key = operationKey(connection.id, task, 0);
  addOrdering(state, { action, resource: action.resource }, { resource: connection, key }, flags);
}
