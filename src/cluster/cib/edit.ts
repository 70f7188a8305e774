import { RehomeError } from "../../lib/errors.js";
import { childOf, element, type XmlElement } from "../../lib/xml.js";
import {
  editAll,
  editChild,
  editPath,
  findPath,
  named,
  setPair,
  withChild,
  withoutChildren,
  type Edit,
} from "./tree.js";

/** The schema and feature set of Pacemaker 2.1.5 (Debian 12): older ones are read, newer ones are not understood. */
export const SCHEMA = "pacemaker-3.9";
export const FEATURE_SET = "3.16.1";

/** A CIB of one node without resources. One machine has nobody who could fence it, and quorum alone. */
export function initialCib(nodeName: string): XmlElement {
  const option = (name: string, value: string): XmlElement =>
    element("nvpair", { id: `cib-bootstrap-options-${name}`, name, value });
  return element(
    "cib",
    {
      "validate-with": SCHEMA,
      crm_feature_set: FEATURE_SET,
      epoch: "1",
      num_updates: "0",
      admin_epoch: "0",
      "have-quorum": "1",
      "dc-uuid": "1",
    },
    [
      element("configuration", {}, [
        element("crm_config", {}, [
          element("cluster_property_set", { id: "cib-bootstrap-options" }, [
            option("cluster-name", "rehome"),
            option("cluster-infrastructure", "rehome"),
            option("stonith-enabled", "false"),
            option("no-quorum-policy", "ignore"),
            option("cluster-recheck-interval", "5min"),
          ]),
        ]),
        element("nodes", {}, [element("node", { id: "1", uname: nodeName })]),
        element("resources"),
        element("constraints"),
      ]),
      element("status"),
    ],
  );
}

/** Any element of the resources section by its id: primitive, group, clone, bundle. */
export function findResource(cib: XmlElement, id: string): XmlElement | undefined {
  const resources = findPath(cib, ["configuration", "resources"]);
  return resources === undefined ? undefined : findBelow(resources, id);
}

function findBelow(at: XmlElement, id: string): XmlElement | undefined {
  for (const child of at.children) {
    if (RESOURCE_NAMES.includes(child.name) && child.attributes["id"] === id) return child;
    const found = findBelow(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const RESOURCE_NAMES = ["primitive", "group", "clone", "master", "bundle", "template"];

/** Adds a resource, or replaces the one of that id. */
export function putResource(cib: XmlElement, resource: XmlElement): XmlElement {
  return editPath(cib, ["configuration", "resources"], (resources) =>
    editChild(
      resources,
      named(resource.name, resource.attributes["id"]),
      () => resource,
      () => resource,
    ),
  );
}

/** Takes a resource out, with the constraints that name it and its operation history. */
export function removeResource(cib: XmlElement, id: string): XmlElement {
  const isIt = (child: XmlElement): boolean => RESOURCE_NAMES.includes(child.name) && child.attributes["id"] === id;
  const resourcesGone = editPath(cib, ["configuration", "resources"], (resources) =>
    editAll(resources, (at) => withoutChildren(at, isIt)),
  );
  const constraintsGone = editPath(resourcesGone, ["configuration", "constraints"], (constraints) =>
    withoutChildren(constraints, (constraint) => names(constraint, id)),
  );
  return editPath(constraintsGone, ["status"], (status) =>
    editAll(status, (at) => withoutChildren(at, named("lrm_resource", id))),
  );
}

/** Whether a constraint refers to a resource, directly or in a set. */
function names(constraint: XmlElement, id: string): boolean {
  const { rsc, first, then, "with-rsc": other } = constraint.attributes;
  if ([rsc, first, then, other].includes(id)) return true;
  return constraint.children.some(
    (set) => set.name === "resource_set" && set.children.some((reference) => reference.attributes["id"] === id),
  );
}

/** Sets a meta attribute of a resource (`target-role`, `is-managed`), or removes it. @throws RehomeError resource-unknown */
export function setResourceMeta(cib: XmlElement, id: string, name: string, value: string | undefined): XmlElement {
  return editResource(cib, id, (resource) =>
    setPair(resource, { kind: "meta_attributes", id: `${id}-meta_attributes` }, name, value),
  );
}

/** @throws RehomeError resource-unknown */
export function editResource(cib: XmlElement, id: string, edit: Edit): XmlElement {
  if (findResource(cib, id) === undefined) {
    throw new RehomeError("resource-unknown", `no resource "${id}" in the CIB`, {
      remedy: "rehome cluster status lists them",
    });
  }
  return editPath(cib, ["configuration", "resources"], (resources) =>
    editAll(resources, (at) => (RESOURCE_NAMES.includes(at.name) && at.attributes["id"] === id ? edit(at) : at)),
  );
}

/** Sets a permanent node attribute (`standby`, `maintenance`), or removes it. @throws RehomeError node-unknown */
export function setNodeAttribute(cib: XmlElement, uname: string, name: string, value: string | undefined): XmlElement {
  const id = nodeId(cib, uname);
  return editPath(cib, ["configuration", "nodes"], (nodes) =>
    editChild(nodes, named("node", id), (node) =>
      setPair(node, { kind: "instance_attributes", id: `nodes-${id}` }, name, value),
    ),
  );
}

/** @throws RehomeError node-unknown */
export function nodeId(cib: XmlElement, uname: string): string {
  const nodes = findPath(cib, ["configuration", "nodes"])?.children ?? [];
  const id = nodes.find((node) => node.attributes["uname"] === uname)?.attributes["id"];
  if (id !== undefined) return id;
  const known = nodes.map((node) => node.attributes["uname"] ?? "").join(", ");
  throw new RehomeError("node-unknown", `no node "${uname}" in the CIB`, { remedy: `it has ${known}` });
}

/** Sets a cluster property, or removes it. */
export function setProperty(cib: XmlElement, name: string, value: string | undefined): XmlElement {
  return editPath(cib, ["configuration", "crm_config"], (config) =>
    setPair(config, { kind: "cluster_property_set", id: "cib-bootstrap-options" }, name, value),
  );
}

/** The configuration of one CIB with the status of another: an edited file never forgets what runs. */
export function withStatusOf(configured: XmlElement, running: XmlElement): XmlElement {
  const status = childOf(running, "status");
  const without = withoutChildren(configured, named("status"));
  return status === undefined ? without : withChild(without, status);
}
