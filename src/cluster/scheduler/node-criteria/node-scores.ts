import { makeCandidate, type Node, type Resource } from "../model.js";
import { addScores } from "../score.js";

/** Adds a score to a resource's preference for a node, for its children too. */
export function addNodeScore(resource: Resource, node: Node, score: number): void {
  for (const child of resource.children) addNodeScore(child, node, score);
  let candidate = resource.allowed.get(node);
  if (candidate === undefined) {
    candidate = makeCandidate(node, node.weight);
    resource.allowed.set(node, candidate);
  }
  candidate.weight = addScores(candidate.weight, score);
}
