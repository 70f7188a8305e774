import { addColocation } from "../constraints/colocation.js";
import type { ClusterState, Resource } from "../model.js";
import { primitivesOf } from "../resource-tree.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { INFINITY } from "../score.js";
import { Ord, orderTasks } from "../actions/work-action.js";

/**
 * A resource with the meta attribute `container` lives inside another one, as a service monitored from outside lives in
 * a virtual machine: it cannot be somewhere else, and what it cannot do itself is put right by restarting the container.
 */

/** Ties resources to their containers, once all of them are made. A group's `container` may be one of its members. */
export function tieToContainers(state: ClusterState): void {
  for (const resource of state.resources.flatMap(primitivesOf)) {
    const name = resource.meta.get("container");
    if (name === undefined || name === resource.id || resource.container !== undefined) continue;
    const container = state.resourceById.get(name);
    if (container === undefined && resource.orphan) continue;
    if (container === undefined) {
      state.warnings.add(`${resource.id} names the container ${name}, which does not exist`);
      continue;
    }
    resource.container = container;
    container.fillers.push(resource);
  }
}

/** What is in a container is with it, starts after it and stops before it. */
export function addContainerConstraints(state: ClusterState, resource: Resource): void {
  const { container } = resource;
  if (container === undefined) return;
  const connection = container.fillers.find((each) => each.isRemoteNode);
  if (connection !== undefined && connection !== resource) {
    // Of a container that is a node itself, that node is the inside.
    for (const node of state.nodes) if (node.remoteResource !== connection) addNodeScore(resource, node, -INFINITY);
    return;
  }
  orderTasks(state, container, "start", resource, "start", Ord.firstNeedsThen | Ord.blocksThen);
  orderTasks(state, resource, "stop", container, "stop", Ord.thenNeedsFirst);
  addColocation(state, {
    id: "#in-container",
    dependent: resource,
    primary: container,
    score: INFINITY,
    influence: "true",
    dependentRole: undefined,
    primaryRole: undefined,
  });
}
