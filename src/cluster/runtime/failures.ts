import type { XmlElement } from "../../lib/xml.js";
import { hasFailed, type OperationRecord } from "../cib/record.js";
import { removeEntries, setTransientAttribute, transientAttributes, type ClusterNode } from "../cib/status.js";

const INFINITY = 1_000_000;

/** The names under which Pacemaker counts an operation's failures. */
function attributeNames(resourceId: string, task: string, intervalMs: number): { count: string; time: string } {
  const operation = `${resourceId}#${task}_${intervalMs}`;
  return { count: `fail-count-${operation}`, time: `last-failure-${operation}` };
}

export interface FailurePolicy {
  /** The configuration's start-failure-is-fatal: a failed start bans the resource from the node at once. */
  readonly startFailureIsFatal: boolean;
  /** on-fail="ignore": the failure is recorded and not counted. */
  readonly ignored: boolean;
}

/**
 * Counts a failed operation. Probes count nothing; a failed stop, and a failed start that is fatal, count as infinite.
 * @returns the new count, or undefined when nothing is counted
 */
export function countedFailure(
  cib: XmlElement,
  node: ClusterNode,
  record: OperationRecord,
  policy: FailurePolicy,
): { readonly cib: XmlElement; readonly count: string | undefined } {
  const step = failureStep(record, policy);
  if (step === undefined || !hasFailed(record)) return { cib, count: undefined };
  const names = attributeNames(record.resourceId, record.task, record.intervalMs);
  const seconds = `${Math.floor(record.changedAt / 1000)}`;
  const timed = setTransientAttribute(cib, node, names.time, seconds);
  if (policy.ignored) return { cib: timed, count: undefined };
  const before = transientAttributes(cib, node.id)[names.count];
  const count = addScores(before === "INFINITY" ? INFINITY : Number.parseInt(before ?? "0", 10) || 0, step);
  return { cib: setTransientAttribute(timed, node, names.count, count), count };
}

function failureStep(record: OperationRecord, policy: FailurePolicy): number | undefined {
  if (record.intervalMs > 0 || record.task === "promote" || record.task === "demote") return 1;
  if (record.task === "start") return policy.startFailureIsFatal ? INFINITY : 1;
  if (record.task === "stop") return INFINITY;
  return undefined;
}

function addScores(a: number, b: number): string {
  return a + b >= INFINITY ? "INFINITY" : `${a + b}`;
}

/** Which failures are forgotten: of all operations, or of one. */
export interface ForgottenOperation {
  readonly task: string;
  readonly intervalMs: number;
}

/** Forgets a resource's failures on a node: the counts, and the entry of the last failure. */
export function withoutFailures(
  cib: XmlElement,
  node: ClusterNode,
  resourceId: string,
  only?: ForgottenOperation,
): XmlElement {
  const isMeant = (name: string): boolean => {
    if (only === undefined) return new RegExp(`^(fail-count|last-failure)-${escape(resourceId)}(#|$)`).test(name);
    const names = attributeNames(resourceId, only.task, only.intervalMs);
    return name === names.count || name === names.time;
  };
  const counted = Object.keys(transientAttributes(cib, node.id))
    .filter(isMeant)
    .reduce((at, name) => setTransientAttribute(at, node, name, undefined), cib);
  return removeEntries(
    counted,
    node,
    resourceId,
    (entry) =>
      entry.attributes["id"] === `${resourceId}_last_failure_0` &&
      (only === undefined || entry.attributes["operation_key"] === `${resourceId}_${only.task}_${only.intervalMs}`),
  );
}

/** How often a resource failed on a node, over all operations; Infinity for INFINITY. */
export function failCount(cib: XmlElement, nodeId: string, resourceId: string): number {
  return Object.entries(transientAttributes(cib, nodeId))
    .filter(([name]) => name.startsWith(`fail-count-${resourceId}#`) || name === `fail-count-${resourceId}`)
    .reduce((sum, [, value]) => sum + (value === "INFINITY" ? Number.POSITIVE_INFINITY : Number(value) || 0), 0);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
