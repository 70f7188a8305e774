import { childOf, childrenOf, descendantsOf, element, type XmlElement } from "../../../../../src/lib/xml.js";
import { add, idOf, pickOf, replace, withAttributes } from "./edit.js";
import { withTransient, type Mutation } from "./nodes.js";

/** The number of an operation of the resource after all those it has there. */
function later(history: XmlElement): string {
  return String(Math.max(0, ...history.children.map(({ attributes }) => Number(attributes["call-id"] ?? 0))) + 1);
}

/** An entry, with another outcome, which becomes the newest one of the resource there. */
const outcome =
  (rc: string, status: string): Mutation =>
  (cib, random) => {
    const history = pickOf(cib, random, "lrm_resource");
    const entry = history && random.pick(history.children);
    const key = (entry?.attributes["transition-key"] ?? "").replace(/^(\d+:-?\d+:)\d+/, "$10");
    return withAttributes(cib, entry, {
      "rc-code": rc,
      "op-status": status,
      "call-id": status === "-1" || history === undefined ? "-1" : later(history),
      "transition-key": key,
      "transition-magic": `${status}:${rc};${key}`,
    });
  };

const failedMonitor =
  (rc: string): Mutation =>
  (cib, random) => {
    const history = pickOf(cib, random, "lrm_resource");
    if (history === undefined) return undefined;
    const interval = random.pick(["10000", "5000", "0"]) ?? "0";
    const key = `9:9:0:00000000-0000-0000-0000-000000000000`;
    const entry = element("lrm_rsc_op", {
      id: `${idOf(history)}_last_failure_0`,
      operation_key: `${idOf(history)}_monitor_${interval}`,
      operation: "monitor",
      "transition-key": key,
      "transition-magic": `0:${rc};${key}`,
      "call-id": later(history),
      "rc-code": rc,
      "op-status": "0",
      interval,
      "op-digest": "f2317cad3d54cec5d7d7aa7d0bf35cf8",
    });
    return add(cib, history, entry);
  };

/** Since feature set 3.0.13; before, failures were counted by resource. */
function countsByOperation({ attributes }: XmlElement): boolean {
  const [major = 0, minor = 0, patch = 0] = (attributes["crm_feature_set"] ?? "").split(".").map(Number);
  return major > 3 || (major === 3 && (minor > 0 || patch >= 13));
}

const failcount =
  (value: string): Mutation =>
  (cib, random) => {
    const node = random.pick(
      descendantsOf(cib, "node_state").filter((each) => descendantsOf(each, "lrm_resource").length > 0),
    );
    const history = node && pickOf(node, random, "lrm_resource");
    const operation = countsByOperation(cib) ? `#${random.pick(["monitor_10000", "start_0"]) ?? ""}` : "";
    return history && withTransient(cib, node, [`fail-count-${idOf(history)}${operation}`, value]);
  };

/** What nodes have done, and how it went. */
export const HISTORY_MUTATIONS: Readonly<Record<string, Mutation>> = {
  "history entry removed": (cib, random) => {
    const entry = pickOf(cib, random, "lrm_rsc_op");
    return entry && replace(cib, entry, undefined);
  },
  "history of a resource removed": (cib, random) => {
    const history = pickOf(cib, random, "lrm_resource");
    return history && replace(cib, history, undefined);
  },
  "operation failed": outcome("1", "4"),
  "operation found it stopped": outcome("7", "0"),
  "operation found it running": outcome("0", "0"),
  "operation found it promoted": outcome("8", "0"),
  "operation found it failed while promoted": outcome("9", "4"),
  "operation timed out": outcome("1", "2"),
  "operation pending": outcome("193", "-1"),
  "operation not installed": outcome("5", "4"),
  "operation not configured": outcome("6", "4"),
  "operation denied": outcome("4", "4"),
  "monitor failed": failedMonitor("1"),
  "monitor found it stopped": failedMonitor("7"),
  "fail-count 1": failcount("1"),
  "fail-count INFINITY": failcount("INFINITY"),
  "second copy active": (cib, random) => {
    const history = pickOf(cib, random, "lrm_resource");
    const elsewhere = random.pick(
      descendantsOf(cib, "lrm_resources").filter((each) => history && !each.children.includes(history)),
    );
    if (history === undefined || elsewhere === undefined) return undefined;
    const others = elsewhere.children.filter((each) => idOf(each) !== idOf(history));
    return replace(cib, elsewhere, { ...elsewhere, children: [...others, history] });
  },
  "ticket granted": (cib, random) => withAttributes(cib, pickOf(cib, random, "ticket_state"), { granted: "true" }),
  "ticket lost": (cib, random) => withAttributes(cib, pickOf(cib, random, "ticket_state"), { granted: "false" }),
  "ticket standby": (cib, random) => withAttributes(cib, pickOf(cib, random, "ticket_state"), { standby: "true" }),
  "no quorum": (cib) => ({ ...cib, attributes: { ...cib.attributes, "have-quorum": "0" } }),
  "no history of a node": (cib, random) => {
    const node = pickOf(cib, random, "node_state");
    const lrm = node && childrenOf(node, "lrm")[0];
    const list = lrm && childOf(lrm, "lrm_resources");
    return list && replace(cib, list, { ...list, children: [] });
  },
};
