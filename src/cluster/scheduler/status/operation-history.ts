import { OP_STATUS } from "../../cib/record.js";
import type { HistoryEntry } from "../../cib/types.js";
import { clearFailcount, stopAction } from "../actions/action-table.js";
import { recheckBy } from "../configuration/attributes.js";
import { compareDigests } from "../actions/digests.js";
import { failcountOf } from "./failcounts.js";
import { canFence } from "../fencing-and-shutdown/fencing.js";
import { activeRole } from "./history.js";
import { afterFailedMigrateFrom, afterFailedMigrateTo, afterMigrateTo } from "./migration-history.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { isAnonymousClone, topOf } from "../resource-tree.js";
import { rank } from "../roles.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { nodeBehind } from "../configuration/remote-nodes.js";
import { operationSettings, type OperationSettings } from "../configuration/operation-config.js";
import { INFINITY } from "../score.js";
import type { OnFail } from "../actions/work-action.js";

/** What reading one resource's history on one node carries along. */
export interface HistoryRun {
  readonly state: ClusterState;
  readonly resource: Resource;
  readonly node: Node;
  /** The gravest reaction to a failure that nothing later has put right. */
  onFail: OnFail;
  lastFailure: HistoryEntry | undefined;
}

const RC = {
  ok: 0,
  invalidParam: 2,
  unimplemented: 3,
  insufficientPrivilege: 4,
  notInstalled: 5,
  notConfigured: 6,
  notRunning: 7,
  promoted: 8,
  failedPromoted: 9,
  degraded: 190,
  degradedPromoted: 191,
} as const;

/** Reactions by gravity. */
const GRAVITY: readonly OnFail[] = [
  "ignore",
  "demote",
  "restart",
  "reset-remote",
  "restart-container",
  "migrate",
  "block",
  "stop",
  "standby",
  "fence",
];

interface Result {
  rc: number;
  status: number;
}

/** Applies one operation of the history to the role of its resource; entries have to come oldest first. */
export function applyEntry(run: HistoryRun, entry: HistoryEntry): void {
  const { state, resource, node } = run;
  if (entry.task === "notify" || entry.task === "meta-data") return;
  const result: Result = { rc: entry.rc, status: entry.status };
  const settings = operationSettings(state, resource, entry.task, entry.intervalMs);
  const expired = result.status !== OP_STATUS.notInstalled && isExpired(run, entry);
  result.rc = withoutDegradation(result.rc);
  if (expired && result.rc !== entry.targetRc) {
    if (entry.intervalMs === 0) return;
    if (node.online && !node.unclean) state.rescheduled.add(entry.xml);
  }
  judge(run, entry, result, expired);
  switch (result.status) {
    case OP_STATUS.pending: {
      applyPending(run, entry);
      return;
    }
    case OP_STATUS.done: {
      applySuccess(run, entry, result.rc);
      return;
    }
    case OP_STATUS.notInstalled:
      if (settings.onFail === "ignore") run.onFail = "migrate";
      addNodeScore(bannedWith(resource), node, -INFINITY);
      {
        applyFailure(run, entry, result, settings);
        return;
      }
  }
  if (settings.onFail === "ignore" || (settings.onFail === "restart-container" && entry.task === "stop")) {
    applySuccess(run, entry, entry.targetRc);
    resource.failureIgnored = true;
    // What could not be stopped is gone when its container is restarted.
    if (settings.onFail === "restart-container" && GRAVITY.indexOf(run.onFail) <= GRAVITY.indexOf("restart")) {
      run.onFail = "restart-container";
    }
    state.failedOperations.push({ node, entry: entry.xml });
    return;
  }
  applyFailure(run, entry, result, settings);
  if (result.status === OP_STATUS.errorHard) addNodeScore(bannedWith(resource), node, -INFINITY);
  if (result.status === OP_STATUS.errorFatal) {
    for (const each of state.nodes) addNodeScore(bannedWith(resource), each, -INFINITY);
  }
}

/** Instances of an anonymous clone are banned together. */
function bannedWith(resource: Resource): Resource {
  const top = topOf(resource);
  return isAnonymousClone(top) ? top : resource;
}

function withoutDegradation(rc: number): number {
  if (rc === RC.degraded) return RC.ok;
  return rc === RC.degradedPromoted ? RC.promoted : rc;
}

function isProbe(entry: HistoryEntry): boolean {
  return entry.task === "monitor" && entry.intervalMs === 0;
}

/** Decides from the return code whether it was a failure; other statuses than done and error stand as they are. */
function judge(run: HistoryRun, entry: HistoryEntry, result: Result, expired: boolean): void {
  const { resource } = run;
  if (result.status !== OP_STATUS.done && result.status !== OP_STATUS.error) return;
  const expected = result.rc === entry.targetRc;
  if (entry.targetRc < 0) result.status = result.rc === RC.ok ? OP_STATUS.done : result.status;
  else result.status = expected ? OP_STATUS.done : OP_STATUS.error;
  switch (result.rc) {
    case RC.ok:
      if (isProbe(entry)) result.status = OP_STATUS.done;
      return;
    case RC.notRunning:
      if (isProbe(entry) || expected || !resource.managed) {
        result.status = OP_STATUS.done;
        resource.role = "Stopped";
        run.onFail = "ignore";
        resource.nextRole = "Unknown";
      }
      return;
    case RC.promoted:
      if (isProbe(entry) && !expected) result.status = OP_STATUS.done;
      if (!expired || expected) resource.role = "Promoted";
      return;
    case RC.failedPromoted:
      if (!expired) resource.role = "Promoted";
      result.status = OP_STATUS.error;
      return;
    case RC.notConfigured:
      result.status = OP_STATUS.errorFatal;
      return;
    case RC.unimplemented:
      if (entry.intervalMs > 0) {
        result.status = OP_STATUS.notSupported;
        return;
      }
      break;
    case RC.notInstalled:
    case RC.invalidParam:
    case RC.insufficientPrivilege:
      break;
    default:
      if (result.status === OP_STATUS.done && !expected) result.status = OP_STATUS.error;
      return;
  }
  if (entry.task === "stop" && !canFence(run.state, run.node)) {
    run.state.warnings.add(`no further recovery of ${resource.id} is possible: its stop on ${run.node.name} failed`);
    resource.managed = false;
    resource.blocked = true;
  }
  result.status = OP_STATUS.errorHard;
}

function applyPending(run: HistoryRun, entry: HistoryEntry): void {
  const { state, resource, node } = run;
  if (entry.task === "start") {
    resource.startPending = true;
    resource.role = activeRole(resource);
  } else if (entry.task === "promote") resource.role = "Promoted";
  else if (entry.task === "migrate_to" && node.unclean && entry.migrateTarget !== undefined) {
    const target = state.nodeByName.get(entry.migrateTarget);
    if (target !== undefined) stopAction(state, resource, target, false);
  }
  if (resource.pendingTask === undefined && !isProbe(entry)) {
    resource.pendingTask = entry.task;
    resource.pendingNode = node;
  }
}

function applySuccess(run: HistoryRun, entry: HistoryEntry, rc: number): void {
  const { state, resource, node } = run;
  let clears = false;
  if (rc === RC.notInstalled) resource.role = "Stopped";
  else if (rc === RC.notRunning) clears = true;
  else {
    switch (entry.task) {
      case "monitor":
        clears = run.lastFailure?.key === entry.key;
        if (rank(resource.role) < rank("Started")) resource.role = activeRole(resource);
        break;
      case "start":
      case "migrate_from":
        resource.role = "Started";
        clears = true;
        break;
      case "stop":
        resource.role = "Stopped";
        clears = true;
        break;
      case "promote":
        resource.role = "Promoted";
        clears = true;
        break;
      case "demote":
        clears = run.onFail === "demote";
        resource.role = "Unpromoted";
        break;
      case "migrate_to":
        afterMigrateTo(state, resource, node, entry);
        break;
      default:
        if (rank(resource.role) < rank("Started")) resource.role = activeRole(resource);
    }
  }
  if (!clears) return;
  // Grave reactions are not undone by something that worked later.
  if (["block", "ignore", "demote", "restart", "restart-container", "reset-remote"].includes(run.onFail)) {
    run.onFail = "ignore";
    resource.nextRole = "Unknown";
  }
}

function applyFailure(run: HistoryRun, entry: HistoryEntry, result: Result, settings: OperationSettings): void {
  const { state, resource, node } = run;
  run.lastFailure = entry;
  state.failedOperations.push({ node, entry: entry.xml });
  if (GRAVITY.indexOf(run.onFail) < GRAVITY.indexOf(settings.onFail)) run.onFail = settings.onFail;
  switch (entry.task) {
    case "stop":
      addNodeScore(resource, node, -INFINITY);
      break;
    case "migrate_to":
      afterFailedMigrateTo(state, resource, node, entry);
      break;
    case "migrate_from":
      afterFailedMigrateFrom(state, resource, entry);
      break;
    case "promote":
      // How far it came nobody knows: it has to be demoted.
      resource.role = "Promoted";
      break;
    case "demote":
      if (settings.onFail === "block") {
        resource.role = "Promoted";
        resource.nextRole = "Stopped";
      } else resource.role = result.rc === RC.notRunning ? "Stopped" : "Unpromoted";
  }
  if (isProbe(entry) && result.rc === RC.notInstalled) resource.role = "Stopped";
  else if (rank(resource.role) < rank("Started")) resource.role = activeRole(resource);
  if (settings.failRole !== "Started" && rank(resource.nextRole) < rank(settings.failRole)) {
    resource.nextRole = settings.failRole;
  }
  if (settings.failRole === "Stopped") {
    for (const candidate of bannedWith(resource).allowed.values()) candidate.weight = -INFINITY;
  }
}

/** Whether a failure is older than the failure-timeout; a failcount that is out of date by then is cleared. */
function isExpired(run: HistoryRun, entry: HistoryEntry): boolean {
  const { state, resource, node } = run;
  const isLastFailure = entry.id.endsWith("_last_failure_0");
  let expired = false;
  let clear = false;
  let unexpired = 0;
  if (resource.failureTimeoutMs > 0 && entry.lastChange !== undefined) {
    expired = state.now >= entry.lastChange * 1000 + resource.failureTimeoutMs;
    const current = failcountOf(state, resource, node, { effective: true, entry });
    unexpired = current.count;
    if (current.count > 0 && current.lastFailure > 0) {
      // A count is out of date when it is older than the timeout, in whole seconds: not yet at that very one.
      recheckBy(state, current.lastFailure * 1000 + resource.failureTimeoutMs + 1000);
    }
  }
  if (expired && failcountOf(state, resource, node, { effective: false, entry }).count > 0) {
    if (unexpired === 0) clear = true;
    else expired = false;
  }
  if (!clear && isLastFailure && (entry.task === "start" || entry.task === "monitor")) {
    const digest = compareDigests(state, resource, node, entry);
    clear = digest !== "same" && digest !== "unknown";
  }
  if (clear && awaitsFencing(state, resource, entry)) return false;
  if (clear) clearFailcount(state, resource, node);
  if (expired && isProbe(entry)) {
    const { rc } = entry;
    if ([RC.ok, RC.notRunning, RC.promoted, RC.degraded, RC.degradedPromoted].some((each) => each === rc)) return false;
  }
  return expired;
}

/** A lost connection is not forgotten before its node was fenced: until then nobody knows what goes on there. */
function awaitsFencing(state: ClusterState, connection: Resource, entry: HistoryEntry): boolean {
  if (connection.reconnectMs === 0 || entry.task !== "monitor" || !state.options.fencing) return false;
  return nodeBehind(state, connection)?.remoteWasFenced === false;
}
