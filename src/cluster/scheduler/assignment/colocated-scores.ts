import { isAnyUsable, isAvailable } from "./availability.js";
import { copyAllowed, type Candidate, type Colocation, type Node, type Resource } from "../model.js";
import { addScores, INFINITY } from "../score.js";

/** What a node that must not be used any more is marked with while scores are summed up. */
const UNUSABLE = -100 * INFINITY;

/** Whether the dependent's wishes count for its primary: always by default, or while the primary is not active. */
export function hasInfluence(colocation: Colocation, primary = colocation.primary): boolean {
  return colocation.influence || primary.runningOn.length === 0;
}

export interface Merge {
  readonly nodeAttribute: string;
  /** How strongly the resource's scores count: between -1 and 1. */
  readonly factor: number;
  /** Whether scores that leave no usable node are dropped. */
  readonly rollback: boolean;
  /** Whether a score that was positive may not turn negative. */
  readonly nonnegative: boolean;
  /** Which way colocations are followed: to dependents, unless this. */
  readonly toPrimaries?: boolean;
}

/** Adds a resource's scores, and those of what is colocated with it, to a table of nodes; gives the new table. */
export function mergeScores(resource: Resource, table: Map<Node, Candidate>, merge: Merge): Map<Node, Candidate> {
  if (resource.looping) return table;
  const [first] = resource.variant === "group" ? resource.children : [];
  resource.looping = true;
  let work: Map<Node, Candidate>;
  if (first !== undefined) {
    const last = resource.children.at(-1) ?? first;
    // A chain of members is followed from its end; what is with the last member counts once more as with the group.
    work = mergeScores(merge.toPrimaries === true ? last : first, table, merge);
    work = mergeColocated(merge.toPrimaries === true ? resource : last, work, merge);
    resource.looping = false;
    return work;
  }
  work = copyAllowed(table);
  addMatching(work, resource, merge);
  if (isAnyUsable(work)) work = mergeColocated(resource, work, merge);
  else if (merge.rollback) {
    resource.looping = false;
    return table;
  }
  if (merge.nonnegative) {
    for (const candidate of work.values()) if (candidate.weight === UNUSABLE) candidate.weight = 1;
  }
  resource.looping = false;
  return work;
}

/** A resource's own scores with those of all that it is to be with; of a group, those of its last member. */
export function scoresWithPrimaries(resource: Resource): ReadonlyMap<Node, Candidate> {
  const last = resource.variant === "group" ? resource.children.at(-1) : undefined;
  const merge = { nodeAttribute: "#uname", factor: 1, rollback: false, nonnegative: false, toPrimaries: true };
  const chain = last === undefined ? [resource] : [last, resource];
  for (const each of chain) each.looping = true;
  let work = copyAllowed((last ?? resource).allowed);
  for (const each of chain) work = mergeColocated(each, work, merge);
  for (const each of chain) each.looping = false;
  return work;
}

function mergeColocated(resource: Resource, table: Map<Node, Candidate>, merge: Merge): Map<Node, Candidate> {
  let work = table;
  for (const colocation of merge.toPrimaries === true ? resource.colocatedWith : resource.dependents) {
    if (merge.toPrimaries !== true && !hasInfluence(colocation)) continue;
    const other = merge.toPrimaries === true ? colocation.primary : colocation.dependent;
    // However faintly the first counts, what is with it counts by its own colocation; only the sign is passed on.
    const factor = Math.sign(merge.factor) * (colocation.score / INFINITY);
    work = mergeScores(other, work, { ...merge, factor, nodeAttribute: colocation.nodeAttribute, rollback: true });
  }
  return work;
}

function addMatching(
  work: Map<Node, Candidate>,
  resource: Resource,
  { nodeAttribute, factor, nonnegative }: Merge,
): void {
  const best = bestByValue(resource, nodeAttribute);
  for (const candidate of work.values()) {
    const score = best.get(candidate.node.attributes.get(nodeAttribute)) ?? -INFINITY;
    if ((factor < 0 && score < 0) || candidate.weight === UNUSABLE) continue;
    const product = factor * score;
    let weight = Math.trunc(product < 0 ? product - 0.5 : product + 0.5);
    // A small factor does not make a preference vanish.
    if (weight === 0 && score !== 0) weight = Math.sign(factor);
    const sum = addScores(candidate.weight, weight);
    if (nonnegative && sum < 0 && candidate.weight > 0) candidate.weight = UNUSABLE;
    else if (!(nonnegative && sum < 0 && candidate.weight === 0)) candidate.weight = sum;
  }
}

/** The best score among available nodes, by their value of an attribute. */
function bestByValue(resource: Resource, attribute: string): ReadonlyMap<string | undefined, number> {
  const best = new Map<string | undefined, number>();
  for (const { node, weight } of resource.allowed.values()) {
    if (!isAvailable(node)) continue;
    const value = node.attributes.get(attribute);
    if (weight > (best.get(value) ?? -INFINITY)) best.set(value, weight);
  }
  return best;
}
