import { hasFailed, OP_STATUS, withOperation, type OperationDigests, type OperationRecord } from "../cib/record.js";
import { descendantsOf, type XmlElement } from "../../lib/xml.js";
import { editHistory, findNodeState, removeEntries, type ClusterNode } from "../cib/status.js";
import type { CibStore } from "../cib/store.js";
import { named } from "../cib/tree.js";
import type { Agent } from "../scheduler/types.js";
import { countedFailure } from "./failures.js";
import type { Operation, Outcome, RuntimeLog } from "./types.js";

/** Records what operations gave, and counts failures. */
export interface ResultRecorder {
  /** The result of an action of a transition. */
  record(node: ClusterNode, record: OperationRecord, operation: Operation, startFailureIsFatal: boolean): Promise<void>;
  /** An operation is under way, for whoever looks meanwhile. */
  pending(node: ClusterNode, operation: Operation, now: number, digests: OperationDigests): Promise<void>;
  /** A recurring operation was ended: its history goes too. */
  forgetRecurring(node: ClusterNode, resourceId: string, task: string, intervalMs: number): Promise<void>;
  /** A recurring operation gave another result than before. */
  changed(node: ClusterNode, record: OperationRecord, operation: Operation): Promise<void>;
  logResult(record: OperationRecord, outcome: Outcome): void;
}

export interface ResultRecorderOptions {
  readonly store: CibStore;
  readonly log: RuntimeLog;
  readonly onUnexpected: (reason: string) => void;
}

/** What ends the recurring operations of a resource, and so makes their history meaningless. */
const CHANGING = ["start", "stop", "promote", "demote", "migrate_to", "migrate_from"];

export function resultRecorder({ store, log, onUnexpected }: ResultRecorderOptions): ResultRecorder {
  const recordResult: ResultRecorder["record"] = async (node, result, operation, startFailureIsFatal) => {
    let count: string | undefined;
    await store.update((cib) => {
      const record = asRecorded(cib, node, result);
      const known = CHANGING.includes(record.task)
        ? removeEntries(cib, node, record.resourceId, (entry) => isRecurring(entry.attributes))
        : cib;
      const recorded = editHistory(known, node, resourceOf(record.resourceId, operation.resource.agent), (history) =>
        withOperation(history, record),
      );
      const ignored = operation.meta["on_fail"] === "ignore";
      const counted = countedFailure(recorded, node, record, { startFailureIsFatal, ignored });
      count = counted.count;
      return counted.cib;
    });
    if (count !== undefined) {
      log({ type: "fail-count", node: node.name, resource: result.resourceId, value: count });
    }
  };
  return {
    record: recordResult,
    async pending(node, operation, now, digests) {
      await store.update((cib) =>
        editHistory(cib, node, resourceOf(operation.resource.id, operation.resource.agent), (history) =>
          withOperation(history, pendingRecord(node, operation, now, digests)),
        ),
      );
    },
    async forgetRecurring(node, resourceId, task, intervalMs) {
      const id = `${resourceId}_${task}_${intervalMs}`;
      await store.update((cib) => removeEntries(cib, node, resourceId, (entry) => entry.attributes["id"] === id));
    },
    async changed(node, record, operation) {
      await recordResult(node, record, operation, true);
      if (hasFailed(record)) onUnexpected(`${record.resourceId} failed on ${node.name}`);
    },
    logResult(record, outcome) {
      const { node, resourceId: resource, task, intervalMs, rc, status, exitReason, execTimeMs } = record;
      const failed = hasFailed(record);
      const shown = { node, resource, task, intervalMs, rc, status, exitReason, execTimeMs };
      log({ type: "operation", ...shown, failed, output: failed ? outcome.output : "" });
    },
  };
}

/**
 * A reload is recorded as what it stands for, a start with other parameters (as crm_simulate records it); of a promoted
 * instance as a promotion, for it stays promoted.
 */
function asRecorded(cib: XmlElement, node: ClusterNode, record: OperationRecord): OperationRecord {
  if (record.task !== "reload-agent") return record;
  const state = findNodeState(cib, node.id);
  const last = descendantsOf(state ?? cib, "lrm_rsc_op").find(named("lrm_rsc_op", `${record.resourceId}_last_0`));
  const isPromoted = last?.attributes["operation"] === "promote" || last?.attributes["rc-code"] === "8";
  return { ...record, task: isPromoted ? "promote" : "start" };
}

function isRecurring(entry: Readonly<Record<string, string>>): boolean {
  return (entry["interval"] ?? "0") !== "0" && !(entry["id"] ?? "").endsWith("_last_failure_0");
}

function resourceOf(id: string, agent: Agent): { id: string; attributes: Record<string, string | undefined> } {
  return { id, attributes: { class: agent.class, provider: agent.provider, type: agent.type } };
}

/** Pacemaker's code for a result that is not known yet. */
const RC_PENDING = 193;

function pendingRecord(
  node: ClusterNode,
  operation: Operation,
  now: number,
  digests: OperationDigests,
): OperationRecord {
  return {
    resourceId: operation.resource.id,
    task: operation.task,
    intervalMs: operation.intervalMs,
    callId: -1,
    rc: RC_PENDING,
    status: OP_STATUS.pending,
    exitReason: "",
    targetRc: operation.targetRc,
    node: node.name,
    changedAt: now,
    execTimeMs: 0,
    queueTimeMs: 0,
    transitionKey: operation.transitionKey,
    digests,
  };
}
