import type { ClusterState, Resource } from "./model.js";
import { isClone, withDescendants } from "./resource-tree.js";
import { childrenOf, type XmlElement } from "../../lib/xml.js";
import { follow } from "../cib/nvsets.js";
import { readColocation } from "./constraints/colocation.js";
import { readLocation } from "./constraints/location.js";
import { readOrder } from "./constraints/order.js";
import { readTicketConstraint } from "./constraints/tickets.js";

/** Third stage: the constraints section. */
export function readConstraints(state: ClusterState): void {
  for (const xml of state.cib.constraints) {
    switch (xml.name) {
      case "rsc_location":
        readLocation(state, xml);
        break;
      case "rsc_colocation":
        readColocation(state, xml);
        break;
      case "rsc_order":
        readOrder(state, xml);
        break;
      case "rsc_ticket":
        readTicketConstraint(state, xml);
        break;
    }
  }
}

/**
 * A resource as a constraint names it. What is inside a clone cannot be constrained by itself: its name stands for the
 * clone where an instance is known by that name to a node, and for nothing elsewhere.
 */
export function findConstrained(state: ClusterState, id: string | undefined): Resource | undefined {
  if (id === undefined) return undefined;
  const exact = state.resourceById.get(id);
  if (exact !== undefined && !exact.orphan) return exact;
  return state.resources.find((top) => isClone(top) && withDescendants(top).some(({ historyId }) => historyId === id));
}

/** The resources a name stands for: one, or the members of a tag or the users of a template. */
export function expandName(state: ClusterState, id: string | undefined): readonly Resource[] {
  if (id === undefined) return [];
  const one = findConstrained(state, id);
  if (one !== undefined) return [one];
  const members = (state.tags.get(id) ?? []).flatMap((member) => expandName(state, member));
  if (members.length === 0) state.warnings.add(`a constraint names ${id}, which is not a resource`);
  return members;
}

/** Whether the name is that of a tag or template rather than a resource. */
export function isTag(state: ClusterState, id: string | undefined): boolean {
  return id !== undefined && findConstrained(state, id) === undefined && state.tags.has(id);
}

/** A set of a constraint, or what stands for one: a tag used where a resource could be. */
export interface ResourceSet {
  readonly id: string;
  readonly resources: readonly Resource[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** The sets of a constraint, up to the first that names what is not there: it and those after it do not count. */
export function readSets(state: ClusterState, constraint: XmlElement): readonly ResourceSet[] {
  const sets: ResourceSet[] = [];
  for (const reference of childrenOf(constraint, "resource_set")) {
    const set = follow(reference, state.cib.byId);
    if (set === undefined) continue;
    const named = childrenOf(set, "resource_ref").map(({ attributes }) => expandName(state, attributes["id"]));
    if (named.some((resources) => resources.length === 0)) break;
    sets.push({ id: set.attributes["id"] ?? "", attributes: set.attributes, resources: named.flat() });
  }
  return sets;
}

/** A set that is not sequential, of the members of a tag. */
export function tagSet(state: ClusterState, id: string, attributes: Readonly<Record<string, string>>): ResourceSet {
  return { id, resources: expandName(state, id), attributes };
}
