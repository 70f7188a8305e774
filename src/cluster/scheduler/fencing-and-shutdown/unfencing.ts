import { fenceAction } from "./fencing.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { addOrdering, operationKey, Ord, orderActions, type WorkAction } from "../actions/work-action.js";

/**
 * Unfencing lets a node in again: some fencing devices (those that provide `unfencing`, such as SCSI reservations) have
 * to admit a node before anything there can use what they guard. It is fencing with the action `on`.
 */

/** Whether a resource may only be used on nodes that were admitted; devices cannot even be asked before. */
function needsAdmission(state: ClusterState, resource: Resource): boolean {
  return resource.requires === "unfencing" || (resource.fenceDevice && state.unfencing);
}

function admission(state: ClusterState, node: Node): WorkAction {
  return fenceAction(state, node, "on", true, undefined, false);
}

/** Has a node admitted (again), unless it is about to go anyway. */
function admit(state: ClusterState, node: Node, reason: string): void {
  if (!node.online || node.unclean || node.shutdown) return;
  fenceAction(state, node, "on", false, reason, false);
}

/** The cluster notes in a node's attributes when it was admitted. */
function isAdmitted(node: Node): boolean {
  return Number.parseInt(node.attributes.get("#node-unfenced") ?? "", 10) > 0;
}

/** Orders a probe or start after the admission of its node, which is required if there never was one. */
export function orderAfterAdmission(
  state: ClusterState,
  resource: Resource,
  node: Node,
  action: WorkAction,
  flags: number,
): void {
  if (!needsAdmission(state, resource)) return;
  orderActions(admission(state, node), action, flags);
  if (!isAdmitted(node)) admit(state, node, `required by ${resource.id} ${action.task}`);
}

/** A device was changed: nodes it guards are admitted under its new settings. */
export function readmit(state: ClusterState, device: Resource, node: Node | undefined, reason: string): void {
  if (!state.unfencing || !device.fenceDevice) return;
  const nodes = node === undefined ? [...device.allowed.keys()] : [node];
  for (const each of nodes) admit(state, each, reason);
}

/** A node that is admitted again stops first and starts afterwards what depends on it. */
export function orderAroundAdmission(state: ClusterState, resource: Resource): void {
  if (!state.unfencing || resource.requires !== "unfencing") return;
  for (const { node } of resource.allowed.values()) {
    const action = admission(state, node);
    const key = (task: string): string => operationKey(resource.id, task, 0);
    addOrdering(state, { resource, key: key("stop") }, { action }, Ord.optional | Ord.onSameNode, node);
    addOrdering(state, { action }, { resource, key: key("start") }, Ord.firstNeedsThenOnNode | Ord.onSameNode, node);
  }
}
