import type { XmlElement } from "../lib/xml.js";
import { isTrue } from "./cib/read.js";
import { transientAttributes, type ClusterNode } from "./cib/status.js";
import { findPath, pairValue } from "./cib/tree.js";
import { versionOf } from "./cib/version.js";
import { clusterNodes } from "./control.js";
import { resourceStates, type OperationFailure, type ResourceState } from "./resource-state.js";
import { failCount } from "./runtime/failures.js";
import { schedule } from "./scheduler/index.js";
import type { NodeFlag } from "./scheduler/types.js";

/** A cluster as `rehome cluster status` shows it: all of it read from the CIB. */
export interface ClusterSummary {
  /** `admin_epoch.epoch.num_updates` */
  readonly version: string;
  readonly maintenance: boolean;
  readonly nodes: readonly NodeSummary[];
  readonly resources: readonly ResourceSummary[];
  readonly failures: readonly FailureSummary[];
}

export interface NodeSummary {
  readonly name: string;
  /** `unclean`: nobody knows what runs there before it is fenced; `pending`: it is joining. */
  readonly state: "online" | "offline" | "standby" | "maintenance" | "unclean" | "pending";
  /** Transient attributes, without the counters of failures. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ResourceSummary {
  readonly id: string;
  readonly kind: string;
  /** `ocf:heartbeat:VirtualDomain`, of primitives. */
  readonly agent?: string;
  readonly targetRole?: string;
  readonly managed: boolean;
  /** Of primitives: one a node that knows it, stopped ones left out unless something is under way or failed. */
  readonly instances: readonly ResourceState[];
  readonly children: readonly ResourceSummary[];
}

export interface FailureSummary extends OperationFailure {
  readonly resource: string;
  readonly node: string;
  /** Of all operations of the resource on the node; Infinity for INFINITY. */
  readonly failCount: number;
}

const CLONES = ["clone", "master"];
const CONTAINERS = ["group", "clone", "master", "bundle"];

/** @param now ms since the epoch: what a node is may depend on it */
export function summarise(cib: XmlElement, now: number): ClusterSummary {
  const { nodes } = schedule(cib, now).present;
  const resources = findPath(cib, ["configuration", "resources"])?.children ?? [];
  const config = findPath(cib, ["configuration", "crm_config"]);
  return {
    version: versionOf(cib),
    maintenance: isTrue(config && pairValue(config, "cluster_property_set", "maintenance-mode")),
    nodes: clusterNodes(cib).map((node) => nodeSummary(cib, node, nodes[node.name] ?? [])),
    resources: resources.filter(isResource).map((resource) => resourceSummary(cib, resource)),
    failures: resources.flatMap(primitives).flatMap((id) => failuresOf(cib, id)),
  };
}

function nodeSummary(cib: XmlElement, { id, name }: ClusterNode, flags: readonly NodeFlag[]): NodeSummary {
  const shown = Object.entries(transientAttributes(cib, id)).filter(
    ([key]) => !/^(#|fail-count|last-failure|shutdown)/.test(key),
  );
  return { name, state: nodeState(flags), attributes: Object.fromEntries(shown.sort()) };
}

function nodeState(flags: readonly NodeFlag[]): NodeSummary["state"] {
  if (flags.includes("unclean")) return "unclean";
  if (flags.includes("pending")) return "pending";
  if (!flags.includes("online")) return "offline";
  if (flags.includes("standby")) return "standby";
  return flags.includes("maintenance") ? "maintenance" : "online";
}

function isResource(at: XmlElement): boolean {
  return at.name === "primitive" || CONTAINERS.includes(at.name);
}

/** @param inPromotable whether it is an instance of a promotable clone, or in one */
function resourceSummary(cib: XmlElement, resource: XmlElement, inPromotable = false): ResourceSummary {
  const { id = "", class: agentClass, provider, type } = resource.attributes;
  const targetRole = pairValue(resource, "meta_attributes", "target-role");
  const isPromotable =
    inPromotable || isTrue(pairValue(resource, "meta_attributes", "promotable")) || resource.name === "master";
  return {
    id,
    kind: isPromotable && CLONES.includes(resource.name) ? "promotable clone" : resource.name,
    ...(type !== undefined && { agent: [agentClass, provider, type].filter((part) => part !== undefined).join(":") }),
    ...(targetRole !== undefined && { targetRole }),
    managed: !/^(false|off|no|n|0)$/i.test(pairValue(resource, "meta_attributes", "is-managed") ?? "true"),
    instances: resource.name === "primitive" ? instancesOf(cib, id, isPromotable) : [],
    children: resource.children.filter(isResource).map((child) => resourceSummary(cib, child, isPromotable)),
  };
}

/** What was started and not promoted is unpromoted, where it could be promoted. */
function instancesOf(cib: XmlElement, id: string, isPromotable: boolean): readonly ResourceState[] {
  const states = resourceStates(cib, id).filter(isNoteworthy);
  if (!isPromotable) return states;
  return states.map((state) => (state.role === "started" ? { ...state, role: "unpromoted" } : state));
}

function isNoteworthy(state: ResourceState): boolean {
  return state.role !== "stopped" || state.pending !== undefined || state.failedNow;
}

function primitives(resource: XmlElement): readonly string[] {
  if (resource.name === "primitive") return [resource.attributes["id"] ?? ""];
  return resource.children.flatMap(primitives);
}

function failuresOf(cib: XmlElement, id: string): readonly FailureSummary[] {
  const ids = new Map(clusterNodes(cib).map((node) => [node.name, node.id]));
  return resourceStates(cib, id).flatMap(({ node, failure }) =>
    failure === undefined
      ? []
      : [{ ...failure, resource: id, node, failCount: failCount(cib, ids.get(node) ?? node, id) }],
  );
}
