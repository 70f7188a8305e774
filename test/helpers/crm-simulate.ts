import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childOf, childrenOf, descendantsOf, parseXml, writeXml, type XmlElement } from "../../src/lib/xml.js";
import type { Action, Order, Transition } from "../../src/cluster/scheduler/types.js";

/** Whether Debian's crm_simulate (package pacemaker-cli-utils) is installed. */
export function hasCrmSimulate(): boolean {
  return spawnSync("crm_simulate", ["--version"]).error === undefined;
}

/** Pacemaker's own scheduler as ours: what Debian's crm_simulate makes of a CIB, as a transition. */
export function crmSimulate(cib: XmlElement, now: number): Transition {
  const folder = mkdtempSync(join(tmpdir(), "rehome-simulate-"));
  try {
    const [input, graph] = [join(folder, "cib.xml"), join(folder, "graph.xml")];
    writeFileSync(input, writeXml(cib));
    const time = new Date(now).toISOString().slice(0, 19).replace("T", " ");
    try {
      execFileSync("crm_simulate", ["-x", input, "-S", "-Q", "-G", graph, "-t", `${time}Z`], { stdio: "pipe" });
    } catch (thrown) {
      // It carries the transition out itself, and fails where that is impossible: the decision is there all the same.
      if (!existsSync(graph)) throw thrown;
    }
    return transitionOf(parseXml(readFileSync(graph, "utf8"), graph));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const KINDS = { rsc_op: "rsc", pseudo_event: "pseudo", crm_event: "cluster" } as const;

export function transitionOf(graph: XmlElement): Transition {
  const byNumber = new Map<string, string>();
  const actions: Action[] = [];
  const synapses = childrenOf(graph, "synapse");
  for (const synapse of synapses) {
    const xml = childOf(synapse, "action_set")!.children[0]!;
    const action = actionOf(xml, Number(synapse.attributes["priority"] ?? 0));
    byNumber.set(xml.attributes["id"]!, action.id);
    actions.push(action);
  }
  const orders: Order[] = synapses.flatMap((synapse, index) =>
    descendantsOf(synapse, "trigger").flatMap((trigger) =>
      trigger.children.flatMap((input) => {
        const first = byNumber.get(input.attributes["id"]!);
        return first === undefined ? [] : [{ first, then: actions[index]!.id }];
      }),
    ),
  );
  const recheckBy = graph.attributes["recheck-by"];
  return {
    ...{ actions, orders, present: { placement: {}, nodes: {} }, scores: [], unsupported: [] },
    warnings: [],
    // Seconds; the decision is looked at again by then.
    ...(recheckBy !== undefined && { recheckAt: Number(recheckBy) * 1000 }),
    settings: {
      clusterDelayMs: 60_000,
      stonithTimeoutMs: 60_000,
      batchLimit: Number(graph.attributes["batch-limit"] ?? 0),
      migrationLimit: -1,
      startFailureIsFatal: graph.attributes["failed-start-offset"] === "INFINITY",
    },
  };
}

function actionOf(xml: XmlElement, priority: number): Action {
  const { operation, operation_key: key, on_node: node, on_node_uuid: nodeId } = xml.attributes;
  const given = childOf(xml, "attributes")?.attributes ?? {};
  const meta = Object.entries(given).filter(([name]) => name.startsWith("CRM_meta_"));
  const value = Object.fromEntries(meta.map(([name, text]) => [name.replace("CRM_meta_", ""), text]));
  const primitive = childOf(xml, "primitive")?.attributes;
  const name = xml.name as keyof typeof KINDS;
  return {
    id: `${KINDS[name]}:${key!}${node === undefined ? "" : `@${node}`}`,
    kind: KINDS[name],
    task: operation!,
    key: key!,
    ...(node !== undefined && { node }),
    ...(nodeId !== undefined && { nodeId }),
    ...(primitive && {
      resource: {
        id: primitive["id"]!,
        longId: primitive["long-id"] ?? primitive["id"]!,
        agent: {
          class: primitive["class"]!,
          ...(primitive["provider"] !== undefined && { provider: primitive["provider"] }),
          type: primitive["type"]!,
        },
      },
    }),
    intervalMs: Number(value["interval"] ?? 0),
    timeoutMs: Number(value["timeout"] ?? 20_000),
    startDelayMs: Number(value["start_delay"] ?? 0),
    targetRc: Number(value["op_target_rc"] ?? 0),
    params: Object.fromEntries(
      Object.entries(given).filter(([name]) => !name.startsWith("CRM_meta_") && name !== "crm_feature_set"),
    ),
    meta: value,
    priority,
    canFail: false,
  };
}
