import { childrenOf, type XmlElement } from "../../../lib/xml.js";
import { parseDuration, parseInterval } from "../../cib/durations.js";
import { follow, nvSetsOf } from "../../cib/nvsets.js";
import { isFalse, isTrue } from "../../cib/read.js";
import { defaultSets, ruleContext } from "./attributes.js";
import { tieToContainers } from "./containers.js";
import { guestConnections, tieConnection } from "./remote-nodes.js";
import { targetRole } from "./target-role.js";
import {
  makeCandidate,
  type CloneSettings,
  type ClusterState,
  type Operation,
  type Recovery,
  type Resource,
} from "../model.js";
import { isClone, topOf, withDescendants } from "../resource-tree.js";
import { parseRole } from "../roles.js";
import { applySets } from "./rules.js";
import { expandTemplate } from "./templates.js";
import { INFINITY, parseScore } from "../score.js";

/** Of instances of clones unless something is configured: they are not shuffled around without a reason. */
const INSTANCE_STICKINESS = "1";

const CLONES = ["clone", "master"];

/** Makes the working resources of the configuration; those of the highest priority come first. */
export function addResources(state: ClusterState): void {
  for (const xml of state.cib.resources) {
    if (xml.name === "template") {
      const id = xml.attributes["id"] ?? "";
      if (!state.tags.has(id)) state.tags.set(id, []);
      continue;
    }
    if (xml.name === "bundle") {
      state.unsupported.add("bundles");
      continue;
    }
    const resource = makeResource(state, xml, undefined, undefined);
    if (resource !== undefined) state.resources.push(resource);
  }
  for (const xml of guestConnections(state)) {
    if (state.resourceById.has(xml.attributes["id"] ?? "")) continue;
    const connection = makeResource(state, xml, undefined, undefined);
    if (connection !== undefined) state.resources.push(connection);
  }
  tieToContainers(state);
  for (const each of state.resources.flatMap(withDescendants)) tieConnection(state, each);
  // Only an entry of what was a remote node once: nobody can be there.
  for (const node of state.nodes) if (node.type === "remote" && node.remoteResource === undefined) node.unclean = false;
  // Only now it is known whether a device has to admit nodes.
  for (const each of state.resources.flatMap(withDescendants)) each.requires = requirementOf(state, each);
  sortByPriority(state);
}

export function sortByPriority(state: ClusterState): void {
  state.resources.sort((a, b) => b.priority - a.priority);
}

/**
 * Makes a resource with its children and enters it in the state's index.
 * @param instance the instance number when it is, or belongs to, an instance of a clone
 */
export function makeResource(
  state: ClusterState,
  given: XmlElement,
  parent: Resource | undefined,
  instance: number | undefined,
): Resource | undefined {
  const id = given.attributes["id"];
  if (id === undefined) return undefined;
  const { xml, templateId } = expandTemplate(state, given);
  if (templateId !== undefined) tagTemplate(state, templateId, id);
  const isCollective = xml.name !== "primitive";
  const variant = CLONES.includes(xml.name) ? "clone" : xml.name === "group" ? "group" : "primitive";
  const meta = readMeta(state, xml, parent);
  const isRemoteNode = xml.attributes["provider"] === "pacemaker" && xml.attributes["type"] === "remote";
  const resource: Resource = {
    id: instance === undefined ? id : `${id}:${instance}`,
    historyId: undefined,
    variant,
    xml,
    instanceSets: nvSetsOf(xml, "instance_attributes", state.cib.byId),
    operations: isCollective ? [] : readOperations(state, xml),
    parent,
    children: [],
    meta,
    utilization: new Map(),
    agent: agentOf(xml),
    clone: variant === "clone" ? readClone(state, xml, meta) : undefined,
    ordered: !isFalse(meta.get("ordered")),
    collocated: !isFalse(meta.get("collocated")),
    instanceNumber: instance,
    orphan: false,
    managed: !meta.has("is-managed") || isTrue(meta.get("is-managed")),
    maintenance: false,
    notify: isTrue(meta.get("notify")),
    unique: true,
    promotable: false,
    fenceDevice: xml.attributes["class"] === "stonith",
    // A connection can be handed over while it is up; a guest's goes where the guest goes.
    allowMigrate: isTrue(meta.get("allow-migrate") ?? String(isRemoteNode && !meta.has("container"))),
    critical: !meta.has("critical") || isTrue(meta.get("critical")),
    requires: "nothing",
    recovery: recoveryOf(meta.get("multiple-active")),
    priority: parseScore(meta.get("priority")),
    stickiness: parseScore(
      meta.get("resource-stickiness") ?? (instance === undefined ? undefined : INSTANCE_STICKINESS),
    ),
    migrationThreshold: thresholdOf(meta.get("migration-threshold")),
    failureTimeoutMs: parseDuration(meta.get("failure-timeout")) ?? 0,
    exclusiveDiscovery: false,
    isRemoteNode,
    reconnectMs: 0,
    container: undefined,
    fillers: [],
    role: "Stopped",
    nextRole: "Unknown",
    blocked: false,
    failed: false,
    mustStop: false,
    startPending: false,
    failureIgnored: false,
    reload: false,
    runningOn: [],
    knownOn: new Set(),
    partialMigrationTarget: undefined,
    partialMigrationSource: undefined,
    danglingMigrations: [],
    pendingTask: undefined,
    pendingNode: undefined,
    lock: undefined,
    allowed: new Map(),
    provisional: true,
    assigning: false,
    assignedTo: undefined,
    looping: false,
    promotionScore: 0,
    sortIndex: 0,
    actions: [],
    colocatedWith: [],
    dependents: [],
    locations: [],
    tickets: [],
    restarting: false,
    stopsUnexpected: false,
    parameterCache: new Map(),
  };
  if (isTrue(meta.get("maintenance")) || state.options.maintenanceMode) {
    resource.managed = false;
    resource.maintenance = true;
  }
  settleClone(resource);
  resource.nextRole = targetRole(resource) ?? "Unknown";
  resource.requires = requirementOf(state, resource);
  applySets(nvSetsOf(xml, "utilization", state.cib.byId), ruleContext(state), resource.utilization);
  if (resource.fenceDevice) {
    state.haveFenceDevice = true;
    if (meta.get("provides") === "unfencing") state.unfencing = true;
  }
  if (state.options.symmetric) {
    for (const node of state.nodes) resource.allowed.set(node, makeCandidate(node, node.weight));
  }
  state.resourceById.set(resource.id, resource);
  addChildren(state, resource, instance);
  return resource;
}

function addChildren(state: ClusterState, resource: Resource, instance: number | undefined): void {
  if (resource.variant === "group") {
    for (const child of childrenOf(resource.xml, "primitive")) {
      const made = makeResource(state, child, resource, instance);
      if (made !== undefined) resource.children.push(made);
    }
  }
  if (!isClone(resource)) return;
  // With clone-max=0 one instance is made for what the history tells of earlier ones.
  const count = Math.max(1, resource.clone.max);
  for (let i = 0; i < count; i++) addInstance(state, resource);
}

/** One more instance of a clone; those beyond clone-max are orphans. */
export function addInstance(state: ClusterState, clone: Resource & { clone: CloneSettings }): Resource {
  const number = clone.clone.total;
  const made = makeResource(state, clone.clone.template, clone, number);
  if (made === undefined) throw new RangeError(`clone ${clone.id} has a child without an id`);
  clone.clone.total += 1;
  if (number >= clone.clone.max) for (const each of withDescendants(made)) each.orphan = true;
  clone.children.push(made);
  return made;
}

function tagTemplate(state: ClusterState, template: string, user: string): void {
  const users = state.tags.get(template) ?? [];
  if (!users.includes(user)) users.push(user);
  state.tags.set(template, users);
}

/** Meta attributes: the resource's own, then its parents', then rsc_defaults. */
function readMeta(state: ClusterState, xml: XmlElement, parent: Resource | undefined): Map<string, string> {
  const meta = new Map<string, string>();
  const context = ruleContext(state, { agent: agentOf(xml) });
  applySets(nvSetsOf(xml, "meta_attributes", state.cib.byId), context, meta);
  for (let up = parent; up !== undefined; up = up.parent) {
    applySets(nvSetsOf(up.xml, "meta_attributes", state.cib.byId), context, meta);
  }
  applySets(defaultSets(state, "rscDefaults"), context, meta);
  return meta;
}

export function agentOf({ attributes }: XmlElement): Resource["agent"] {
  return {
    class: attributes["class"] ?? "",
    provider: attributes["provider"],
    type: attributes["type"] ?? "",
  };
}

function readOperations(state: ClusterState, xml: XmlElement): readonly Operation[] {
  return childrenOf(xml, "operations")
    .map((each) => follow(each, state.cib.byId))
    .filter((each) => each !== undefined)
    .flatMap((each) => childrenOf(each, "op"))
    .map((each) => follow(each, state.cib.byId))
    .filter((each) => each !== undefined)
    .map((each) => ({
      id: each.attributes["id"] ?? "",
      name: each.attributes["name"] ?? "",
      intervalMs: parseInterval(each.attributes["interval"]),
      role: parseRole(each.attributes["role"]),
      enabled: each.attributes["enabled"] === undefined || isTrue(each.attributes["enabled"]),
      xml: each,
    }));
}

function readClone(state: ClusterState, xml: XmlElement, meta: ReadonlyMap<string, string>): CloneSettings | undefined {
  const template = xml.children.find((child) => child.name === "primitive" || child.name === "group");
  if (template === undefined) return undefined;
  const count = (names: readonly string[], fallback: number): number => {
    const text = names.map((name) => meta.get(name)).find((value) => value !== undefined);
    const value = Number.parseInt(text ?? "", 10);
    return Number.isNaN(value) ? fallback : Math.max(0, value);
  };
  return {
    max: count(["clone-max"], Math.max(1, state.nodes.length)),
    nodeMax: count(["clone-node-max"], 1),
    promotedMax: count(["promoted-max", "master-max"], 1),
    promotedNodeMax: count(["promoted-node-max", "master-node-max"], 1),
    unique: isTrue(meta.get("globally-unique")) && canBeUnique(state, template),
    interleave: isTrue(meta.get("interleave")),
    ordered: isTrue(meta.get("ordered")),
    template,
    min: count(["clone-min"], 0),
    total: 0,
    promotedActual: 0,
    notifications: new Map(),
  };
}

/** Services of the host are one on each node: their agents cannot tell instances apart, whatever is configured. */
function canBeUnique(state: ClusterState, template: XmlElement): boolean {
  const primitives = template.name === "group" ? childrenOf(template, "primitive") : [template];
  return primitives.every((each) => {
    const { class: agentClass } = agentOf(expandTemplate(state, each).xml);
    return agentClass === "ocf" || agentClass === "stonith";
  });
}

/** Whether instances differ, and whether they can be promoted: the outermost clone says. */
function settleClone(resource: Resource): void {
  const top = topOf(resource);
  if (!isClone(top)) return;
  resource.unique = top.clone.unique;
  resource.promotable = isTrue(top.meta.get("promotable")) || top.xml.name === "master";
}

function recoveryOf(value: string | undefined): Recovery {
  return value === "stop_only" || value === "block" || value === "stop_unexpected" ? value : "stop_start";
}

function thresholdOf(value: string | undefined): number {
  const threshold = value === undefined ? INFINITY : parseScore(value);
  return threshold < 0 ? INFINITY : threshold;
}

function requirementOf(state: ClusterState, resource: Resource): Resource["requires"] {
  const { fencing, quorumPolicy } = state.options;
  const given = resource.meta.get("requires");
  const fallback =
    resource.fenceDevice || resource.isRemoteNode
      ? "quorum"
      : fencing
        ? state.unfencing
          ? "unfencing"
          : "fencing"
        : quorumPolicy === "ignore"
          ? "nothing"
          : "quorum";
  switch (given) {
    case "nothing":
    case "quorum":
      return given;
    case "fencing":
      return fencing ? "fencing" : "quorum";
    case "unfencing":
      return resource.fenceDevice || !fencing ? "quorum" : "unfencing";
    default:
      return fallback;
  }
}
