import { RehomeError } from "../lib/errors.js";
import { descendantsOf, type XmlElement } from "../lib/xml.js";
import { editResource, findResource, nodeId, setNodeAttribute, setProperty, setResourceMeta } from "./cib/edit.js";
import { removeHistory, transientAttributes, type ClusterNode } from "./cib/status.js";
import { findPath, setPair, type Edit } from "./cib/tree.js";
import { withoutFailures } from "./runtime/failures.js";

/** What an administrator may ask of a cluster, each as an edit of its CIB; the runtime does the rest. */

/** `Started` and `Stopped` ask; undefined leaves it to the scheduler, which starts what it can. */
export function setTargetRole(id: string, role: "Started" | "Stopped" | "Promoted" | "Unpromoted" | undefined): Edit {
  return (cib) => setResourceMeta(cib, id, "target-role", role);
}

/** An unmanaged resource is neither started nor stopped, whatever becomes of it. */
export function setManaged(id: string, managed: boolean): Edit {
  return (cib) => setResourceMeta(cib, id, "is-managed", managed ? undefined : "false");
}

/** Nothing runs on a node on standby. */
export function setStandby(node: string, standby: boolean): Edit {
  return (cib) => setNodeAttribute(cib, node, "standby", standby ? "on" : "off");
}

/** In maintenance mode the whole cluster, or one node, is left as it is: no monitor, start or stop. */
export function setMaintenance(node: string | undefined, maintenance: boolean): Edit {
  const value = maintenance ? "true" : "false";
  return (cib) =>
    node === undefined
      ? setProperty(cib, "maintenance-mode", value)
      : setNodeAttribute(cib, node, "maintenance", value);
}

/**
 * Forgets what went wrong with a resource (with all of them, without an id): failures and history, so that it is
 * probed anew and may start again where it had failed.
 */
export function cleanUp(id: string | undefined, node?: string): Edit {
  return (cib) => {
    const ids = id === undefined ? historyIds(cib) : primitiveIds(cib, id);
    const nodes = clusterNodes(cib).filter((candidate) => node === undefined || candidate.name === node);
    if (node !== undefined) nodeId(cib, node);
    return nodes.reduce(
      (at, where) => ids.reduce((each, one) => removeHistory(withoutFailures(each, where, one), where, one), at),
      cib,
    );
  };
}

/** The nodes of the configuration. */
export function clusterNodes(cib: XmlElement): readonly ClusterNode[] {
  return (findPath(cib, ["configuration", "nodes"])?.children ?? []).flatMap(({ name, attributes }) =>
    name === "node" && attributes["uname"] !== undefined
      ? [{ id: attributes["id"] ?? attributes["uname"], name: attributes["uname"] }]
      : [],
  );
}

function historyIds(cib: XmlElement): readonly string[] {
  const status = findPath(cib, ["status"]);
  const found = status === undefined ? [] : descendantsOf(status, "lrm_resource");
  return [...new Set(found.map((resource) => resource.attributes["id"] ?? ""))];
}

/**
 * What is remembered of failures of a resource (of all of them, without an id), on one node or all: each its own text.
 * @throws RehomeError resource-unknown, node-unknown
 */
export function failureMarks(cib: XmlElement, id: string | undefined, node: string | undefined): readonly string[] {
  if (node !== undefined) nodeId(cib, node);
  const ids = id === undefined ? undefined : primitiveIds(cib, id);
  return clusterNodes(cib)
    .filter((candidate) => node === undefined || candidate.name === node)
    .flatMap((where) =>
      Object.entries(transientAttributes(cib, where.id)).flatMap(([name, value]) => {
        const of = /^(?:fail-count|last-failure)-(.+?)(?::\d+)?(?:#|$)/.exec(name)?.[1];
        return of === undefined || ids?.includes(of) === false ? [] : [`${where.name} ${name}=${value}`];
      }),
    );
}

/** The primitives of a resource: itself, or those of a group or clone. */
function primitiveIds(cib: XmlElement, id: string): readonly string[] {
  const found = findResource(cib, id);
  if (found === undefined) {
    if (historyIds(cib).includes(id)) return [id];
    throw new RehomeError("resource-unknown", `no resource "${id}" in the CIB`, {
      remedy: "rehome cluster status lists them",
    });
  }
  return [found, ...descendantsOf(found, "primitive")]
    .filter((at) => at.name === "primitive")
    .map((primitive) => primitive.attributes["id"] ?? "");
}

/** Sets an instance attribute of a resource. @throws RehomeError resource-unknown */
export function setParameter(id: string, name: string, value: string | undefined): Edit {
  return (cib) =>
    editResource(cib, id, (resource) =>
      setPair(resource, { kind: "instance_attributes", id: `${id}-instance_attributes` }, name, value),
    );
}

/** Several edits, one after the other. */
export function inTurn(...edits: readonly Edit[]): Edit {
  return (cib) => edits.reduce((at, edit) => edit(at), cib);
}
