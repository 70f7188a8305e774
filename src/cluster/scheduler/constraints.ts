import { isClone, withDescendants, type ClusterState, type Resource } from "./model.js";
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

/** A resource as a constraint names it; what is inside a clone stands for the clone. */
export function findConstrained(state: ClusterState, id: string | undefined): Resource | undefined {
  if (id === undefined) return undefined;
  const exact = state.resourceById.get(id);
  if (exact !== undefined && !exact.orphan) return exact;
  for (const top of state.resources) {
    if (!isClone(top)) continue;
    const inside = withDescendants(top).some((each) => each.id.replace(/:\d+$/, "") === id);
    if (inside) return top;
  }
  return undefined;
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

export function readSets(state: ClusterState, constraint: XmlElement): readonly ResourceSet[] {
  return childrenOf(constraint, "resource_set")
    .map((set) => follow(set, state.cib.byId))
    .filter((set) => set !== undefined)
    .map((set) => ({
      id: set.attributes["id"] ?? "",
      attributes: set.attributes,
      resources: childrenOf(set, "resource_ref").flatMap((reference) => expandName(state, reference.attributes["id"])),
    }));
}

/** A set that is not sequential, of the members of a tag. */
export function tagSet(state: ClusterState, id: string, attributes: Readonly<Record<string, string>>): ResourceSet {
  return { id, resources: expandName(state, id), attributes };
}
