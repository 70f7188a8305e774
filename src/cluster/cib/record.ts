import { element, type XmlElement } from "../../lib/xml.js";
import { FEATURE_SET } from "./edit.js";
import { editAll, editChild, named, withAttributes, withoutChildren, type Edit } from "./tree.js";

/** How an operation ended, in the numbers of `op-status`. */
export const OP_STATUS = {
  pending: -1,
  done: 0,
  cancelled: 1,
  timeout: 2,
  notSupported: 3,
  error: 4,
  errorHard: 5,
  errorFatal: 6,
  notInstalled: 7,
  notConnected: 8,
  invalid: 9,
  noFenceDevice: 10,
} as const;
export type OpStatus = (typeof OP_STATUS)[keyof typeof OP_STATUS];

/** An operation that ended, as it is recorded. */
export interface OperationRecord {
  readonly resourceId: string;
  readonly task: string;
  readonly intervalMs: number;
  readonly callId: number;
  readonly rc: number;
  readonly status: OpStatus;
  readonly exitReason: string;
  readonly targetRc: number;
  readonly node: string;
  /** ms since the epoch at which the result was first seen. */
  readonly changedAt: number;
  readonly execTimeMs: number;
  readonly queueTimeMs: number;
  /** `ACTION:TRANSITION:TARGET_RC:UUID` of the action that asked for it. */
  readonly transitionKey: string;
  /** Of what the agent was given. */
  readonly digests: OperationDigests;
  readonly migrateSource?: string;
  readonly migrateTarget?: string;
}

export interface OperationDigests {
  readonly all: string;
  /** Of the parameters whose change cannot be reloaded, when the agent can reload others. */
  readonly restart?: PartialDigest;
  /** Without the private ones, which are named. */
  readonly secure?: PartialDigest;
}

export interface PartialDigest {
  readonly digest: string;
  readonly parameters: readonly string[];
}

/** Whether an operation failed: any status but done, or another return code than the one aimed at. */
export function hasFailed(record: Pick<OperationRecord, "status" | "rc" | "targetRc">): boolean {
  if (record.status === OP_STATUS.pending || record.status === OP_STATUS.cancelled) return false;
  return record.status !== OP_STATUS.done || record.rc !== record.targetRc;
}

/**
 * A resource's history with an operation added, under the ids that Pacemaker gives: `RSC_last_0` for the last
 * operation, `RSC_monitor_10000` for a recurring one, `RSC_last_failure_0` for the last failure, a migration's own.
 * Notifications leave no history.
 */
export function withOperation(history: XmlElement, record: OperationRecord): XmlElement {
  if (record.task === "notify") return history;
  return entryIds(record).reduce((at, id) => {
    const others = withoutChildren(at, (child) => child.attributes["id"] === id);
    return { ...others, children: [entry(id, record), ...others.children] };
  }, history);
}

function entryIds(record: OperationRecord): readonly string[] {
  const { resourceId, task, intervalMs } = record;
  const key = `${resourceId}_${task}_${intervalMs}`;
  if (task === "migrate_to" || task === "migrate_from") return [key];
  if (hasFailed(record)) {
    const failure = `${resourceId}_last_failure_0`;
    return intervalMs === 0 ? [`${resourceId}_last_0`, failure] : [failure];
  }
  return intervalMs > 0 ? [key] : [`${resourceId}_last_0`];
}

function entry(id: string, record: OperationRecord): XmlElement {
  const made = element("lrm_rsc_op", {
    id,
    operation_key: `${record.resourceId}_${record.task}_${record.intervalMs}`,
    operation: record.task,
    "crm-debug-origin": "rehome",
    crm_feature_set: FEATURE_SET,
    "transition-key": record.transitionKey,
    "transition-magic": `${record.status}:${record.rc};${record.transitionKey}`,
    "exit-reason": record.exitReason,
    on_node: record.node,
    "call-id": `${record.callId}`,
    "rc-code": `${record.rc}`,
    "op-status": `${record.status}`,
    interval: `${record.intervalMs}`,
    "last-rc-change": `${Math.floor(record.changedAt / 1000)}`,
    "exec-time": `${Math.round(record.execTimeMs)}`,
    "queue-time": `${Math.round(record.queueTimeMs)}`,
    migrate_source: record.migrateSource,
    migrate_target: record.migrateTarget,
    "op-digest": record.digests.all,
  });
  const { restart, secure } = record.digests;
  return withAttributes(made, {
    ...(restart && { "op-force-restart": nameList(restart), "op-restart-digest": restart.digest }),
    ...(secure && { "op-secure-params": nameList(secure), "op-secure-digest": secure.digest }),
  });
}

/** Names as Pacemaker lists them, with room around: they are searched for with a space on either side. */
function nameList({ parameters }: PartialDigest): string {
  return parameters.length === 0 ? "" : `  ${parameters.join(" ")}  `;
}

/**
 * A CIB without the digests that leave private values out. They are for a copy from which these were removed; where
 * the values are known, a changed password is a change (as `crm_simulate -L` shows, other than with a file).
 */
export function withoutPrivateDigests(cib: XmlElement): XmlElement {
  return editOperations(cib, (entry) =>
    withAttributes(entry, { "op-secure-params": undefined, "op-secure-digest": undefined }),
  );
}

/** A CIB with every recorded operation edited. */
export function editOperations(cib: XmlElement, edit: Edit): XmlElement {
  return editChild(cib, named("status"), (status) =>
    editAll(status, (at) => (at.name === "lrm_rsc_op" ? edit(at) : at)),
  );
}
