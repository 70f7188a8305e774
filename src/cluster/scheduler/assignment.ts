import { assignClone } from "./assignment/assign-clone.js";
import { byPreference, currentNode, isAvailable, isUsable } from "./assignment/availability.js";
import { nodeBehind } from "./configuration/remote-nodes.js";
import { insertSorted } from "./constraints/colocation.js";
import { hasInfluence, mergeScores } from "./assignment/colocated-scores.js";
import { followPrimary } from "./assignment/colocation.js";
import type { Candidate, Colocation, ClusterState, Node, Resource } from "./model.js";
import { rank } from "./roles.js";
import { sortForPlacement } from "./assignment/resource-order.js";
import { INFINITY } from "./score.js";
import type { ScoreStage } from "./types.js";
import { banWithoutCapacity, compareCapacity, takeCapacity } from "./assignment/utilization.js";
import { Act, clear, type WorkAction } from "./actions/work-action.js";

/** Sixth stage: gives every resource its node. */
export function assignResources(state: ClusterState): void {
  sortForPlacement(state);
  // Other resources may run on the nodes that connections lead to, if those are up by then.
  for (const resource of state.resources) {
    if (resource.isRemoteNode) assign(state, resource, resource.partialMigrationTarget);
  }
  for (const resource of state.resources) assign(state, resource, undefined);
}

/** Where a connection will be is a node that can be used; else nothing stays there. */
function openConnection(state: ClusterState, connection: Resource): void {
  const node = nodeBehind(state, connection);
  if (node === undefined) return;
  if (connection.assignedTo !== undefined && connection.nextRole !== "Stopped") {
    node.online = true;
    if (node.unseen && !connection.failed) node.unclean = false;
  } else node.shutdown = true;
}

/**
 * Chooses a node for a resource, and first for what it depends on.
 * @param prefer where it is put if that is as good as any
 */
export function assign(state: ClusterState, resource: Resource, prefer: Node | undefined): Node | undefined {
  switch (resource.variant) {
    case "primitive":
      return assignPrimitive(state, resource, prefer);
    case "group":
      return assignGroup(state, resource, prefer);
    default:
      assignClone(state, resource);
      return undefined;
  }
}

function assignPrimitive(state: ClusterState, resource: Resource, prefer: Node | undefined): Node | undefined {
  const { parent } = resource;
  if (parent !== undefined && !parent.assigning) assign(state, parent, prefer);
  if (!resource.provisional) return resource.assignedTo;
  if (resource.assigning) return undefined;
  resource.assigning = true;
  for (const colocation of [...resource.colocatedWith]) followPrimary(state, colocation, resource);
  for (const colocation of [...resource.dependents]) heedDependent(colocation, resource);
  if (resource.nextRole === "Stopped") banEverywhere(resource);
  else if (rank(resource.nextRole) > rank(resource.role) && isFrozen(state)) resource.nextRole = resource.role;
  noteScores(state, resource, "resource");
  if (state.options.fencing && !state.haveFenceDevice) resource.managed = false;
  if (!resource.managed) {
    resource.nextRole = resource.role;
    place(resource, resource.allowed, currentNode(resource), true);
  } else if (state.options.stopAll) place(resource, resource.allowed, undefined, true);
  else takeBest(state, resource, prefer);
  resource.assigning = false;
  openConnection(state, resource);
  return resource.assignedTo;
}

function isFrozen(state: ClusterState): boolean {
  return !state.haveQuorum && state.options.quorumPolicy === "freeze";
}

function banEverywhere(resource: Resource): void {
  for (const candidate of resource.allowed.values()) candidate.weight = -INFINITY;
}

function heedDependent(colocation: Colocation, resource: Resource): void {
  if (!hasInfluence(colocation)) return;
  resource.allowed = mergeScores(colocation.dependent, resource.allowed, {
    nodeAttribute: colocation.nodeAttribute,
    factor: colocation.score / INFINITY,
    rollback: true,
    nonnegative: false,
  });
}

/** Records a resource's scores, and those of what it consists of, for explanations. */
export function noteScores(state: ClusterState, resource: Resource, stage: ScoreStage): void {
  if (resource.orphan) return;
  for (const { node, weight } of resource.allowed.values()) {
    state.scores.push({ stage, resource: resource.id, node: node.name, score: weight });
  }
  for (const child of resource.children) noteScores(state, child, stage);
}

function takeBest(state: ClusterState, resource: Resource, wanted: Node | undefined): void {
  const roomy = banWithoutCapacity(state, resource);
  const nodes = byPreference(state, resource.allowed.values(), currentNode(resource), compareCapacity);
  const [best] = nodes;
  const prefer = wanted ?? roomy;
  let chosen: Candidate | undefined;
  if (prefer !== undefined && best !== undefined) {
    const candidate = resource.allowed.get(prefer);
    if (candidate !== undefined && candidate.weight >= best.weight && isUsable(candidate)) chosen = candidate;
  }
  if (chosen === undefined && best !== undefined) {
    const unique = resource.parent?.variant === "clone" && resource.parent.unique;
    const stay = !unique && best.weight > 0 && isAvailable(best.node) ? currentNode(resource) : undefined;
    const candidate = stay === undefined ? undefined : resource.allowed.get(stay);
    const staying = stay !== undefined && isAvailable(stay) && candidate?.weight === best.weight;
    chosen = staying ? candidate : best;
  }
  place(resource, resource.allowed, chosen?.node, false);
}

/**
 * Settles a resource's node. Unless forced, one that cannot be used counts as none; then it has to stop.
 * @returns whether it has a node
 */
export function place(
  resource: Resource,
  allowed: ReadonlyMap<Node, Candidate>,
  node: Node | undefined,
  force: boolean,
): boolean {
  let chosen = node;
  if (!force && chosen !== undefined && !isUsable(allowed.get(chosen))) chosen = undefined;
  if (chosen === undefined && !force) resource.nextRole = "Stopped";
  unplace(resource);
  resource.provisional = false;
  if (chosen === undefined) {
    resource.nextRole = "Stopped";
    for (const action of resource.actions) {
      if (action.task === "stop") clear(action, Act.optional);
      else if (action.task === "start") clear(action, Act.runnable);
      // What stops is no longer watched: its monitors are not begun, and need not be ended.
      else if (isAboutMonitor(action) && action.meta.get("op_target_rc") !== "7") clear(action, Act.runnable);
    }
    return false;
  }
  resource.assignedTo = chosen;
  chosen.assigned.push(resource);
  chosen.assignedCount += 1;
  takeCapacity(resource, chosen, 1);
  return true;
}

function isAboutMonitor({ task, intervalMs }: WorkAction): boolean {
  return intervalMs > 0 || task === "cancel";
}

export function unplace(resource: Resource): void {
  for (const child of resource.children) unplace(child);
  const old = resource.assignedTo;
  resource.provisional = true;
  if (old === undefined) return;
  resource.assignedTo = undefined;
  old.assigned.splice(old.assigned.indexOf(resource), 1);
  old.assignedCount -= 1;
  takeCapacity(resource, old, -1);
}

/** Makes a resource, or all of a group, have no node. */
export function placeNowhere(resource: Resource): boolean {
  if (resource.variant === "primitive") {
    const had = resource.assignedTo !== undefined;
    place(resource, resource.allowed, undefined, true);
    return had;
  }
  return resource.children.map(placeNowhere).some(Boolean);
}

function assignGroup(state: ClusterState, resource: Resource, prefer: Node | undefined): Node | undefined {
  const { parent, children } = resource;
  if (parent !== undefined && !parent.assigning) assign(state, parent, prefer);
  if (!resource.provisional) return resource.assignedTo;
  const [first] = children;
  if (resource.assigning || first === undefined) return undefined;
  resource.assigning = true;
  resource.role = first.role;
  for (const each of resource.colocatedWith) insertSorted(first.colocatedWith, each, ({ primary }) => primary);
  const last = children.at(-1) ?? first;
  for (const each of resource.dependents) insertSorted(last.dependents, each, ({ dependent }) => dependent);
  noteScores(state, resource, "group");
  const nodes = children.map((child) => assign(state, child, prefer));
  resource.nextRole = first.nextRole;
  resource.assigning = false;
  resource.provisional = false;
  return resource.collocated ? nodes.find((node) => node !== undefined) : undefined;
}
