import { RehomeError } from "../../lib/errors.js";
import { childOf, childrenOf, descendantsOf, type XmlElement } from "../../lib/xml.js";
import { parseInterval } from "../cib/durations.js";
import { editResource, findResource, nodeId } from "../cib/edit.js";
import { OP_STATUS, withOperation } from "../cib/record.js";
import {
  editHistory,
  findNodeState,
  forgetAttributes,
  forgetHistory,
  setNodeCondition,
  setTransientAttribute,
  type ClusterNode,
} from "../cib/status.js";
import { editAll, editChild, editPath, named, setPair, withAttributes, type Edit } from "../cib/tree.js";
import { setMaintenance, setStandby, setTargetRole } from "../control.js";
import { countedFailure } from "../runtime/failures.js";

/** Something that did not happen, and is supposed to have: each as an edit of the CIB. */

/** A node left in order: nothing runs there, nothing is remembered of it. */
export function nodeDown(name: string): Edit {
  return (cib) => {
    const node = nodeOf(cib, name);
    return setNodeCondition(forgetAttributes(forgetHistory(cib, node), node), node, "offline");
  };
}

/** A node vanished without a word: what ran there may still run, until it is fenced. */
export function nodeFail(name: string): Edit {
  return (cib) => setNodeCondition(cib, nodeOf(cib, name), "lost");
}

export function nodeUp(name: string): Edit {
  return (cib) => setNodeCondition(cib, nodeOf(cib, name), "online");
}

export const standby = (name: string): Edit => setStandby(name, true);
export const online = (name: string): Edit => setStandby(name, false);
export const maintenance = (name: string): Edit => setMaintenance(name, true);
export const start = (id: string): Edit => setTargetRole(id, "Started");
export const stop = (id: string): Edit => setTargetRole(id, "Stopped");

export function quorum(has: boolean): Edit {
  return (cib) => withAttributes(cib, { "have-quorum": has ? "1" : "0" });
}

/** A node's transient attribute, such as one that ping keeps; without a value it is removed. */
export function attribute(node: string, name: string, value: string | undefined): Edit {
  return (cib) => setTransientAttribute(cib, nodeOf(cib, node), name, value);
}

/** What a node has, or a resource takes. */
export function utilization(owner: string, name: string, value: string): Edit {
  const set = (at: XmlElement): XmlElement =>
    setPair(at, { kind: "utilization", id: `${owner}-utilization` }, name, value);
  return (cib) =>
    findResource(cib, owner) !== undefined
      ? editResource(cib, owner, set)
      : editPath(cib, ["configuration", "nodes"], (nodes) => editChild(nodes, named("node", nodeId(cib, owner)), set));
}

/** An operation's result, as it would be in the history. */
export interface InjectedResult {
  readonly resource: string;
  readonly task: string;
  readonly intervalMs: number;
  readonly node: string;
  readonly rc: number;
}

/** An operation gave a result that was not expected, and the failure was counted. `now` in ms since the epoch. */
export function operationResult(result: InjectedResult, now: number): Edit {
  return (cib) => {
    const node = nodeOf(cib, result.node);
    const { class: agentClass, provider, type } = primitiveOf(cib, baseOf(result.resource)).attributes;
    const id = historyOf(cib, node, result.resource) === undefined ? baseOf(result.resource) : result.resource;
    const targetRc = result.task === "monitor" && result.intervalMs === 0 ? 7 : 0;
    const record = {
      ...{ ...result, resourceId: id, callId: nextCallId(cib), status: OP_STATUS.done, targetRc },
      ...{ exitReason: "simulated", node: node.name, changedAt: now, execTimeMs: 0, queueTimeMs: 0 },
      transitionKey: `0:0:${targetRc}:simulation`,
      digests: { all: UNKNOWN_DIGEST },
    };
    const recorded = editHistory(cib, node, { id, attributes: { class: agentClass, provider, type } }, (history) =>
      editAll(withOperation(history, record), withoutUnknownDigest),
    );
    return countedFailure(recorded, node, record, { startFailureIsFatal: startFailureIsFatal(cib), ignored: false })
      .cib;
  };
}

/** What the operation was run with is not known; without a digest nothing is taken for a changed parameter. */
const UNKNOWN_DIGEST = "";

function withoutUnknownDigest(at: XmlElement): XmlElement {
  return at.attributes["op-digest"] === UNKNOWN_DIGEST ? withAttributes(at, { "op-digest": undefined }) : at;
}

/**
 * The interval of the recurring monitor that would notice a resource's failure on a node, in ms: the one of the
 * history, which is for the role that the resource has there, else the configured one.
 * @throws RehomeError usage when there is none, resource-unknown, node-unknown
 */
export function monitorInterval(cib: XmlElement, id: string, nodeName: string): number {
  const configured = descendantsOf(primitiveOf(cib, baseOf(id)), "op").filter(isMonitor("name"));
  const node = nodeOf(cib, nodeName);
  const history = historyOf(cib, node, id) ?? historyOf(cib, node, baseOf(id));
  const known = history === undefined ? [] : childrenOf(history, "lrm_rsc_op").filter(isMonitor("operation"));
  const recorded = known.map(({ attributes }) => Number(attributes["interval"]) || 0);
  const intervals = [...recorded, ...configured.map(({ attributes }) => parseInterval(attributes["interval"]))];
  const interval = intervals.find((ms) => ms > 0);
  if (interval !== undefined) return interval;
  throw new RehomeError("usage", `"${id}" has no recurring monitor: nobody would notice that it failed`, {
    remedy: "give it one, or name the operation that fails with --op-inject",
  });
}

function primitiveOf(cib: XmlElement, id: string): XmlElement {
  const found = findResource(cib, id);
  if (found?.name === "primitive") return found;
  const parts = found === undefined ? [] : descendantsOf(found, "primitive").map(({ attributes }) => attributes["id"]);
  throw new RehomeError("resource-unknown", `no primitive "${id}" in the CIB`, {
    remedy:
      found === undefined ? "rehome cluster status lists them" : `"${id}" is a ${found.name} of ${parts.join(", ")}`,
  });
}

function isMonitor(attribute: string): (at: XmlElement) => boolean {
  return ({ attributes }) => attributes[attribute] === "monitor";
}

function historyOf(cib: XmlElement, node: ClusterNode, id: string): XmlElement | undefined {
  const state = findNodeState(cib, node.id);
  return state && descendantsOf(state, "lrm_resource").find(({ attributes }) => attributes["id"] === id);
}

/** A clone's resource, of an instance such as `drbd:0`. */
function baseOf(id: string): string {
  return id.replace(/:\d+$/, "");
}

function nodeOf(cib: XmlElement, name: string): ClusterNode {
  return { id: nodeId(cib, name), name };
}

function nextCallId(cib: XmlElement): number {
  const calls = descendantsOf(cib, "lrm_rsc_op").map(({ attributes }) => Number(attributes["call-id"]) || 0);
  return Math.max(0, ...calls) + 1;
}

function startFailureIsFatal(cib: XmlElement): boolean {
  const options = childOf(childOf(cib, "configuration") ?? cib, "crm_config");
  const pairs = options === undefined ? [] : childrenOf(options, "cluster_property_set").flatMap((set) => set.children);
  const value = pairs.find(({ attributes }) => attributes["name"] === "start-failure-is-fatal")?.attributes["value"];
  return !/^(false|off|no|n|0)$/i.test(value ?? "true");
}
