import { assignedNodes, byPreference, plannedNode, presentNode, roleOf } from "./availability.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { compareCapacity } from "./utilization.js";

/**
 * The instance of a clone that goes with a resource: the one on the same node, in a certain role where one is given.
 * While the resource has no node yet, that is the instance on the node it likes best.
 * @param current whether present or planned places and roles count
 */
export function findInstance(
  resource: Resource,
  clone: Resource,
  role: Resource["role"] | undefined,
  current: boolean,
  state: ClusterState,
): Resource | undefined {
  const node = current ? presentNode(resource) : plannedNode(resource);
  if (node !== undefined) return instanceOn(clone, node, role, current);
  const candidates = byPreference(state, resource.allowed.values(), undefined, compareCapacity);
  for (const candidate of candidates) {
    const found = instanceOn(clone, candidate.node, role, current);
    if (found !== undefined) return found;
  }
  return undefined;
}

function instanceOn(
  clone: Resource,
  node: Node,
  role: Resource["role"] | undefined,
  current: boolean,
): Resource | undefined {
  return clone.children.find((child) => {
    if (child.orphan && !child.provisional && !current && assignedNodes(child).length === 0) return false;
    if (role !== undefined && roleOf(child, current) !== role) return false;
    return (current ? presentNode(child) : plannedNode(child)) === node;
  });
}
