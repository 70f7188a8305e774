import { childOf, childrenOf, element, type XmlElement } from "../../lib/xml.js";
import { digestOf } from "../cib/record.js";
import { parseDuration, parseInterval } from "../cib/durations.js";
import { transientAttributes } from "../cib/status.js";
import { findPath, pairValue } from "../cib/tree.js";
import { readHistory } from "./history.js";
import type { Action, Order, Place, Transition } from "./types.js";

const INFINITY = 1_000_000;
const DEFAULT_TIMEOUT_MS = 20_000;
const NOT_RUNNING = 7;

interface Operation {
  readonly task: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

interface HostNode {
  readonly id: string;
  readonly name: string;
}

/**
 * Decides for a cluster of one node and primitives without constraints; whatever else a CIB uses is named as
 * unsupported and then nothing is done.
 */
export function scheduleOneHost(cib: XmlElement, now: number): Transition {
  const configuration = childOf(cib, "configuration");
  const nodes = findPath(cib, ["configuration", "nodes"])?.children ?? [];
  const resources = findPath(cib, ["configuration", "resources"])?.children ?? [];
  const constraints = findPath(cib, ["configuration", "constraints"])?.children ?? [];
  const unsupported = new Set<string>();
  if (nodes.length !== 1) unsupported.add("more than one node");
  if (constraints.length > 0) unsupported.add("constraints");
  for (const { name } of resources) if (name !== "primitive") unsupported.add(`${name}s`);
  const actions: Action[] = [];
  const orders: Order[] = [];
  const before: Record<string, readonly Place[]> = {};
  const placement: Record<string, readonly Place[]> = {};
  let recheckAt = Infinity;
  const [xml] = nodes;
  const node = { id: xml?.attributes["id"] ?? "", name: xml?.attributes["uname"] ?? "" };
  if (unsupported.size === 0 && configuration !== undefined) {
    for (const resource of resources) {
      const decided = decide(cib, resource, node, now);
      actions.push(...decided.actions);
      orders.push(...chain(decided.actions));
      const id = resource.attributes["id"] ?? "";
      before[id] = [decided.before];
      placement[id] = [decided.after];
      recheckAt = Math.min(recheckAt, decided.recheckAt);
    }
    for (const resource of orphans(cib, resources, node)) {
      const decided = decide(cib, resource, node, now);
      const gone = { ...act(resource, node, { task: "delete", intervalMs: 0, timeoutMs: DEFAULT_TIMEOUT_MS }) };
      actions.push(...decided.actions, gone);
      orders.push(...chain([...decided.actions, gone]));
      before[resource.attributes["id"] ?? ""] = [{ ...decided.before, orphaned: true }];
    }
    if (isShuttingDown(cib, node) && isOnline(cib, node)) {
      const shutdown = shutDown(node);
      orders.push(...actions.map(({ id }) => ({ first: id, then: shutdown.id })));
      actions.push(shutdown);
    }
  }
  const flags = isOnline(cib, node) ? (["online"] as const) : [];
  return {
    ...{ actions, orders, before, placement, scores: [], unsupported: [...unsupported], warnings: [] },
    nodes: { [node.name]: flags },
    nodesBefore: { [node.name]: flags },
    settings: {
      clusterDelayMs: 60_000,
      stonithTimeoutMs: 60_000,
      batchLimit: 0,
      migrationLimit: -1,
      startFailureIsFatal: property(cib, "start-failure-is-fatal") !== "false",
    },
    ...(recheckAt !== Infinity && { recheckAt }),
  };
}

interface Decision {
  readonly actions: readonly Action[];
  readonly before: Place;
  readonly after: Place;
  readonly recheckAt: number;
}

/** What one resource needs. Its actions are in the order in which they have to happen. */
function decide(cib: XmlElement, resource: XmlElement, node: HostNode, now: number): Decision {
  const id = resource.attributes["id"] ?? "";
  const history = readHistory(cib, node.id, id);
  const failures = failuresOf(cib, resource, node, now);
  const running: Place = { role: "Started", nodes: [node.name] };
  const stopped: Place = { role: "Stopped", nodes: [] };
  const before = history.running ? running : stopped;
  const managed = meta(cib, resource, "is-managed") !== "false" && property(cib, "maintenance-mode") !== "true";
  if (!isOnline(cib, node) || !managed || history.stopFailed) {
    return {
      actions: history.known ? [] : [probe(resource, node)],
      before,
      after: before,
      recheckAt: failures.expireAt,
    };
  }
  const threshold = score(meta(cib, resource, "migration-threshold"), INFINITY);
  const banned = failures.count >= Math.max(1, threshold) && !failures.expired;
  const wanted =
    !["Stopped", "stopped"].includes(meta(cib, resource, "target-role") ?? "Started") &&
    !banned &&
    !isEmptied(cib, node);
  const changed =
    history.startDigest !== undefined &&
    history.startDigest !== digestOf(paramsOf(resource), { intervalMs: 0, timeoutMs: 0 });
  const recover = history.running && wanted && (history.failed || changed);
  const actions = [
    ...(failures.expired ? [clearFailures(resource, node)] : []),
    ...(history.known ? [] : [probe(resource, node)]),
    ...(history.running && (recover || !wanted) ? [act(resource, node, operation(cib, resource, "stop"))] : []),
    ...(wanted && (recover || !history.running) ? [act(resource, node, operation(cib, resource, "start"))] : []),
    ...(wanted
      ? monitorsOf(resource).filter(({ intervalMs }) => recover || !history.monitors.has(intervalMs))
      : []
    ).map((monitor) => act(resource, node, monitor)),
  ];
  return { actions, before, after: wanted ? running : stopped, recheckAt: failures.expireAt };
}

/** What has a history and is not configured any more: stopped, as if it were configured to be, and forgotten. */
function orphans(cib: XmlElement, configured: readonly XmlElement[], node: HostNode): readonly XmlElement[] {
  const state = findPath(cib, ["status"])?.children.find(({ attributes }) => attributes["id"] === node.id);
  const known = (state && findPath(state, ["lrm", "lrm_resources"])?.children) ?? [];
  const ids = new Set(configured.map(({ attributes }) => attributes["id"]));
  return known
    .filter(({ attributes }) => !ids.has(attributes["id"]))
    .map(({ attributes }) =>
      element("primitive", attributes, [
        element("meta_attributes", {}, [element("nvpair", { name: "target-role", value: "Stopped" })]),
      ]),
    );
}

/** Nothing may run on a node on standby, or on one that is about to shut down. */
function isEmptied(cib: XmlElement, node: HostNode): boolean {
  const xml = findPath(cib, ["configuration", "nodes"])?.children.find(
    ({ attributes }) => attributes["id"] === node.id,
  );
  const standby = xml && pairValue(xml, "instance_attributes", "standby");
  return isShuttingDown(cib, node) || ["on", "true", "yes", "1"].includes(standby ?? "");
}

function isShuttingDown(cib: XmlElement, node: HostNode): boolean {
  return !["", "0"].includes(transientAttributes(cib, node.id)["shutdown"] ?? "");
}

function shutDown(node: HostNode): Action {
  const key = `do_shutdown-${node.name}`;
  return {
    ...{
      id: `cluster:${key}@${node.name}`,
      kind: "cluster",
      task: "do_shutdown",
      key,
      node: node.name,
      nodeId: node.id,
    },
    ...{ intervalMs: 0, timeoutMs: 0, startDelayMs: 0, targetRc: 0, params: {}, meta: {}, priority: 0, canFail: false },
  };
}

function chain(actions: readonly Action[]): readonly Order[] {
  return actions.slice(1).map((then, index) => ({ first: actions[index]?.id ?? "", then: then.id }));
}

/** Failures that count against the resource, and when they stop counting (ms since the epoch). */
function failuresOf(
  cib: XmlElement,
  resource: XmlElement,
  node: HostNode,
  now: number,
): { readonly count: number; readonly expired: boolean; readonly expireAt: number } {
  const id = resource.attributes["id"] ?? "";
  const attributes = Object.entries(transientAttributes(cib, node.id));
  const named = (prefix: string): string[] =>
    attributes.filter(([name]) => name.startsWith(`${prefix}-${id}#`)).map(([, value]) => value);
  const count = named("fail-count").reduce((sum, value) => sum + score(value, 0), 0);
  const last = Math.max(0, ...named("last-failure").map(Number)) * 1000;
  const timeoutMs = parseDuration(meta(cib, resource, "failure-timeout")) ?? 0;
  if (count === 0 || timeoutMs === 0) return { count, expired: false, expireAt: Infinity };
  const expired = last + timeoutMs <= now;
  return { count, expired, expireAt: expired ? Infinity : last + timeoutMs };
}

function monitorsOf(resource: XmlElement): readonly Operation[] {
  return operationsOf(resource).filter(({ task, intervalMs }) => task === "monitor" && intervalMs > 0);
}

function operationsOf(resource: XmlElement): readonly Operation[] {
  const found = childOf(resource, "operations");
  return (found === undefined ? [] : childrenOf(found, "op")).map(({ attributes }) => ({
    task: attributes["name"] ?? "",
    intervalMs: parseInterval(attributes["interval"]),
    timeoutMs: parseDuration(attributes["timeout"]) ?? DEFAULT_TIMEOUT_MS,
  }));
}

function operation(cib: XmlElement, resource: XmlElement, task: string): Operation {
  const configured = operationsOf(resource).find((one) => one.task === task && one.intervalMs === 0);
  const byDefault = findPath(cib, ["configuration", "op_defaults"]);
  const timeout = byDefault && pairValue(byDefault, "meta_attributes", "timeout");
  return configured ?? { task, intervalMs: 0, timeoutMs: parseDuration(timeout) ?? DEFAULT_TIMEOUT_MS };
}

function probe(resource: XmlElement, node: HostNode): Action {
  return act(resource, node, { task: "monitor", intervalMs: 0, timeoutMs: DEFAULT_TIMEOUT_MS }, NOT_RUNNING);
}

function clearFailures(resource: XmlElement, node: HostNode): Action {
  const { kind, ...rest } = act(resource, node, {
    task: "clear_failcount",
    intervalMs: 0,
    timeoutMs: DEFAULT_TIMEOUT_MS,
  });
  return { ...rest, kind: kind === "rsc" ? "cluster" : kind, id: rest.id.replace(/^rsc:/, "cluster:") };
}

function act(resource: XmlElement, node: HostNode, { task, intervalMs, timeoutMs }: Operation, targetRc = 0): Action {
  const { id = "", class: agentClass = "", provider, type = "" } = resource.attributes;
  const key = `${id}_${task}_${intervalMs}`;
  return {
    id: `rsc:${key}@${node.name}`,
    kind: "rsc",
    task,
    key,
    node: node.name,
    nodeId: node.id,
    resource: { id, longId: id, agent: { class: agentClass, ...(provider !== undefined && { provider }), type } },
    ...{ intervalMs, timeoutMs, startDelayMs: 0, targetRc, priority: 0, canFail: false },
    params: paramsOf(resource),
    meta: {
      timeout: String(timeoutMs),
      on_node: node.name,
      on_node_uuid: node.id,
      ...(targetRc !== NOT_RUNNING && { name: task }),
      ...(intervalMs > 0 && { interval: String(intervalMs) }),
      ...(targetRc !== 0 && { op_target_rc: String(targetRc) }),
    },
  };
}

function paramsOf(resource: XmlElement): Readonly<Record<string, string>> {
  const pairs = childrenOf(resource, "instance_attributes").flatMap((set) => childrenOf(set, "nvpair"));
  return Object.fromEntries(pairs.map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""]));
}

function meta(cib: XmlElement, resource: XmlElement, name: string): string | undefined {
  const byDefault = findPath(cib, ["configuration", "rsc_defaults"]);
  return pairValue(resource, "meta_attributes", name) ?? (byDefault && pairValue(byDefault, "meta_attributes", name));
}

function property(cib: XmlElement, name: string): string | undefined {
  const config = findPath(cib, ["configuration", "crm_config"]);
  return config && pairValue(config, "cluster_property_set", name);
}

function isOnline(cib: XmlElement, node: HostNode): boolean {
  const state = findPath(cib, ["status"])?.children.find(({ attributes }) => attributes["id"] === node.id);
  return state?.attributes["crmd"] === "online";
}

function score(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  return text.replace("+", "") === "INFINITY" ? INFINITY : Number.parseInt(text, 10) || 0;
}
