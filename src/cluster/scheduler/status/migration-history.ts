import { childOf, childrenOf } from "../../../lib/xml.js";
import { readHistoryEntry } from "../../cib/history.js";
import type { HistoryEntry } from "../../cib/types.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { addRunning } from "./running.js";

const OK = 0;
const NOT_RUNNING = 7;
const UNKNOWN = 193;
const DONE = 0;
const PENDING = -1;

/** Orders operations of one node by age: call ids, then times; pending ones by the transition that asked for them. */
export function isNewer(a: HistoryEntry, b: HistoryEntry): number {
  if (a.callId >= 0 && b.callId >= 0) {
    return a.callId === b.callId ? byTime(a, b) : a.callId - b.callId;
  }
  return byTransition(a, b);
}

/** The same for operations of different nodes, whose call ids say nothing of each other. */
function isNewerElsewhere(a: HistoryEntry, b: HistoryEntry): number {
  return byTime(a, b) || byTransition(a, b);
}

function byTime(a: HistoryEntry, b: HistoryEntry): number {
  if (a.lastChange === undefined || b.lastChange === undefined) return 0;
  return a.lastChange - b.lastChange;
}

function byTransition(a: HistoryEntry, b: HistoryEntry): number {
  if (a.callId === -1 && b.callId === -1) return 0;
  if (a.transitionUuid !== b.transitionUuid || a.transitionId === b.transitionId) {
    if (b.callId === -1) return -1;
    return a.callId === -1 ? 1 : 0;
  }
  if ((a.transitionId >= 0 && a.transitionId < b.transitionId) || b.transitionId === -1) return -1;
  return 1;
}

/** The history of a resource on a node, as recorded. */
function historyOn(state: ClusterState, id: string, nodeName: string): readonly HistoryEntry[] {
  const section = state.cib.status.find((each) => each.name === "node_state" && each.attributes["uname"] === nodeName);
  const lrm = section === undefined ? undefined : childOf(section, "lrm");
  const resources = lrm === undefined ? undefined : childOf(lrm, "lrm_resources");
  const found = resources?.children.find((each) => each.attributes["id"] === id);
  return found === undefined
    ? []
    : childrenOf(found, "lrm_rsc_op")
        .map(readHistoryEntry)
        .filter((entry) => entry !== undefined);
}

function findMigrateFrom(state: ClusterState, id: string, target: string, source: string): HistoryEntry | undefined {
  return historyOn(state, id, target).find((entry) => entry.task === "migrate_from" && entry.migrateSource === source);
}

function isUnknownOn(state: ClusterState, id: string, nodeName: string): boolean {
  return !historyOn(state, id, nodeName).some((entry) => entry.rc !== UNKNOWN);
}

const STATE_CHANGES = ["start", "stop", "migrate_to", "migrate_from"];

function changedAfter(
  state: ClusterState,
  id: string,
  nodeName: string,
  than: HistoryEntry,
  sameNode: boolean,
): boolean {
  const compare = sameNode ? isNewer : isNewerElsewhere;
  return historyOn(state, id, nodeName).some(
    (entry) => STATE_CHANGES.includes(entry.task) && !isSame(entry, than) && compare(entry, than) > 0,
  );
}

function isSame(a: HistoryEntry, b: HistoryEntry): boolean {
  return a.xml === b.xml;
}

function foundStoppedAfter(
  state: ClusterState,
  id: string,
  nodeName: string,
  than: HistoryEntry,
  sameNode: boolean,
): boolean {
  const monitor = findSuccessful(historyOn(state, id, nodeName), "monitor", NOT_RUNNING);
  const compare = sameNode ? isNewer : isNewerElsewhere;
  return monitor !== undefined && compare(monitor, than) > 0;
}

function findSuccessful(entries: readonly HistoryEntry[], task: string, rc: number): HistoryEntry | undefined {
  const found = entries.find((entry) => entry.task === task && entry.rc === rc);
  return found?.status === DONE ? found : undefined;
}

/** Whether a node has newer news of the resource than the migration. */
function hasNewerState(
  state: ClusterState,
  id: string,
  nodeName: string,
  migrateTo: HistoryEntry | undefined,
  migrateFrom: HistoryEntry | undefined,
): boolean {
  const either = migrateFrom ?? migrateTo;
  if (either === undefined) return false;
  const isTarget = nodeName === either.migrateTarget;
  const own = isTarget ? migrateFrom : migrateTo;
  const than = own ?? either;
  const sameNode = own !== undefined;
  return changedAfter(state, id, nodeName, than, sameNode) || foundStoppedAfter(state, id, nodeName, than, sameNode);
}

/** A migrate_to that succeeded: complete, half done, or the stop on the source is missing. */
export function afterMigrateTo(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry): void {
  const { migrateSource: source, migrateTarget: target } = entry;
  if (source === undefined || target === undefined || source !== node.name) return;
  const { id } = resource;
  const sourceChanged = changedAfter(state, id, source, entry, true);
  const from = findMigrateFrom(state, id, target, source);
  if (from !== undefined && sourceChanged) return;
  const targetNewer = hasNewerState(state, id, target, entry, from);
  if (sourceChanged && targetNewer) return;
  if (from?.rc === OK && from.status === DONE) {
    // The target has it; what is missing is the stop on the source.
    resource.role = "Stopped";
    if (node.online) resource.danglingMigrations.push(node);
    return;
  }
  resource.role = "Started";
  const targetNode = state.nodeByName.get(target);
  const activeOnTarget = !targetNewer && targetNode?.online === true;
  if (from !== undefined && from.status !== PENDING) {
    if (activeOnTarget) addRunning(state, resource, targetNode);
    else markLost(resource);
    return;
  }
  if (targetNode?.online === true && isUnknownOn(state, id, target)) return;
  if (activeOnTarget) {
    addRunning(state, resource, targetNode);
    if (node.online) {
      resource.partialMigrationTarget = targetNode;
      resource.partialMigrationSource = node;
    }
  } else if (!sourceChanged) markLost(resource);
}

function markLost(resource: Resource): void {
  resource.failed = true;
  resource.mustStop = true;
  resource.allowMigrate = false;
}

/** A migrate_to that failed: it may be active on either node. */
export function afterFailedMigrateTo(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry): void {
  const { migrateSource: source, migrateTarget: target } = entry;
  resource.role = "Started";
  if (source === undefined || target === undefined) return;
  const { id } = resource;
  const found = findMigrateFrom(state, id, target, source);
  const from = found?.rc === OK && found.status === DONE ? found : undefined;
  if (!isUnknownOn(state, id, target) && !hasNewerState(state, id, target, entry, from)) {
    const targetNode = state.nodeByName.get(target);
    if (targetNode?.online === true) addRunning(state, resource, targetNode);
  } else if (!changedAfter(state, id, source, entry, true)) {
    resource.danglingMigrations.push(node);
  }
}

/** A migrate_from that failed: it may still be active on the source. */
export function afterFailedMigrateFrom(state: ClusterState, resource: Resource, entry: HistoryEntry): void {
  const { migrateSource: source, migrateTarget: target } = entry;
  resource.role = "Started";
  if (source === undefined || target === undefined) return;
  const { id } = resource;
  const to = historyOn(state, id, source).find((each) => each.task === "migrate_to" && each.migrateTarget === target);
  const success = to?.rc === OK && to.status === DONE ? to : undefined;
  if (isUnknownOn(state, id, source) || hasNewerState(state, id, source, success, entry)) return;
  const sourceNode = state.nodeByName.get(source);
  if (sourceNode?.online === true) addRunning(state, resource, sourceNode);
}
