import { childOf, childrenOf } from "../../lib/xml.js";
import { readHistoryEntry } from "../cib/history.js";
import type { HistoryEntry } from "../cib/types.js";
import { clearFailcount, ensureAction, stopAction } from "./actions/action-table.js";
import { isAvailable } from "./assignment/availability.js";
import { compareDigests, startedBy } from "./actions/digests.js";
import { failcountOf } from "./status/failcounts.js";
import { activeRange } from "./status/history.js";
import { isNewer } from "./status/migration-history.js";
import type { ClusterState, Node, Resource } from "./model.js";
import { baseId, isAnonymousClone, primitivesOf, topOf } from "./resource-tree.js";
import { findOperation } from "./configuration/operation-config.js";
import { cancelAction } from "./actions/recurring.js";
import { addCleanup } from "./actions/role-actions.js";
import { readmit } from "./fencing-and-shutdown/unfencing.js";
import { Act, addOrdering, operationKey, Ord, set } from "./actions/work-action.js";

const COMPARED = ["monitor", "start", "promote", "migrate_from"];

/** What was changed in the configuration since operations were run: restarts, reloads, monitors to be ended. */
export function applyConfigurationChanges(state: ClusterState): void {
  for (const section of state.cib.status) {
    if (section.name !== "node_state") continue;
    const node =
      state.nodeById.get(section.attributes["id"] ?? "") ?? state.nodeByName.get(section.attributes["uname"] ?? "");
    if (node === undefined) continue;
    if (!node.maintenance && !isAvailable(node)) continue;
    const lrm = childOf(section, "lrm");
    const histories = lrm === undefined ? undefined : childOf(lrm, "lrm_resources");
    for (const history of childrenOf(histories ?? section, "lrm_resource")) {
      const entries = childrenOf(history, "lrm_rsc_op")
        .map(readHistoryEntry)
        .filter((entry) => entry !== undefined);
      if (entries.length === 0) continue;
      for (const resource of knownAs(state, history.attributes["id"] ?? "")) {
        checkResource(state, resource, node, history.attributes, entries);
      }
    }
  }
}

/** What is not configured any more has no failures to remember. */
export function forgetOrphansFailures(state: ClusterState): void {
  for (const resource of state.resources) {
    if (!resource.orphan) continue;
    for (const node of state.nodes) {
      if (!node.online || failcountOf(state, resource, node, { effective: true }).count === 0) continue;
      const action = clearFailcount(state, resource, node);
      addOrdering(state, { action }, { resource, key: operationKey(resource.id, "stop", 0) }, Ord.optional);
    }
  }
}

/** The resources a history may be about: of an anonymous clone, any instance. */
function knownAs(state: ClusterState, id: string): readonly Resource[] {
  return state.resources
    .flatMap(primitivesOf)
    .filter((each) => each.id === id || each.historyId === id || (!each.unique && baseId(each.id) === baseId(id)));
}

function checkResource(
  state: ClusterState,
  resource: Resource,
  node: Node,
  recorded: Readonly<Record<string, string>>,
  entries: readonly HistoryEntry[],
): void {
  if (resource.orphan) {
    if (!isAnonymousClone(topOf(resource))) addCleanup(state, resource, node, false);
    return;
  }
  const changed = agentChanged(resource, recorded);
  if (!resource.runningOn.includes(node)) {
    if (changed) addCleanup(state, resource, node, false);
    return;
  }
  if (changed) {
    stopAction(state, resource, node, false);
    resource.mustStop = true;
    addCleanup(state, resource, node, false);
    readmit(state, resource, node, "device definition changed");
  }
  const sorted = [...entries].sort(isNewer);
  const { start, stop } = activeRange(sorted);
  sorted.forEach((entry, index) => {
    if (start < stop || index < start) return;
    if (entry.intervalMs > 0 && (resource.maintenance || node.maintenance)) {
      scheduleCancel(state, resource, node, entry);
      return;
    }
    if (entry.intervalMs === 0 && !COMPARED.includes(entry.task)) return;
    if (
      checkOperation(state, resource, node, entry) &&
      failcountOf(state, resource, node, { effective: true }).count > 0
    ) {
      clearFailcount(state, resource, node);
    }
  });
}

function agentChanged(resource: Resource, recorded: Readonly<Record<string, string>>): boolean {
  const { class: agentClass, provider, type } = resource.agent;
  return recorded["type"] !== type || recorded["class"] !== agentClass || recorded["provider"] !== provider;
}

function scheduleCancel(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry): void {
  const cancel = cancelAction(state, resource, entry.task, entry.intervalMs, node);
  cancel.meta.set("call-id", String(entry.callId));
  addOrdering(state, { resource, key: operationKey(resource.id, "stop", 0) }, { action: cancel }, Ord.optional);
}

/** @returns whether the configuration of the operation is another now */
function checkOperation(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry): boolean {
  const { intervalMs } = entry;
  const task = startedBy(entry);
  if (intervalMs > 0 && findOperation(resource, task, intervalMs, false) === undefined) {
    if (state.options.stopOrphanActions) scheduleCancel(state, resource, node, entry);
    return true;
  }
  const digest = compareDigests(state, resource, node, entry);
  if (digest === "same") return false;
  const startAnew = (): void => {
    // Whatever operation it was, a promotion too: only a start makes the parameters known to the agent.
    const key = operationKey(resource.id, "start", 0);
    ensureAction(state, { resource, key, task: "start", optional: false });
    readmit(state, resource, node, "device parameters changed");
  };
  const key = operationKey(resource.id, task, intervalMs);
  if (digest === "restart") startAnew();
  else if (intervalMs > 0) set(ensureAction(state, { resource, key, task, node, optional: true }), Act.beginAnew);
  else if (entry.xml.attributes["op-restart-digest"] !== undefined) {
    readmit(state, resource, undefined, "device parameters changed (reload)");
    scheduleReload(state, resource, node);
  } else startAnew();
  return true;
}

function scheduleReload(state: ClusterState, resource: Resource, node: Node): void {
  if (!resource.managed || resource.failed) return;
  if (resource.startPending) {
    stopAction(state, resource, node, false);
    return;
  }
  resource.reload = true;
  const key = operationKey(resource.id, "reload-agent", 0);
  const action = ensureAction(state, { resource, key, task: "reload-agent", node, optional: false });
  for (const task of ["stop", "demote"]) {
    addOrdering(
      state,
      { action },
      { resource, key: operationKey(resource.id, task, 0) },
      Ord.optional | Ord.thenDropsFirst,
    );
  }
}
