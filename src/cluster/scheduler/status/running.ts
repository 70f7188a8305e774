import type { ClusterState, Node, Resource } from "../model.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { INFINITY } from "../score.js";

/** Notes that a resource is active on a node, for its parents too, and what follows from being active twice. */
export function addRunning(state: ClusterState, resource: Resource, node: Node): void {
  if (resource.runningOn.includes(node)) return;
  resource.runningOn.push(node);
  if (resource.variant === "primitive") {
    node.running.push(resource);
    node.priority += priorityThere(resource);
    if (node.maintenance) {
      resource.managed = false;
      resource.maintenance = true;
    }
  }
  if (!resource.managed) {
    addNodeScore(resource, node, INFINITY);
    for (let up = resource.parent; up !== undefined && node.online; up = up.parent) {
      if (!up.runningOn.includes(node)) up.runningOn.push(node);
    }
    return;
  }
  if (resource.variant === "primitive" && resource.runningOn.length > 1) settleMultiple(resource);
  if (resource.parent !== undefined) addRunning(state, resource.parent, node);
}

/** A promoted instance counts one more than others. */
function priorityThere(resource: Resource): number {
  if (resource.priority === 0) return 0;
  return resource.priority + (resource.role === "Promoted" ? 1 : 0);
}

function settleMultiple(resource: Resource): void {
  if (resource.recovery === "stop_only") {
    for (const candidate of resource.allowed.values()) candidate.weight = -INFINITY;
  }
  if (resource.recovery !== "block") return;
  resource.managed = false;
  resource.blocked = true;
  const { parent } = resource;
  if (parent?.variant !== "group" || parent.recovery !== "block") return;
  for (const sibling of parent.children) {
    sibling.managed = false;
    sibling.blocked = true;
  }
}
