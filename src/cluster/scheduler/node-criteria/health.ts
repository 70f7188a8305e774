import { isTrue } from "../../cib/read.js";
import type { ClusterState, Node } from "../model.js";
import { withDescendants } from "../resource-tree.js";
import { addNodeScore } from "./node-scores.js";
import { addScores, INFINITY, parseScore } from "../score.js";

/** The node health strategy turns attributes named `#health…` into scores for all resources. */
export function applyNodeHealth(state: ClusterState): void {
  const { healthStrategy } = state.options;
  if (healthStrategy === "none") return;
  for (const node of state.nodes) {
    const score = healthOf(state, node);
    node.health = score;
    if (score === 0) continue;
    for (const resource of state.resources) {
      if (withDescendants(resource).some((each) => isTrue(each.meta.get("allow-unhealthy-nodes")))) continue;
      addNodeScore(resource, node, score);
    }
  }
}

function healthOf(state: ClusterState, node: Node): number {
  const { healthStrategy, healthBase, healthColours } = state.options;
  const values = [...node.attributes].filter(([name]) => name.startsWith("#health")).map(([, value]) => value);
  const scores = values.map((value) => parseScore(value, coloursFor(healthStrategy, healthColours)));
  switch (healthStrategy) {
    case "migrate-on-red":
    case "only-green":
      return scores.some((score) => score < 0) ? -INFINITY : 0;
    case "progressive":
    case "custom":
      return scores.reduce(addScores, healthStrategy === "progressive" ? healthBase : 0);
    default:
      return 0;
  }
}

function coloursFor(
  strategy: ClusterState["options"]["healthStrategy"],
  configured: Readonly<Record<"red" | "yellow" | "green", number>>,
): Readonly<Record<string, number>> {
  if (strategy === "migrate-on-red") return { red: -INFINITY, yellow: 0, green: 0 };
  if (strategy === "only-green") return { red: -INFINITY, yellow: -INFINITY, green: 0 };
  return configured;
}
