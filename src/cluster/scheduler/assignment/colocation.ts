import { isAnyUsable } from "./availability.js";
import { assign } from "../assignment.js";
import { copyAllowed, type Colocation, type Node, type Resource, type ClusterState } from "../model.js";
import { primitivesOf } from "../resource-tree.js";
import { rank } from "../roles.js";
import { findInstance } from "./instances.js";
import { addScores, INFINITY } from "../score.js";

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
    if (node === undefined || plannedRole(child) !== colocation.primaryRole) continue;
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
