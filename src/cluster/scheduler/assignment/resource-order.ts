import { byPreference, currentNode } from "./availability.js";
import { scoresWithPrimaries } from "./colocated-scores.js";
import { makeCandidate, type ClusterState, type Node, type Resource } from "../model.js";
import { INFINITY } from "../score.js";
import { compareCapacity } from "./utilization.js";

/**
 * With a placement strategy that counts capacity, the order in which resources are placed decides who finds room. It is
 * documented so: higher priority first, then the higher score where a resource is now (so that what runs is not pushed
 * aside), then the higher score on the nodes, the most preferred node first.
 */
export function sortForPlacement(state: ClusterState): void {
  if (state.options.placement === "default") return;
  const candidates = state.nodes.map((node) => makeCandidate(node, node.weight));
  const nodes = byPreference(state, candidates, undefined, compareCapacity).map(({ node }) => node);
  state.nodes.splice(0, state.nodes.length, ...nodes);
  const tables = new Map(state.resources.map((resource) => [resource, scoresWithPrimaries(resource)]));
  const at = (resource: Resource, node: Node | undefined): number =>
    (node === undefined ? undefined : tables.get(resource)?.get(node)?.weight) ?? -INFINITY;
  state.resources.sort((a, b) => {
    if (a.priority !== b.priority) return b.priority - a.priority;
    const here = at(b, currentNode(b)) - at(a, currentNode(a));
    if (here !== 0) return here;
    const deciding = nodes.find((node) => at(a, node) !== at(b, node));
    return deciding === undefined ? 0 : at(b, deciding) - at(a, deciding);
  });
}
