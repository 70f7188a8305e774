import { nvSetsOf } from "../cib/nvsets.js";
import type { Cib } from "../cib/types.js";
import type { ClusterState, Node } from "./model.js";
import { compareNames } from "./names.js";
import { readOptions } from "./configuration/options.js";
import { applySets, type RuleContext } from "./configuration/rules.js";
import { parseScore } from "./score.js";
import { addRemoteNodes, isGuestNode } from "./configuration/remote-nodes.js";
import { addResources } from "./configuration/resources.js";

/** First stage: cluster options, nodes, resources and tags of the configuration. */
export function readConfiguration(cib: Cib, now: number): ClusterState {
  const given = new Map<string, string>();
  let recheckAt: number | undefined;
  const context: RuleContext = { now, byId: cib.byId, onChangeAt: (ms) => (recheckAt = Math.min(recheckAt ?? ms, ms)) };
  applySets(nvSetsOf(cib.crmConfig, "cluster_property_set", cib.byId), context, given, {
    first: "cib-bootstrap-options",
  });
  const options = readOptions(given);
  const state: ClusterState = {
    cib,
    now,
    options,
    nodes: [],
    nodeById: new Map(),
    nodeByName: new Map(),
    dcNode: undefined,
    resources: [],
    resourceById: new Map(),
    tags: new Map(),
    tickets: new Map(),
    actions: [],
    actionsByKey: new Map(),
    orderings: [],
    colocations: [],
    locations: [],
    haveQuorum: cib.haveQuorum ?? false,
    haveFenceDevice: options.haveWatchdog,
    unfencing: false,
    haveRemoteNodes: false,
    recheckAt,
    unsupported: new Set(),
    warnings: new Set(),
    rescheduled: new Set(),
    failedOperations: [],
    scores: [],
  };
  addNodes(state, context);
  addRemoteNodes(state);
  addResources(state);
  addTags(state);
  return state;
}

function addNodes(state: ClusterState, context: RuleContext): void {
  const { cib, options } = state;
  for (const xml of cib.nodes) {
    const { id, uname, type = "member", score } = xml.attributes;
    if (id === undefined || uname === undefined) continue;
    const node = makeNode(id, uname, type === "remote" ? "remote" : type === "ping" ? "ping" : "cluster", options);
    node.weight = parseScore(score);
    node.isDc = cib.dcId === id;
    if (node.isDc) state.dcNode = node;
    addNode(state, node);
    addNodeAttributes(state, node, nvSetsOf(xml, "instance_attributes", cib.byId), context, false);
    applySets(nvSetsOf(xml, "utilization", cib.byId), { ...context, attributes: node.attributes }, node.utilization);
  }
}

export function addNode(state: ClusterState, node: Node): void {
  state.nodes.push(node);
  state.nodeById.set(node.id, node);
  state.nodeByName.set(node.name, node);
  state.nodes.sort((a, b) => compareNames(a.name, b.name));
}

/** A node of which nothing is known yet. */
export function makeNode(id: string, name: string, type: Node["type"], options: ClusterState["options"]): Node {
  return {
    id,
    name,
    type,
    online: false,
    standby: false,
    standbyOnFail: false,
    pending: false,
    unclean: options.fencing && options.startupFencing,
    unseen: true,
    shutdown: false,
    expectedUp: false,
    isDc: false,
    maintenance: false,
    discoveryEnabled: true,
    unpacked: false,
    weight: 0,
    priority: 0,
    health: 0,
    attributes: new Map(),
    utilization: new Map(),
    running: [],
    assigned: [],
    assignedCount: 0,
    remoteResource: undefined,
    remoteRequiresReset: false,
    remoteWasFenced: false,
    capacity: new Map(),
  };
}

/** Adds a node's attributes: the built-in ones (#uname …) and those of the given sets. */
export function addNodeAttributes(
  state: ClusterState,
  node: Node,
  sets: ReturnType<typeof nvSetsOf>,
  context: RuleContext,
  overwrite: boolean,
): void {
  const { attributes } = node;
  attributes.set("#uname", node.name);
  attributes.set("#id", node.id);
  attributes.set("#is_dc", node.isDc ? "true" : "false");
  attributes.set("#kind", isGuestNode(node) ? "container" : node.type === "remote" ? "remote" : "cluster");
  if (state.options.clusterName !== undefined) attributes.set("#cluster-name", state.options.clusterName);
  applySets(sets, { ...context, attributes }, attributes, { overwrite });
  const site = attributes.get("site-name") ?? state.options.clusterName;
  if (site !== undefined && !attributes.has("#site-name")) attributes.set("#site-name", site);
}

function addTags(state: ClusterState): void {
  for (const tag of state.cib.tags) {
    const id = tag.attributes["id"];
    if (id === undefined) continue;
    const members = tag.children.map((child) => child.attributes["id"]).filter((member) => member !== undefined);
    state.tags.set(id, members);
  }
}
