import { childrenOf, element, type XmlElement } from "../../../lib/xml.js";
import { nvSetsOf } from "../../cib/nvsets.js";
import { addNode, addNodeAttributes, makeNode } from "../configuration.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { parseDuration } from "../../cib/durations.js";
import { parametersOf, ruleContext } from "./attributes.js";
import { applySets } from "./rules.js";

/**
 * Nodes without a cluster stack of their own: a cluster node keeps a connection to them and passes on what is to be done
 * there. A remote node is there because a resource is its connection (agent ocf:pacemaker:remote), and has that
 * resource's name. A guest node runs inside a resource with the meta attribute `remote-node`, which names it; its
 * connection is a resource that nobody configures. (Pacemaker Explained, "Guest nodes"; Pacemaker Remote.)
 */

/** Named as not understood. */
export const LOST_CONNECTIONS = "lost connections to remote nodes without fencing";

/** Makes the nodes, before any resource, which may run on them. */
export function addRemoteNodes(state: ClusterState): void {
  for (const xml of state.cib.resources) {
    for (const primitive of xml.name === "group" ? childrenOf(xml, "primitive") : [xml]) {
      const name = isConnection(primitive) ? primitive.attributes["id"] : guestOf(state, primitive)?.name;
      if (name !== undefined) addRemoteNode(state, name);
    }
    if (xml.name !== "clone" && xml.name !== "master") continue;
    const inside = xml.children.flatMap((each) => [each, ...each.children]);
    if (inside.some((each) => isConnection(each) || guestOf(state, each) !== undefined)) {
      state.unsupported.add("remote nodes in clones");
    }
  }
}

/** The node of that name, made if it is not known. */
export function addRemoteNode(state: ClusterState, name: string): Node {
  state.haveRemoteNodes = true;
  const known = state.nodeByName.get(name) ?? state.nodeById.get(name);
  if (known !== undefined) return known;
  const node = makeNode(name, name, "remote", state.options);
  addNode(state, node);
  addNodeAttributes(state, node, [], ruleContext(state), false);
  return node;
}

function isConnection({ name, attributes }: XmlElement): boolean {
  const { class: agentClass, provider, type } = attributes;
  return name === "primitive" && agentClass === "ocf" && provider === "pacemaker" && type === "remote";
}

interface Guest {
  readonly name: string;
  readonly meta: ReadonlyMap<string, string>;
}

function guestOf(state: ClusterState, xml: XmlElement): Guest | undefined {
  if (xml.name !== "primitive") return undefined;
  const meta = new Map<string, string>();
  applySets(nvSetsOf(xml, "meta_attributes", state.cib.byId), ruleContext(state), meta);
  const name = meta.get("remote-node");
  return name === undefined ? undefined : { name, meta };
}

/** The connections of guest nodes: resources that follow from `remote-node`. */
export function guestConnections(state: ClusterState): readonly XmlElement[] {
  return state.cib.resources
    .flatMap((xml) => (xml.name === "group" ? childrenOf(xml, "primitive") : [xml]))
    .flatMap((xml) => {
      const guest = guestOf(state, xml);
      const id = xml.attributes["id"];
      return guest === undefined || id === undefined ? [] : [connectionTo(id, guest)];
    });
}

/** With the operations and parameters that Pacemaker gives it. */
function connectionTo(container: string, { name, meta }: Guest): XmlElement {
  const migrates = meta.get("remote-allow-migrate");
  const timeout = meta.get("remote-connect-timeout") ?? "60s";
  const parameters = { addr: meta.get("remote-addr"), port: meta.get("remote-port") };
  return element("primitive", { id: name, class: "ocf", provider: "pacemaker", type: "remote" }, [
    pairs("meta_attributes", `${name}-meta_attributes`, { container, "allow-migrate": migrates }),
    pairs("instance_attributes", `${name}-instance_attributes`, parameters),
    element("operations", {}, [
      element("op", { id: `${name}-monitor-30s`, name: "monitor", interval: "30s", timeout: "30s" }),
      element("op", { id: `${name}-start-0`, name: "start", interval: "0", timeout }),
    ]),
  ]);
}

function pairs(kind: string, id: string, values: Readonly<Record<string, string | undefined>>): XmlElement {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return element(
    kind,
    { id },
    given.map(([name, value]) => element("nvpair", { id: `${id}-${name}`, name, value })),
  );
}

/** Ties a connection to its node; a node that only an old connection tells of is made. */
export function tieConnection(state: ClusterState, connection: Resource): void {
  if (!connection.isRemoteNode) return;
  const node = addRemoteNode(state, connection.id);
  if (node.type !== "remote") return;
  node.remoteResource = connection;
  connection.reconnectMs = parseDuration(parametersOf(state, connection).get("reconnect_interval")) ?? 0;
  // A lost connection is forgotten, and thereby made anew, after that time.
  if (connection.reconnectMs > 0) connection.failureTimeoutMs = connection.reconnectMs;
  if (connection.container === undefined) return;
  node.attributes.set("#kind", "container");
}

/** The node a connection leads to. */
export function nodeBehind(state: ClusterState, connection: Resource): Node | undefined {
  if (!connection.isRemoteNode) return undefined;
  const node = state.nodeByName.get(connection.id);
  return node?.remoteResource === connection ? node : undefined;
}

/** Whether the node runs inside a resource of the cluster. */
export function isGuestNode(node: Node | undefined): boolean {
  return node?.remoteResource?.container !== undefined;
}

/** Connections, what guest nodes run in, and fence devices, which the cluster itself uses, are on cluster nodes only. */
export function canBeOnRemote(resource: Resource): boolean {
  if (resource.fenceDevice || resource.isRemoteNode) return false;
  return !resource.fillers.some((each) => each.isRemoteNode);
}
