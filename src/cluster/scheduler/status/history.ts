import { element, type XmlElement } from "../../../lib/xml.js";
import { readHistoryEntry } from "../../cib/history.js";
import type { HistoryEntry } from "../../cib/types.js";
import { findActionsOn, ensureAction, operation, stopAction } from "../actions/action-table.js";
import { fenceNode } from "../fencing-and-shutdown/fencing.js";
import { isNewer } from "./migration-history.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { baseId, isAnonymousClone, isClone, isPromotableClone, topOf } from "../resource-tree.js";
import { rank } from "../roles.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { applyEntry, type HistoryRun } from "./operation-history.js";
import { resetRemote } from "../fencing-and-shutdown/remote-fencing.js";
import { isGuestNode, nodeBehind, tieConnection } from "../configuration/remote-nodes.js";
import { addInstance, makeResource } from "../configuration/resources.js";
import { targetRole } from "../configuration/target-role.js";
import { hasLock, readLock } from "../node-criteria/shutdown-lock.js";
import { addRunning } from "./running.js";
import { INFINITY } from "../score.js";
import { Act, operationKey, set } from "../actions/work-action.js";

/** Reads what was done to one resource on one node, and concludes its role there. */
export function readResourceHistory(state: ClusterState, node: Node, xml: XmlElement): void {
  const id = xml.attributes["id"];
  if (id === undefined) return;
  const entries = xml.children
    .filter((child) => child.name === "lrm_rsc_op")
    .map(readHistoryEntry)
    .filter((entry) => entry !== undefined);
  if (entries.length === 0 && !hasLock(state, xml)) return;
  const found = findByHistory(state, node, id);
  const resource = found ?? makeOrphan(state, xml, id);
  if (resource === undefined) return;
  readLock(state, resource, node, xml);
  const before = resource.role;
  resource.role = "Unknown";
  const sorted = [...entries].sort(isNewer);
  const run: HistoryRun = { state, resource, node, onFail: "ignore", lastFailure: undefined };
  for (const entry of sorted) applyEntry(run, entry);
  noteRecurring(state, resource, node, sorted);
  concludeRole(run);
  const target = targetRole(resource);
  if (target !== undefined && (resource.nextRole === "Unknown" || rank(target) < rank(resource.nextRole))) {
    resource.nextRole = target;
  }
  if (rank(before) > rank(resource.role)) resource.role = before;
}

function findByHistory(state: ClusterState, node: Node, id: string): Resource | undefined {
  const exact = state.resourceById.get(id);
  if (exact !== undefined && exact.variant !== "primitive") return undefined;
  let found = exact ?? undefined;
  if (found === undefined) {
    const zero = state.resourceById.get(`${baseId(id)}:0`);
    if (zero?.variant === "primitive" && !zero.unique) found = zero;
  }
  const top = found === undefined ? undefined : topOf(found);
  if (isAnonymousClone(top) && isClone(top)) found = findAnonymous(state, node, top, baseId(id));
  if (found !== undefined && found.id !== id && found.historyId !== id) found.historyId = id;
  return found;
}

/** The instance of an anonymous clone a node's history is about: the one active there, or else an inactive one. */
function findAnonymous(
  state: ClusterState,
  node: Node,
  clone: Resource & { clone: NonNullable<Resource["clone"]> },
  base: string,
): Resource | undefined {
  let found: Resource | undefined;
  let inactive: Resource | undefined;
  let skipInactive = false;
  for (const child of clone.children) {
    const at = activeNodes(child)[0];
    if (at === undefined) {
      if (skipInactive || inactive !== undefined || child.blocked) continue;
      inactive = memberOf(child, base);
      if (inactive?.pendingNode !== undefined && inactive.pendingNode !== node) inactive = undefined;
    } else if (at === node) {
      found = memberOf(child, base);
      if (found !== undefined && found.runningOn.length > 0) {
        // A second history of the clone on the same node: it is an orphan.
        skipInactive = true;
        found = undefined;
      }
      if (found !== undefined) break;
    }
  }
  if (found === undefined && !skipInactive) found = inactive;
  const unsure = !node.online || node.unclean;
  if (found !== undefined && found.requires !== "fencing" && found.requires !== "unfencing" && unsure) {
    // Without fencing, an instance that cannot be asked does not use up an instance number, if those are scarce.
    if (clone.clone.max < state.nodes.length) found = undefined;
  }
  return found ?? memberOf(addInstance(state, clone), base);
}

function memberOf(instance: Resource, base: string): Resource | undefined {
  if (instance.variant === "primitive") return baseId(instance.id) === base ? instance : undefined;
  return instance.children.map((child) => memberOf(child, base)).find((each) => each !== undefined);
}

function activeNodes(resource: Resource): readonly Node[] {
  if (resource.children.length === 0) return resource.runningOn;
  return [...new Set(resource.children.flatMap(activeNodes))];
}

function makeOrphan(state: ClusterState, history: XmlElement, id: string): Resource | undefined {
  const { class: agentClass, provider, type } = history.attributes;
  const xml = element("primitive", { id, class: agentClass, provider, type });
  const namesake = state.resourceById.get(id);
  const made = makeResource(state, xml, undefined, undefined);
  if (made === undefined) return undefined;
  // A group or clone may have the id now that was a primitive's before; constraints are about what is configured.
  if (namesake !== undefined) state.resourceById.set(id, namesake);
  made.orphan = true;
  tieConnection(state, made);
  const container = history.attributes["container"];
  if (container !== undefined) made.meta.set("container", container);
  const led = nodeBehind(state, made);
  // The node of a connection that is not configured any more is about to be left.
  if (led !== undefined) {
    led.shutdown = true;
    led.unclean = false;
    led.unseen = false;
  }
  state.resources.push(made);
  if (!state.options.stopOrphanResources) made.managed = false;
  else for (const node of state.nodes) addNodeScore(made, node, -INFINITY);
  return made;
}

/** Recurring operations that still run there are remembered, so that unwanted ones can be ended. */
function noteRecurring(state: ClusterState, resource: Resource, node: Node, entries: readonly HistoryEntry[]): void {
  if (!node.online) return;
  const { start, stop } = activeRange(entries);
  entries.forEach((entry, index) => {
    const stopped = start < stop && index <= stop;
    if (stopped || index < start || entry.intervalMs === 0 || entry.status === -1) return;
    ensureAction(state, {
      resource,
      key: operationKey(resource.id, entry.task, entry.intervalMs),
      task: entry.task,
      node,
      optional: true,
    });
  });
}

/** Indexes of the last start and the last successful stop; -1 when there is none. */
export function activeRange(entries: readonly HistoryEntry[]): { start: number; stop: number } {
  let start = -1;
  let stop = -1;
  let impliedByMonitor = -1;
  let impliedByRole = -1;
  entries.forEach(({ task, status, rc }, index) => {
    if (task === "stop" && status === 0) stop = index;
    else if (task === "start" || task === "migrate_from") start = index;
    else if (impliedByMonitor <= stop && task === "monitor" && (rc === 0 || rc === 8)) impliedByMonitor = index;
    else if (task === "promote" || task === "demote") impliedByRole = index;
  });
  if (start === -1) start = impliedByRole !== -1 ? impliedByRole : impliedByMonitor;
  return { start, stop };
}

function concludeRole(run: HistoryRun): void {
  const { state, resource, node } = run;
  if (resource.role !== "Unknown") {
    for (let each: Resource | undefined = resource; each !== undefined; each = each.parent) {
      each.knownOn.add(node);
      if (each.unique) break;
    }
  }
  const isUp = resource.role !== "Stopped" && resource.role !== "Unknown";
  if (isUp && isLost(node) && !node.maintenance && resource.managed && state.options.fencing) {
    fenceNode(state, node, `${resource.id} is thought to be active there`, false);
  }
  if (isUp && isGuestNode(node) && node.remoteRequiresReset) {
    resource.failed = true;
    resource.mustStop = true;
  }
  const found = run.onFail;
  // What failed on a node that is fenced may be started again afterwards.
  const onFail = node.unclean ? "ignore" : found;
  actOnFailure(run, onFail, isUp);
  if (isUp) {
    addRunning(state, resource, node);
    if (onFail !== "ignore") {
      resource.failed = true;
      if (onFail !== "demote" && onFail !== "block") resource.mustStop = true;
    }
  } else if (resource.historyId?.includes(":") === true) {
    resource.historyId = undefined;
  } else {
    for (const stop of findActionsOn(resource, operationKey(resource.id, "stop", 0), node)) set(stop, Act.optional);
  }
  // A stop on the source after a migrate_to says nothing of the target.
  if (resource.role === "Stopped" && resource.partialMigrationSource === node && resource.runningOn.length > 0) {
    if (resource.partialMigrationTarget !== undefined) resource.role = "Started";
  }
}

/** A remote node that is merely not connected is asked again when it is; one whose connection failed may be gone. */
function isLost(node: Node): boolean {
  if (node.online) return false;
  if (node.type !== "remote" || isGuestNode(node) || node.remoteRequiresReset) return true;
  return node.remoteResource?.failed === true;
}

function actOnFailure({ state, resource, node }: HistoryRun, onFail: HistoryRun["onFail"], isUp: boolean): void {
  switch (onFail) {
    case "ignore":
      return;
    case "demote":
      resource.failed = true;
      operation(state, resource, "demote", node, false);
      return;
    case "fence":
      fenceNode(state, node, `${resource.id} failed there`, false);
      return;
    case "standby":
      node.standby = true;
      node.standbyOnFail = true;
      return;
    case "block":
      resource.managed = false;
      resource.blocked = true;
      return;
    case "migrate":
      addNodeScore(resource, node, -INFINITY);
      return;
    case "stop":
      resource.nextRole = "Stopped";
      return;
    case "restart-container":
      resource.failed = true;
      resource.mustStop = true;
      if (resource.container !== undefined) stopAction(state, resource.container, node, false);
      else if (isUp) stopAction(state, resource, node, false);
      return;
    case "reset-remote":
      resetRemote(state, resource, node);
      return;
    case "restart":
      if (!isUp) return;
      resource.failed = true;
      resource.mustStop = true;
      stopAction(state, resource, node, false);
  }
}

/** The role of something active: promotable ones begin unpromoted. */
export function activeRole(resource: Resource): Resource["role"] {
  return isPromotableClone(topOf(resource)) ? "Unpromoted" : "Started";
}
