import { childrenOf, descendantsOf, type XmlElement } from "../lib/xml.js";
import { hasFailed, OP_STATUS, type OpStatus } from "./cib/record.js";
import { findPath } from "./cib/tree.js";

/** What a resource is on a node, read from its operation history: what the last operation left it as. */
export interface ResourceState {
  readonly node: string;
  readonly role: "stopped" | "started" | "unpromoted" | "promoted" | "unknown";
  /** An operation that is under way and may change what it is: `start`. */
  readonly pending?: string;
  /** The last failure that is not forgotten. */
  readonly failure?: OperationFailure;
  /** Whether that failure is the last thing that is known: nothing has been done about it yet, or nothing can be. */
  readonly failedNow: boolean;
}

export interface OperationFailure {
  readonly task: string;
  readonly intervalMs: number;
  readonly rc: number;
  readonly status: OpStatus;
  readonly exitReason: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly callId: number;
}

/** Of every node that has a history of the resource; offline nodes are left out, nobody knows what is true there. */
export function resourceStates(cib: XmlElement, id: string): readonly ResourceState[] {
  const states = findPath(cib, ["status"])?.children ?? [];
  return states.flatMap((state) => {
    if (state.attributes["crmd"] !== "online") return [];
    const history = descendantsOf(state, "lrm_resource").find((at) => at.attributes["id"] === id);
    if (history === undefined) return [];
    return [stateOf(state.attributes["uname"] ?? "", childrenOf(history, "lrm_rsc_op").map(entryOf))];
  });
}

interface Entry extends OperationFailure {
  readonly isFailureEntry: boolean;
  readonly targetRc: number;
}

function stateOf(node: string, entries: readonly Entry[]): ResourceState {
  const pending = entries.find((entry) => entry.status === OP_STATUS.pending && !isRecurring(entry))?.task;
  const ended = entries.filter((entry) => entry.status !== OP_STATUS.pending);
  const failure = ended.find((entry) => entry.isFailureEntry && isRealFailure(entry));
  const last = ended.toSorted((a, b) => b.callId - a.callId || b.at - a.at)[0];
  const failedNow = failure !== undefined && (last === undefined || last.callId <= failure.callId);
  return {
    node,
    role: last === undefined ? "unknown" : roleAfter(last, entries),
    ...(pending !== undefined && { pending }),
    ...(failure !== undefined && { failure }),
    failedNow,
  };
}

/** What only looks at a resource that is active, again and again: it changes nothing. */
function isRecurring({ intervalMs }: Entry): boolean {
  return intervalMs > 0;
}

function roleAfter(last: Entry, all: readonly Entry[]): ResourceState["role"] {
  const ok = !hasFailed(last) || !isRealFailure(last);
  switch (last.task) {
    case "stop":
    case "migrate_to":
      return ok ? "stopped" : "unknown";
    case "promote":
      return ok ? "promoted" : "unknown";
    case "demote":
      return ok ? "unpromoted" : "unknown";
    case "monitor":
      if (last.rc === 7) return "stopped";
      if (last.rc === 8) return "promoted";
      return last.rc === 0 ? beforeMonitor(last, all) : "unknown";
    default:
      return ok ? "started" : "unknown";
  }
}

/** A monitor that found what it expected says no more than what was there before it. */
function beforeMonitor(monitor: Entry, all: readonly Entry[]): ResourceState["role"] {
  const demoted = all.some((entry) => entry.task === "demote" && entry.callId < monitor.callId);
  return demoted ? "unpromoted" : "started";
}

/** A probe that finds a resource active is recorded as one that failed, but is none. */
function isRealFailure(entry: Entry): boolean {
  const isProbe = entry.task === "monitor" && entry.intervalMs === 0;
  return hasFailed(entry) && !(isProbe && entry.status === OP_STATUS.done && [0, 7, 8].includes(entry.rc));
}

function entryOf(xml: XmlElement): Entry {
  const number = (name: string): number => Number.parseInt(xml.attributes[name] ?? "", 10) || 0;
  return {
    task: xml.attributes["operation"] ?? "",
    intervalMs: number("interval"),
    rc: number("rc-code"),
    status: number("op-status") as OpStatus,
    exitReason: xml.attributes["exit-reason"] ?? "",
    at: number("last-rc-change") * 1000,
    callId: number("call-id"),
    targetRc: Number.parseInt((xml.attributes["transition-key"] ?? "").split(":")[2] ?? "0", 10) || 0,
    isFailureEntry: (xml.attributes["id"] ?? "").endsWith("_last_failure_0"),
  };
}
