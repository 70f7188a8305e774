import { isAnyUsable, isAvailable } from "./availability.js";
import { assign } from "./assign.js";
import {
  copyAllowed,
  primitivesOf,
  rank,
  type Candidate,
  type Colocation,
  type Node,
  type Resource,
  type ClusterState,
} from "./model.js";
import { findInstance } from "./instances.js";
import { addScores, INFINITY } from "./score.js";

/** What a node that must not be used any more is marked with while scores are summed up. */
const UNUSABLE = -100 * INFINITY;

/** Whether the dependent's wishes count for its primary: always by default, or while the primary is not active. */
export function hasInfluence(colocation: Colocation, primary = colocation.primary): boolean {
  return colocation.influence || primary.runningOn.length === 0;
}

/** Places the primary, and takes its place into account for a dependent. */
export function followPrimary(state: ClusterState, colocation: Colocation, dependent: Resource): void {
  const optional = colocation.score < 0 && colocation.score > -INFINITY;
  const before = colocation.dependentRole === "Promoted" || optional ? copyAllowed(dependent.allowed) : undefined;
  assign(state, colocation.primary, undefined);
  applyColocation(state, dependent, colocation.primary, colocation);
  if (before !== undefined && !isAnyUsable(dependent.allowed)) dependent.allowed = before;
}

/** Takes a placed primary into account for a dependent, whatever variants the two are. */
export function applyColocation(
  state: ClusterState,
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
): void {
  switch (primary.variant) {
    case "primitive": {
      applyToPrimitive(dependent, primary, colocation);
      return;
    }
    case "group": {
      applyToGroup(state, dependent, primary, colocation);
      return;
    }
    default: {
      applyToClone(state, dependent, primary, colocation);
      return;
    }
  }
}

type Effect = "nothing" | "role" | "location";

/** What a colocation is still able to affect. */
export function effectOf(dependent: Resource, primary: Resource, colocation: Colocation, preview: boolean): Effect {
  if (!preview && primary.provisional) return "nothing";
  const { dependentRole, primaryRole, score } = colocation;
  if (dependentRole !== undefined && rank(dependentRole) >= rank("Unpromoted")) {
    if (dependent.parent?.promotable === true && !dependent.provisional) return "role";
  }
  if (!preview && !dependent.provisional) return "nothing";
  if (score > 0) {
    if (dependentRole !== undefined && dependentRole !== dependent.nextRole) return "nothing";
    if (primaryRole !== undefined && primaryRole !== primary.nextRole) return "nothing";
  } else {
    if (dependentRole !== undefined && dependentRole === dependent.nextRole) return "nothing";
    if (primaryRole !== undefined && primaryRole === primary.nextRole) return "nothing";
  }
  return "location";
}

function applyToPrimitive(dependent: Resource, primary: Resource, colocation: Colocation): void {
  const effect = effectOf(dependent, primary, colocation, false);
  if (effect === "role") applyToPromotion(dependent, primary, colocation);
  if (effect === "location") applyToNodes(dependent, primary, colocation);
}

function applyToNodes(dependent: Resource, primary: Resource, { score, nodeAttribute }: Colocation): void {
  const at = primary.assignedTo;
  if (at === undefined && score < 0) return;
  const value = at?.attributes.get(nodeAttribute);
  const work = copyAllowed(dependent.allowed);
  for (const candidate of work.values()) {
    const same = candidate.node.attributes.get(nodeAttribute) === value;
    if (at === undefined) candidate.weight = addScores(candidate.weight, -score);
    else if (same && score < INFINITY) candidate.weight = addScores(candidate.weight, score);
    else if (!same && score >= INFINITY) candidate.weight = addScores(candidate.weight, -score);
  }
  if (Math.abs(score) >= INFINITY || isAnyUsable(work)) dependent.allowed = work;
}

/** Both have their places: what remains is whether the dependent should be promoted. */
function applyToPromotion(dependent: Resource, primary: Resource, colocation: Colocation): void {
  const { nodeAttribute, score, dependentRole, primaryRole } = colocation;
  if (dependent.assignedTo === undefined || primary.assignedTo === undefined) return;
  const here = dependent.assignedTo.attributes.get(nodeAttribute);
  if (here !== primary.assignedTo.attributes.get(nodeAttribute)) {
    if (score >= INFINITY && dependentRole === "Promoted") dependent.promotionScore = -INFINITY;
    return;
  }
  if (primaryRole !== undefined && primaryRole !== primary.nextRole) return;
  const sign = dependentRole === "Unpromoted" ? -1 : 1;
  dependent.promotionScore = addScores(dependent.promotionScore, sign * score);
}

function applyToGroup(state: ClusterState, dependent: Resource, primary: Resource, colocation: Colocation): void {
  if (primary.provisional) return;
  const [first] = primary.children;
  const last = primary.children.at(-1);
  if (first === undefined || last === undefined) return;
  if (primary.collocated) {
    // A mandatory colocation is with the last member, which is there only if all of them are.
    const member = colocation.score >= INFINITY ? last : first;
    applyColocation(state, dependent, member, colocation);
    return;
  }
  if (colocation.score >= INFINITY) return;
  for (const member of primary.children) applyColocation(state, dependent, member, colocation);
}

function applyToClone(state: ClusterState, dependent: Resource, primary: Resource, colocation: Colocation): void {
  if (primary.provisional) return;
  if (primary.promotable && colocation.primaryRole !== undefined && colocation.primaryRole !== "Started") {
    if (dependent.provisional) applyToRoleInstances(dependent, primary, colocation);
    else if (colocation.dependentRole === "Promoted") promoteWithInstance(state, dependent, primary, colocation);
    return;
  }
  if (isInterleaved(colocation.dependent, primary)) {
    const instance = findInstance(dependent, primary, undefined, false, state);
    if (instance !== undefined) applyColocation(state, dependent, instance, colocation);
    else if (colocation.score >= INFINITY) banEverywhere(dependent);
    return;
  }
  if (colocation.score >= INFINITY) {
    const places = primary.children
      .filter((child) => !child.blocked)
      .map(nodeOf)
      .filter((node) => node !== undefined);
    restrictTo(dependent, new Set(places), colocation);
    return;
  }
  for (const child of primary.children) applyColocation(state, dependent, child, colocation);
}

function isInterleaved(dependent: Resource, primary: Resource): boolean {
  return dependent.clone?.interleave === true && dependent.clone.nodeMax === primary.clone?.nodeMax;
}

export function nodeOf(resource: Resource): Node | undefined {
  if (resource.variant === "primitive") return resource.assignedTo;
  return resource.children.map(nodeOf).find((node) => node !== undefined);
}

function banEverywhere(resource: Resource): void {
  for (const candidate of resource.allowed.values()) candidate.weight = -INFINITY;
}

function restrictTo(dependent: Resource, places: ReadonlySet<Node>, { nodeAttribute }: Colocation): void {
  const values = new Set([...places].map((node) => node.attributes.get(nodeAttribute)));
  for (const candidate of dependent.allowed.values()) {
    if (!values.has(candidate.node.attributes.get(nodeAttribute))) candidate.weight = -INFINITY;
  }
}

/** With instances in one role only. */
function applyToRoleInstances(dependent: Resource, primary: Resource, colocation: Colocation): void {
  const affected = new Set<Node>();
  for (const child of primary.children) {
    const node = nodeOf(child);
    if (node === undefined || effectOf(dependent, child, colocation, true) !== "location") continue;
    if (plannedRole(child) !== colocation.primaryRole) continue;
    if (colocation.score < INFINITY) {
      const value = node.attributes.get(colocation.nodeAttribute);
      for (const candidate of dependent.allowed.values()) {
        if (candidate.node.attributes.get(colocation.nodeAttribute) !== value) continue;
        candidate.weight = addScores(candidate.weight, colocation.score);
      }
    }
    affected.add(node);
    if (colocation.score < INFINITY) continue;
    // What the instance thinks of its node is a reason for the dependent to be there, too.
    const there = dependent.allowed.get(node);
    const placed = primitivesOf(child).find((each) => each.assignedTo === node);
    if (there !== undefined) there.weight = addScores(there.weight, placed?.allowed.get(node)?.weight ?? 0);
  }
  if (colocation.score >= INFINITY) restrictTo(dependent, affected, colocation);
}

export function plannedRole(resource: Resource): Resource["nextRole"] {
  if (resource.variant === "primitive") return resource.nextRole;
  return resource.children
    .map(plannedRole)
    .reduce<Resource["nextRole"]>((a, b) => (rank(b) > rank(a) ? b : a), "Unknown");
}

function promoteWithInstance(
  state: ClusterState,
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
): void {
  const instance = findInstance(dependent, primary, colocation.primaryRole, false, state);
  if (instance === undefined && colocation.score >= INFINITY) dependent.promotionScore = -INFINITY;
  else if (instance !== undefined) {
    dependent.promotionScore = addScores(dependent.promotionScore, colocation.score);
  }
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
