import type { XmlElement } from "../../../lib/xml.js";
import { isFalse, isTrue } from "../../cib/read.js";
import type { ClusterState, Node } from "../model.js";
import { currentNode } from "../assignment/availability.js";

/**
 * What is known of remote and guest nodes. They do not take part in the membership: whether one is online is concluded
 * from the state of its connection.
 */

/** What the node's own section of the status says: its attributes were read already. */
export function readRemoteState(state: ClusterState, node: Node, { attributes }: XmlElement): void {
  const shutdown = node.attributes.get("shutdown");
  if (shutdown !== undefined && shutdown !== "0") node.shutdown = true;
  // The resources of a node in maintenance stay in it after the node is forgotten; the section remembers.
  if (isTrue(attributes["node_in_maintenance"])) node.maintenance = true;
  const discovery = node.attributes.get("resource-discovery-enabled");
  if (isFalse(discovery)) {
    if (state.options.fencing) {
      state.warnings.add(`resource-discovery-enabled has no effect on ${node.name} while fencing is enabled`);
    } else node.discoveryEnabled = false;
  }
  if (isTrue(attributes["node_fenced"])) node.remoteWasFenced = true;
}

/** Whether what is recorded of a node can be read: its connection is up, and what it runs in. */
export function isConnected({ remoteResource }: Node): boolean {
  if (remoteResource?.role !== "Started") return false;
  const { container } = remoteResource;
  return container === undefined || container.role === "Started";
}

/** Concludes from its connection whether a node is online. */
export function decideRemoteOnline(node: Node): void {
  const { remoteResource: connection } = node;
  if (connection === undefined) {
    node.online = false;
    return;
  }
  const { container } = connection;
  if (connection.role === "Started") {
    node.online = true;
    // It is about to be left.
    if (connection.nextRole === "Stopped") node.shutdown = true;
  }
  const host = currentNode(container ?? connection);
  if (container?.failed === true) {
    node.online = false;
    node.remoteRequiresReset = true;
  } else if (connection.failed) node.online = false;
  else if (connection.role === "Stopped" || container?.role === "Stopped") {
    node.online = false;
    node.remoteRequiresReset = false;
  } else if (container !== undefined && host?.online === false && host.unclean) {
    node.online = false;
    node.remoteRequiresReset = true;
  }
}
