import type { XmlElement } from "../lib/xml.js";
import { findNodeState, transientAttributes } from "./cib/status.js";
import { findPath, named, pairValue } from "./cib/tree.js";
import { versionOf } from "./cib/version.js";
import { clusterNodes } from "./control.js";
import { resourceStates, type OperationFailure, type ResourceState } from "./resource-state.js";
import { failCount } from "./runtime/failures.js";

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
  readonly state: "online" | "offline" | "standby" | "maintenance";
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

const CONTAINERS = ["group", "clone", "master", "bundle"];

export function summarise(cib: XmlElement): ClusterSummary {
  const resources = findPath(cib, ["configuration", "resources"])?.children ?? [];
  const config = findPath(cib, ["configuration", "crm_config"]);
  return {
    version: versionOf(cib),
    maintenance: isTrue(config && pairValue(config, "cluster_property_set", "maintenance-mode")),
    nodes: clusterNodes(cib).map((node) => nodeSummary(cib, node)),
    resources: resources.filter(isResource).map((resource) => resourceSummary(cib, resource)),
    failures: resources.flatMap(primitives).flatMap((id) => failuresOf(cib, id)),
  };
}

function nodeSummary(cib: XmlElement, { id, name }: { id: string; name: string }): NodeSummary {
  const xml = findPath(cib, ["configuration", "nodes"])?.children.find(named("node", id));
  const permanent = (key: string): boolean => isTrue(xml && pairValue(xml, "instance_attributes", key));
  const all = transientAttributes(cib, id);
  const online = findNodeState(cib, id)?.attributes["crmd"] === "online";
  const shown = Object.entries(all).filter(([key]) => !/^(fail-count|last-failure|shutdown)/.test(key));
  return {
    name,
    state: !online
      ? "offline"
      : permanent("standby") || isTrue(all["standby"])
        ? "standby"
        : permanent("maintenance")
          ? "maintenance"
          : "online",
    attributes: Object.fromEntries(shown.sort()),
  };
}

function isResource(at: XmlElement): boolean {
  return at.name === "primitive" || CONTAINERS.includes(at.name);
}

function resourceSummary(cib: XmlElement, resource: XmlElement): ResourceSummary {
  const { id = "", class: agentClass, provider, type } = resource.attributes;
  const targetRole = pairValue(resource, "meta_attributes", "target-role");
  const promotable = isTrue(pairValue(resource, "meta_attributes", "promotable")) || resource.name === "master";
  return {
    id,
    kind: promotable ? "promotable clone" : resource.name,
    ...(type !== undefined && { agent: [agentClass, provider, type].filter((part) => part !== undefined).join(":") }),
    ...(targetRole !== undefined && { targetRole }),
    managed: !/^(false|off|no|n|0)$/i.test(pairValue(resource, "meta_attributes", "is-managed") ?? "true"),
    instances: resource.name === "primitive" ? resourceStates(cib, id).filter(isNoteworthy) : [],
    children: resource.children.filter(isResource).map((child) => resourceSummary(cib, child)),
  };
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

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|on|yes|y|1)$/i.test(value);
}
