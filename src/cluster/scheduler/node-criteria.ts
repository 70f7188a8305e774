import { findActionsOn } from "./actions/action-table.js";
import { failcountOf } from "./status/failcounts.js";
import { applyNodeHealth } from "./node-criteria/health.js";
import { DISCOVERY, makeCandidate, type ClusterState, type Location, type Node, type Resource } from "./model.js";
import { isAnonymousClone, topOf } from "./resource-tree.js";
import { addNodeScore } from "./node-criteria/node-scores.js";
import { addScores, INFINITY } from "./score.js";
import { applyShutdownLocks } from "./node-criteria/shutdown-lock.js";
import { operationKey } from "./actions/work-action.js";

/** Fourth stage: what speaks for and against each node, resource by resource. */
export function applyNodeCriteria(state: ClusterState): void {
  applyShutdownLocks(state);
  applyNodeHealth(state);
  for (const location of state.locations) applyLocation(location.resource, location, false);
  for (const resource of state.resources) applyStickiness(state, resource);
  for (const node of state.nodes) {
    for (const resource of state.resources) {
      banAtThreshold(state, resource, node);
      banUndiscovered(resource, node);
    }
  }
}

/** In a colocated group the first member speaks for all of them. */
function applyLocation(resource: Resource, location: Location, zero: boolean): void {
  if (location.role === undefined || location.role === resource.nextRole) addLocation(resource, location, zero);
  const leads = resource.variant === "group" && resource.collocated;
  resource.children.forEach((child, index) => applyLocation(child, location, zero || (leads && index > 0)));
}

function addLocation(resource: Resource, location: Location, zero: boolean): void {
  for (const [node, given] of location.nodes) {
    const score = zero ? 0 : given;
    const known = resource.allowed.get(node);
    const candidate = known ?? makeCandidate(node, score);
    if (known === undefined) resource.allowed.set(node, candidate);
    else known.weight = addScores(known.weight, score);
    if (candidate.discovery >= location.discovery) continue;
    if (location.discovery === DISCOVERY.exclusive) resource.exclusiveDiscovery = true;
    candidate.discovery = location.discovery;
  }
}

/** What is active on one node would rather stay there. */
function applyStickiness(state: ClusterState, resource: Resource): void {
  for (const child of resource.children) applyStickiness(state, child);
  const [node] = resource.runningOn;
  if (resource.children.length > 0 || node === undefined || resource.runningOn.length > 1) return;
  if (!resource.managed || resource.stickiness < 1) return;
  if (!state.options.symmetric && !resource.allowed.has(node)) return;
  addNodeScore(resource, node, resource.stickiness);
}

function banAtThreshold(state: ClusterState, resource: Resource, node: Node): void {
  for (const child of resource.children) banAtThreshold(state, child, node);
  if (resource.children.length > 0) return;
  // Failures that are about to be forgotten do not count.
  if (findActionsOn(resource, operationKey(resource.id, "clear_failcount", 0), node).length > 0) return;
  const banned = thresholdReached(state, resource, node);
  if (banned !== undefined) addNodeScore(banned, node, -INFINITY);
}

/** What has to leave a node because of too many failures: all instances of an anonymous clone go together. */
export function thresholdReached(state: ClusterState, resource: Resource, node: Node): Resource | undefined {
  if (resource.migrationThreshold === 0 || resource.failureIgnored) return undefined;
  // What fails in a container fails with it.
  const count = [resource, ...resource.fillers]
    .map((each) => failcountOf(state, each, node, { effective: true }).count)
    .reduce(addScores, 0);
  if (count <= 0 || count < resource.migrationThreshold) return undefined;
  const top = topOf(resource);
  return isAnonymousClone(top) ? top : resource;
}

/** With exclusive discovery, nodes that are not named cannot be used. */
function banUndiscovered(resource: Resource, node: Node): void {
  if (!resource.exclusiveDiscovery && !topOf(resource).exclusiveDiscovery) return;
  for (const child of resource.children) banUndiscovered(child, node);
  const candidate = resource.allowed.get(node);
  if (candidate !== undefined && candidate.discovery !== DISCOVERY.exclusive) candidate.weight = -INFINITY;
}
