import { childOf, childrenOf, type XmlElement } from "../../lib/xml.js";
import { nvSetsOf } from "../cib/nvsets.js";
import { isTrue } from "../cib/read.js";
import { tieToContainers } from "./configuration/containers.js";
import { ruleContext } from "./configuration/attributes.js";
import { addNodeAttributes } from "./configuration.js";
import { fenceNode } from "./fencing-and-shutdown/fencing.js";
import { readResourceHistory } from "./status/history.js";
import { isGuestNode, LOST_CONNECTIONS } from "./configuration/remote-nodes.js";
import { decideRemoteOnline, isConnected, readRemoteState } from "./status/remote-status.js";
import type { ClusterState, Node } from "./model.js";
import { INFINITY } from "./score.js";

/** Second stage: what the status section says of nodes, and what the operation history says of resources. */
export function readStatus(state: ClusterState): void {
  const { status } = state.cib;
  for (const section of status) {
    if (section.name === "tickets") readTickets(state, section);
    if (section.name === "node_state") readNodeState(state, section);
  }
  const states = status.filter((section) => section.name === "node_state");
  for (const section of states) if (nodeOf(state, section)?.type === "cluster") readHistories(state, section);
  // What is not configured any more may be in something that is not, either.
  tieToContainers(state);
  readRemoteStates(state, states);
}

/** What was done on a node, unless it was read or does not matter. */
function readHistories(state: ClusterState, section: XmlElement): void {
  const node = nodeOf(state, section);
  if (node === undefined || node.unpacked) return;
  // What ran on a node that is gone does not matter when nobody can make sure of it.
  const mattersLess = !node.online && !isConnected(node);
  if (mattersLess && !state.options.fencing && !state.options.shutdownLock) {
    // What Pacemaker makes of what ran there, once it is connected again, was not understood in all cases.
    const ran = childOf(childOf(section, "lrm") ?? section, "lrm_resources")?.children ?? [];
    if (node.type === "remote" && ran.length > 0 && !isGuestNode(node)) state.unsupported.add(LOST_CONNECTIONS);
    return;
  }
  node.unpacked = true;
  const lrm = childOf(section, "lrm");
  const resources = lrm === undefined ? undefined : childOf(lrm, "lrm_resources");
  for (const history of childrenOf(resources ?? section, "lrm_resource")) readResourceHistory(state, node, history);
}

/** Remote nodes come after the cluster nodes, whose histories tell which connections are up; guests may be in guests. */
function readRemoteStates(state: ClusterState, states: readonly XmlElement[]): void {
  const remote = (): (readonly [XmlElement, Node])[] =>
    states.flatMap((section) => {
      const node = nodeOf(state, section);
      return node?.type === "remote" && !node.unpacked ? [[section, node] as const] : [];
    });
  for (let more = true; more;) {
    const up = remote().filter(([, node]) => isConnected(node));
    for (const [section, node] of up) {
      decideRemoteOnline(node);
      readHistories(state, section);
    }
    more = up.some(([, node]) => node.unpacked);
  }
  for (const node of state.nodes) if (node.type === "remote") decideRemoteOnline(node);
  for (const [section] of remote()) readHistories(state, section);
}

function readTickets(state: ClusterState, section: XmlElement): void {
  for (const { attributes } of childrenOf(section, "ticket_state")) {
    const id = attributes["id"];
    if (id === undefined) continue;
    state.tickets.set(id, { id, granted: isTrue(attributes["granted"]), standby: isTrue(attributes["standby"]) });
  }
}

function nodeOf(state: ClusterState, section: XmlElement): Node | undefined {
  const { id, uname } = section.attributes;
  return state.nodeById.get(id ?? "") ?? state.nodeByName.get(uname ?? "");
}

function readNodeState(state: ClusterState, section: XmlElement): void {
  const node = nodeOf(state, section);
  if (node === undefined && section.attributes["remote_node"] === "true") return;
  if (node === undefined) {
    state.warnings.add(`the status names a node that is not configured: ${section.attributes["uname"] ?? ""}`);
    return;
  }
  if (node.type === "ping") return;
  node.unclean = false;
  node.unseen = false;
  const transient = childOf(section, "transient_attributes");
  if (transient !== undefined) {
    const sets = nvSetsOf(transient, "instance_attributes", state.cib.byId);
    addNodeAttributes(state, node, sets, ruleContext(state), true);
  }
  if (isTrue(node.attributes.get("standby"))) node.standby = true;
  if (isTrue(node.attributes.get("maintenance"))) node.maintenance = true;
  if (node.type === "remote") {
    readRemoteState(state, node, section);
    return;
  }
  if (node.attributes.get("resource-discovery-enabled") !== undefined) {
    node.discoveryEnabled = true;
    state.warnings.add(`resource-discovery-enabled counts on remote nodes only, not on ${node.name}`);
  }
  decideOnline(state, node, section);
  if (!state.haveQuorum && state.options.fencing && isLostQuorumFatal(state)) {
    fenceNode(state, node, "the cluster has lost quorum", false);
  }
}

/** The quorum policy suicide is for a cluster that had quorum; one that is just coming up waits for it. */
function isLostQuorumFatal({ cib, options }: ClusterState): boolean {
  return options.quorumPolicy === "suicide" && cib.quorumPanic;
}

function decideOnline(state: ClusterState, node: Node, section: XmlElement): void {
  const { expected } = section.attributes;
  const shutdown = node.attributes.get("shutdown");
  if (shutdown !== undefined && shutdown !== "0") node.shutdown = true;
  else if (expected === "member") node.expectedUp = true;
  node.online = state.options.fencing ? isOnlineFenced(state, node, section) : isOnlineUnfenced(state, node, section);
  if (!node.online || node.shutdown) node.weight = -INFINITY;
}

/** Without fencing only a node's own word counts. */
function isOnlineUnfenced(state: ClusterState, node: Node, { attributes }: XmlElement): boolean {
  if (!isTrue(attributes["in_ccm"])) return false;
  if (attributes["crmd"] === "online") return attributes["join"] === "member";
  if (node.expectedUp) fenceNode(state, node, "the cluster manager there is unexpectedly down", false);
  return false;
}

/** With fencing, what contradicts the expected state is fenced. */
function isOnlineFenced(state: ClusterState, node: Node, { attributes }: XmlElement): boolean {
  const { in_ccm: inCluster, crmd, join, expected = "down" } = attributes;
  const terminate = node.attributes.get("terminate");
  const doTerminate = terminate !== undefined && (isTrue(terminate) || /^[1-9]/.test(terminate));
  const isMember = isTrue(inCluster);
  const isPeer = crmd === "online";
  if (node.shutdown) return isPeer;
  if (inCluster === undefined) {
    fenceNode(state, node, "the cluster has not seen it", false);
    return isMember;
  }
  if (join === "banned") fenceNode(state, node, "it failed the membership criteria", false);
  else if (!doTerminate && expected === "down") {
    if (isMember || isPeer) setPending(node);
  } else if (doTerminate && join === "down" && !isMember && !isPeer) return false;
  else if (!isMember) fenceNode(state, node, "it is no longer part of the cluster", true);
  else if (!isPeer) fenceNode(state, node, "its cluster manager is no longer available", false);
  else if (doTerminate) fenceNode(state, node, "termination was asked for", false);
  else if (join === "member") return true;
  else if (join === "pending" || join === "down") setPending(node);
  else fenceNode(state, node, "it is in an unknown state", false);
  return isMember;
}

function setPending(node: Node): void {
  node.standby = true;
  node.pending = true;
}
