import type { XmlElement } from "../../lib/xml.js";
import { findNodeState } from "../cib/status.js";
import { findPath } from "../cib/tree.js";

/** What a node's operation history says of a primitive. */
export interface ResourceHistory {
  /** Whether anything is known; otherwise it is probed. */
  readonly known: boolean;
  readonly running: boolean;
  /** Running or not, it has to be stopped before it is started again. */
  readonly failed: boolean;
  readonly stopFailed: boolean;
  /** Intervals in ms of the monitors that are active. */
  readonly monitors: ReadonlySet<number>;
  /** Of the parameters that it was started with. */
  readonly startDigest: string | undefined;
}

const RC_OK = 0;
const RC_NOT_RUNNING = 7;

/** Replays the history in the order of its calls. */
export function readHistory(cib: XmlElement, nodeId: string, resource: string): ResourceHistory {
  const state = findNodeState(cib, nodeId);
  const entries = (state && findPath(state, ["lrm", "lrm_resources"]))?.children
    .find(({ attributes }) => attributes["id"] === resource)
    ?.children.filter(({ attributes }) => attributes["op-status"] !== "-1")
    .toSorted((one, other) => number(one, "call-id") - number(other, "call-id"));
  let running = false;
  let failed = false;
  let stopFailed = false;
  let startDigest: string | undefined;
  const monitors = new Set<number>();
  for (const entry of entries ?? []) {
    const rc = number(entry, "rc-code");
    const bad = number(entry, "op-status") !== 0;
    switch (entry.attributes["operation"]) {
      case "start":
        running = true;
        failed = bad || rc !== RC_OK;
        startDigest = entry.attributes["op-digest"];
        break;
      case "stop":
        if (bad || rc !== RC_OK) stopFailed = true;
        else [running, failed, stopFailed] = [false, false, false];
        monitors.clear();
        break;
      case "monitor": {
        const interval = number(entry, "interval");
        const stillRuns = bad || rc !== RC_NOT_RUNNING;
        if (interval > 0 && !bad && rc === RC_OK) monitors.add(interval);
        if (interval > 0) failed ||= bad || rc !== RC_OK;
        else [running, failed] = [stillRuns, stillRuns && (bad || rc !== RC_OK)];
        if (interval > 0 && rc === RC_NOT_RUNNING) running = true; // it failed: stop first, as the agent cleans up
        break;
      }
    }
  }
  return { known: (entries?.length ?? 0) > 0, running, failed, stopFailed, monitors, startDigest };
}

function number(entry: XmlElement, name: string): number {
  return Number.parseInt(entry.attributes[name] ?? "0", 10) || 0;
}
