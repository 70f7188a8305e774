import { element, type XmlElement } from "../../lib/xml.js";
import {
  editAll,
  editChild,
  editPath,
  findPath,
  named,
  setPair,
  withAttributes,
  withoutChildren,
  type Edit,
} from "./tree.js";

/** Edits of the status section: node states, transient attributes and operation history, in Pacemaker's own form. */

export interface ClusterNode {
  readonly id: string;
  readonly name: string;
}

export type NodeCondition = "online" | "offline" | "lost";

/** As the controller of a member, of a node that left in order, and of one that vanished, is recorded. */
const CONDITIONS: Readonly<Record<NodeCondition, Readonly<Record<string, string>>>> = {
  online: { in_ccm: "true", crmd: "online", join: "member", expected: "member" },
  offline: { in_ccm: "false", crmd: "offline", join: "down", expected: "down" },
  lost: { in_ccm: "false", crmd: "offline", join: "down", expected: "member" },
};

export function setNodeCondition(cib: XmlElement, node: ClusterNode, condition: NodeCondition): XmlElement {
  return editNodeState(cib, node, (state) =>
    withAttributes(state, { ...CONDITIONS[condition], "crm-debug-origin": "rehome" }),
  );
}

/** Forgets all that was known of a node's resources: each is probed again. */
export function forgetHistory(cib: XmlElement, node: ClusterNode): XmlElement {
  return editNodeState(cib, node, (state) =>
    editChild(
      withoutChildren(state, named("lrm")),
      named("lrm"),
      (lrm) => lrm,
      () => emptyLrm(node),
    ),
  );
}

/** Forgets a node's transient attributes, as a reboot does. */
export function forgetAttributes(cib: XmlElement, node: ClusterNode): XmlElement {
  return editNodeState(cib, node, (state) => withoutChildren(state, named("transient_attributes")));
}

/** Sets a transient attribute of a node (it lasts until the node restarts), or removes it. */
export function setTransientAttribute(
  cib: XmlElement,
  node: ClusterNode,
  name: string,
  value: string | undefined,
): XmlElement {
  if (value === undefined && transientAttributes(cib, node.id)[name] === undefined) return cib;
  return editNodeState(cib, node, (state) =>
    editChild(
      state,
      named("transient_attributes"),
      (attributes) => setPair(attributes, { kind: "instance_attributes", id: `status-${node.id}` }, name, value),
      () => element("transient_attributes", { id: node.id }),
    ),
  );
}

export function transientAttributes(cib: XmlElement, id: string): Readonly<Record<string, string>> {
  const sets = findNodeState(cib, id)?.children.filter(named("transient_attributes")) ?? [];
  const pairs = sets.flatMap((set) => set.children).flatMap((set) => set.children);
  return Object.fromEntries(pairs.map((pair) => [pair.attributes["name"] ?? "", pair.attributes["value"] ?? ""]));
}

/** One resource's operation history on a node. */
export function editHistory(
  cib: XmlElement,
  node: ClusterNode,
  resource: { readonly id: string; readonly attributes: Readonly<Record<string, string | undefined>> },
  edit: Edit,
): XmlElement {
  return editNodeState(cib, node, (state) =>
    editChild(
      state,
      named("lrm"),
      (lrm) =>
        editPath(lrm, ["lrm_resources"], (all) =>
          editChild(all, named("lrm_resource", resource.id), edit, () =>
            element("lrm_resource", { id: resource.id, ...resource.attributes }),
          ),
        ),
      () => emptyLrm(node),
    ),
  );
}

/** Removes a resource's history on a node: it is probed again. */
export function removeHistory(cib: XmlElement, node: ClusterNode, resourceId: string): XmlElement {
  if (findNodeState(cib, node.id) === undefined) return cib;
  return editNodeState(cib, node, (state) =>
    editAll(state, (at) => withoutChildren(at, named("lrm_resource", resourceId))),
  );
}

/** Entries of a resource's history on a node, such as its last failure. */
export function removeEntries(
  cib: XmlElement,
  node: ClusterNode,
  resourceId: string,
  drop: (entry: XmlElement) => boolean,
): XmlElement {
  if (findNodeState(cib, node.id) === undefined) return cib;
  return editNodeState(cib, node, (state) =>
    editAll(state, (at) => (named("lrm_resource", resourceId)(at) ? withoutChildren(at, drop) : at)),
  );
}

export function findNodeState(cib: XmlElement, id: string): XmlElement | undefined {
  return findPath(cib, ["status"])?.children.find(named("node_state", id));
}

function editNodeState(cib: XmlElement, node: ClusterNode, edit: Edit): XmlElement {
  return editPath(cib, ["status"], (status) =>
    editChild(status, named("node_state", node.id), edit, () =>
      element("node_state", { id: node.id, uname: node.name }),
    ),
  );
}

function emptyLrm(node: ClusterNode): XmlElement {
  return element("lrm", { id: node.id }, [element("lrm_resources")]);
}
