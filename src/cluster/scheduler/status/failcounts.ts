import type { HistoryEntry } from "../../cib/types.js";
import { readHistoryEntry } from "../../cib/history.js";
import { isNewer } from "../../cib/versions.js";
import { childOf } from "../../../lib/xml.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { baseId } from "../resource-tree.js";
import { addScores, parseScore } from "../score.js";

export interface Failcount {
  readonly count: number;
  /** Seconds since the epoch; 0 when not recorded. */
  readonly lastFailure: number;
}

/**
 * How often operations of a resource failed on a node: the sum over its operations, of all instances of an anonymous
 * clone. `effective`: failures older than the failure-timeout do not count.
 */
export function failcountOf(
  state: ClusterState,
  resource: Resource,
  node: Node,
  { effective, entry }: { effective: boolean; entry?: HistoryEntry },
): Failcount {
  const prefix = resource.unique ? (resource.historyId ?? resource.id) : baseId(resource.id);
  let count = 0;
  let lastFailure = 0;
  for (const [name, value] of node.attributes) {
    const kind = name.startsWith("fail-count-")
      ? "fail-count-"
      : name.startsWith("last-failure-")
        ? "last-failure-"
        : "";
    if (kind === "" || !belongsTo(state, name.slice(kind.length), { id: prefix, unique: resource.unique })) continue;
    if (kind === "fail-count-") count = addScores(count, parseScore(value));
    else lastFailure = Math.max(lastFailure, Number.parseInt(value, 10) || 0);
  }
  if (count > 0 && resource.failureTimeoutMs > 0 && blocksForGood(state, resource, node, entry)) {
    resource.failureTimeoutMs = 0;
  }
  const expired = lastFailure > 0 && state.now > lastFailure * 1000 + resource.failureTimeoutMs;
  if (effective && count > 0 && resource.failureTimeoutMs > 0 && expired) count = 0;
  return { count, lastFailure };
}

/** `RESOURCE#monitor_10000`, or `RESOURCE` in an old CIB; of an anonymous clone, `RESOURCE:3` and so on, too. */
function belongsTo(state: ClusterState, rest: string, { id, unique }: { id: string; unique: boolean }): boolean {
  if (!rest.startsWith(id)) return false;
  const match = (unique ? /^(#.+_\d+)?$/ : /^(?::\d+)?(#.+_\d+)?$/).exec(rest.slice(id.length));
  if (match === null) return false;
  const expected = countsByOperation(state);
  return expected === undefined || expected === (match[1] !== undefined);
}

/** Whether failures are counted by operation, as since feature set 3.0.13; undefined where the CIB does not tell. */
function countsByOperation({ cib }: ClusterState): boolean | undefined {
  const featureSet = cib.root.attributes["crm_feature_set"];
  return featureSet === undefined ? undefined : !isNewer("3.0.13", featureSet);
}

/** Failures of operations with on-fail=block do not expire. */
function blocksForGood(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry | undefined): boolean {
  const blocking = resource.operations.filter((each) => each.xml.attributes["on-fail"] === "block");
  if (blocking.length === 0) return false;
  if (entry !== undefined) {
    return blocking.some((each) => each.name === entry.task && each.intervalMs === entry.intervalMs);
  }
  const id = resource.historyId ?? resource.id;
  return blocking.some((each) => hasFailed(state, id, node, each.name, each.intervalMs));
}

function hasFailed(state: ClusterState, id: string, node: Node, task: string, intervalMs: number): boolean {
  const section = state.cib.status.find((each) => each.attributes["uname"] === node.name);
  const lrm = section === undefined ? undefined : childOf(section, "lrm");
  const resources = lrm === undefined ? undefined : childOf(lrm, "lrm_resources");
  const found = resources?.children.find((each) => each.attributes["id"] === id);
  return (found?.children ?? [])
    .map(readHistoryEntry)
    .some(
      (each) =>
        each?.task === task && each.intervalMs === intervalMs && each.rc !== each.targetRc && each.status !== -1,
    );
}
