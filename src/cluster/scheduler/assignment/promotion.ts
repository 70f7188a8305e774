import { isAvailable, plannedNode, roleOf } from "./availability.js";
import { hasInfluence, mergeScores } from "./colocated-scores.js";
import { applyColocation } from "./colocation.js";
import { sortInstances } from "./instance-order.js";
import type { Candidate, ClusterState, Location, Node, Resource } from "../model.js";
import { baseId, isClone, primitivesOf, topOf } from "../resource-tree.js";
import { rank } from "../roles.js";
import { addScores, INFINITY, parseScore } from "../score.js";
import { mayPromote } from "../constraints/tickets.js";

/** Adds what agents say about promotion (attributes `master-NAME`) to instances' scores, before they are placed. */
export function addPromotionScores(clone: Resource): void {
  for (const child of clone.children) {
    for (const candidate of child.allowed.values()) {
      if (!isAvailable(candidate.node)) continue;
      const score = promotionScore(child, candidate.node) ?? 0;
      if (score > 0) candidate.weight = addScores(candidate.weight, score);
      if (score > child.priority) child.priority = score;
    }
  }
}

/** What the node's attributes say about promotion; undefined when they say nothing. */
export function promotionScore(resource: Resource, node: Node | undefined): number | undefined {
  if (node === undefined) return undefined;
  if (resource.children.length > 0) {
    const scores = resource.children.map((child) => promotionScore(child, node)).filter((each) => each !== undefined);
    return scores.length === 0 ? undefined : scores.reduce(addScores, 0);
  }
  if (!applies(resource, node)) return undefined;
  const names = [resource.historyId ?? resource.id, ...(resource.unique ? [] : [baseId(resource.id)])];
  const value = names.map((name) => node.attributes.get(`master-${name}`)).find((each) => each !== undefined);
  return value === undefined ? undefined : parseScore(value);
}

/** A score counts for the instance that is active on the node, or else for any if the node was asked. */
function applies(resource: Resource, node: Node): boolean {
  const allowed = resource.allowed.get(node);
  if (allowed === undefined || allowed.weight < 0) return false;
  if (!resource.unique) {
    const siblings = primitivesOf(topOf(resource)).filter((each) => baseId(each.id) === baseId(resource.id));
    const active = siblings.find((each) => each.runningOn.includes(node));
    if (active === resource) return true;
    if (active === undefined && siblings.some((each) => each.knownOn.has(node))) return true;
  }
  if (resource.runningOn.length === 0 && resource.knownOn.size === 0) return true;
  return resource.knownOn.has(node) || resource.runningOn.includes(node);
}

/** Decides which placed instances are promoted. */
export function chooseRoles(state: ClusterState, clone: Resource): void {
  if (!isClone(clone)) return;
  for (const candidate of clone.allowed.values()) candidate.count = 0;
  for (const child of clone.children) weigh(state, clone, child);
  sortForPromotion(clone);
  let promoted = 0;
  const { promotedMax } = clone.clone;
  for (const child of clone.children) {
    const node = plannedNode(child)?.name;
    const score = { stage: "promotion", resource: child.id, score: child.sortIndex } as const;
    state.scores.push(node === undefined ? score : { ...score, node });
    const eligible = child.sortIndex >= 0 && (promoted < promotedMax || !child.managed);
    const there = eligible ? placeForPromotion(clone, child) : undefined;
    const frozen = rank(child.role) < rank("Promoted") && !state.haveQuorum && state.options.quorumPolicy === "freeze";
    if (there === undefined || frozen) {
      stayUnpromoted(child);
      continue;
    }
    there.count += 1;
    promote(child);
    promoted += 1;
  }
  clone.clone.promotedActual = promoted;
}

function weigh(state: ClusterState, clone: Resource, child: Resource): void {
  const node = plannedNode(child);
  beUnpromoted(child);
  if (node === undefined) return;
  const planned = roleOf(child, false);
  if (planned === "Started" || planned === "Unknown") child.promotionScore = promotionScore(child, node) ?? -1;
  else if (planned !== "Promoted") child.promotionScore = -INFINITY;
  addPromotedLocations(child, child.locations, node);
  addPromotedLocations(child, clone.locations, node);
  for (const colocation of child.colocatedWith) applyColocation(state, child, colocation.primary, colocation);
  child.sortIndex = planned === "Promoted" ? INFINITY : child.promotionScore;
}

function addPromotedLocations(child: Resource, locations: readonly Location[], node: Node | undefined): void {
  if (node === undefined) return;
  for (const location of locations) {
    const score = location.role === "Promoted" ? location.nodes.get(node) : undefined;
    if (score !== undefined) child.promotionScore = addScores(child.promotionScore, score);
  }
}

/** What is merely known to be started is unpromoted. */
function beUnpromoted(resource: Resource): void {
  if (resource.role === "Started") resource.role = "Unpromoted";
  for (const child of resource.children) beUnpromoted(child);
}

function stayUnpromoted(resource: Resource): void {
  const placed = primitivesOf(resource).some((each) => each.assignedTo !== undefined);
  resource.nextRole = placed ? "Unpromoted" : "Stopped";
  for (const child of resource.children) stayUnpromoted(child);
}

function promote(resource: Resource): void {
  if (resource.nextRole === "Unknown" || resource.nextRole === "Started") resource.nextRole = "Promoted";
  for (const child of resource.children) promote(child);
}

/** Sums up, node by node, what speaks for a promoted instance there, and sorts instances by it. */
function sortForPromotion(clone: Resource): void {
  for (const child of clone.children) {
    const node = plannedNode(child);
    const there = node === undefined || child.sortIndex < 0 ? undefined : clone.allowed.get(node);
    if (there !== undefined) there.weight = addScores(there.weight, child.sortIndex);
  }
  for (const { dependentRole, primary, nodeAttribute, score } of clone.colocatedWith) {
    if (dependentRole !== "Promoted") continue;
    clone.allowed = mergeScores(primary, clone.allowed, {
      nodeAttribute,
      factor: score / INFINITY,
      // Only a wish gives way when it would leave no place for a promoted instance.
      rollback: score < INFINITY,
      nonnegative: score < INFINITY,
    });
  }
  for (const colocation of clone.dependents) {
    if (colocation.primaryRole !== "Promoted" || !hasInfluence(colocation)) continue;
    const { dependent, nodeAttribute, score } = colocation;
    clone.allowed = mergeScores(dependent, clone.allowed, {
      nodeAttribute,
      factor: score / INFINITY,
      rollback: true,
      nonnegative: true,
    });
  }
  if (!mayPromote(clone)) for (const candidate of clone.allowed.values()) candidate.weight = -INFINITY;
  for (const child of clone.children) {
    const node = plannedNode(child);
    if (!child.managed && child.nextRole === "Promoted") child.sortIndex = INFINITY;
    else if (node !== undefined && child.sortIndex >= 0)
      child.sortIndex = clone.allowed.get(node)?.weight ?? child.sortIndex;
  }
  sortInstances(clone);
  clone.children.sort((a, b) => b.sortIndex - a.sortIndex || rank(roleOf(b, true)) - rank(roleOf(a, true)));
}

function placeForPromotion(
  clone: Resource & { clone: NonNullable<Resource["clone"]> },
  child: Resource,
): Candidate | undefined {
  const members = primitivesOf(child);
  for (const member of members) {
    if (member.assignedTo === undefined) return undefined;
    if (!member.managed) {
      if (member.role !== "Promoted") return undefined;
    } else if (child.promotionScore < 0 || !isAvailable(member.assignedTo)) return undefined;
  }
  const node = members[0]?.assignedTo;
  const there = node === undefined ? undefined : clone.allowed.get(node);
  if (there === undefined) return undefined;
  return there.count < clone.clone.promotedNodeMax || !child.managed ? there : undefined;
}
