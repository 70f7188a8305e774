import { assign, noteScores, unplace } from "../assignment.js";
import { currentNode, isAvailable, isUsable } from "./availability.js";
import { hasInfluence, mergeScores } from "./colocated-scores.js";
import { sortInstances } from "./instance-order.js";
import { copyAllowed, type ClusterState, type Node, type Resource } from "../model.js";
import { isClone } from "../resource-tree.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { addPromotionScores, chooseRoles } from "./promotion.js";
import { INFINITY } from "../score.js";

/** Distributes the instances of a clone over the nodes. */
export function assignClone(state: ClusterState, clone: Resource): void {
  if (!clone.provisional || clone.assigning || !isClone(clone)) return;
  if (clone.promotable) addPromotionScores(clone);
  clone.assigning = true;
  for (const colocation of clone.colocatedWith) assign(state, colocation.primary, undefined);
  for (const colocation of clone.dependents) {
    if (!hasInfluence(colocation)) continue;
    clone.allowed = mergeScores(colocation.dependent, clone.allowed, {
      nodeAttribute: colocation.nodeAttribute,
      factor: colocation.score / INFINITY,
      rollback: true,
      nonnegative: true,
    });
  }
  noteScores(state, clone, "clone");
  sortInstances(clone);
  distribute(state, clone);
  if (clone.promotable) chooseRoles(state, clone);
  clone.provisional = false;
  clone.assigning = false;
}

function distribute(state: ClusterState, clone: Resource & { clone: NonNullable<Resource["clone"]> }): void {
  const { max, nodeMax } = clone.clone;
  let available = 0;
  for (const candidate of clone.allowed.values()) {
    candidate.count = 0;
    if (isAvailable(candidate.node)) available += 1;
  }
  const spread: Spread = { state, clone, nodeMax, all: max < available };
  const optimal = Math.max(1, available > 0 ? Math.trunc(max / available) : 0);
  let assigned = 0;
  // Those that run well are left where they are, as far as that is a good distribution.
  for (const child of clone.children) {
    if (assigned >= max) break;
    if (child.runningOn.length === 0 || !child.provisional || child.failed) continue;
    const node = currentNode(child);
    const there = node === undefined ? undefined : clone.allowed.get(node);
    if (node === undefined || there === undefined || !isUsable(there) || there.count >= optimal) continue;
    if (assignInstance(spread, child, node)) assigned += 1;
  }
  for (const child of clone.children) {
    if (!child.provisional) continue;
    if (assigned >= max) {
      for (const node of [...state.nodes]) addNodeScore(child, node, -INFINITY);
    } else if (assignInstance(spread, child, undefined)) assigned += 1;
  }
}

interface Spread {
  readonly state: ClusterState;
  readonly clone: Resource;
  readonly nodeMax: number;
  /** Whether wishes of what is colocated count: there are more nodes than instances. */
  readonly all: boolean;
}

function assignInstance(spread: Spread, child: Resource, prefer: Node | undefined): boolean {
  const { state, clone } = spread;
  if (child.assigning) return false;
  takeColocations(spread, child);
  if (prefer !== undefined) {
    const wanted = child.allowed.get(prefer);
    if (wanted === undefined || wanted.weight < 0) return false;
  }
  for (const { node } of [...child.allowed.values()]) limit(spread, child, node);
  const before = backup(child);
  const chosen = assign(state, child, prefer);
  if (chosen !== undefined && prefer !== undefined && chosen !== prefer) {
    restore(before);
    unplace(child);
    return false;
  }
  if (chosen === undefined) return false;
  const there = clone.allowed.get(chosen);
  if (there !== undefined) there.count += 1;
  return true;
}

function backup(resource: Resource): [Resource, Resource["allowed"]][] {
  return [[resource, copyAllowed(resource.allowed)], ...resource.children.flatMap(backup)];
}

function restore(saved: readonly [Resource, Resource["allowed"]][]): void {
  const [own] = saved;
  if (own !== undefined) own[0].allowed = own[1];
}

/** The clone's colocations count for each instance; wishes for good places only while there is a choice. */
function takeColocations({ clone, all }: Spread, child: Resource): void {
  for (const colocation of clone.colocatedWith) {
    if (all || colocation.score < 0 || colocation.score >= INFINITY) child.colocatedWith.unshift(colocation);
  }
  for (const colocation of clone.dependents) {
    if (hasInfluence(colocation, child) && (all || colocation.score < 0)) child.dependents.unshift(colocation);
  }
}

/** Bans an instance from nodes that are full, or that the clone may not use. */
function limit({ clone, nodeMax }: Spread, child: Resource, node: Node): void {
  const there = clone.allowed.get(node);
  if (!isAvailable(node) || child.orphan || there === undefined) addNodeScore(child, node, -INFINITY);
  else if (there.weight < 0) addNodeScore(child, node, there.weight);
  else if (there.count >= nodeMax) addNodeScore(child, node, -INFINITY);
}
