import type { XmlElement } from "../../../lib/xml.js";
import { isTrue, isFalse } from "../../cib/read.js";
import { findConstrained, isTag, readSets, tagSet, type ResourceSet } from "../constraints.js";
import type { ClusterState, Colocation, Resource } from "../model.js";
import { parseRole } from "../roles.js";
import { INFINITY, parseScore } from "../score.js";
import type { Role } from "../types.js";
import { Ord, orderTasks } from "../actions/work-action.js";

/** Reads a `rsc_colocation`: `rsc` is placed with `with-rsc`, or the members of sets with each other. */
export function readColocation(state: ClusterState, xml: XmlElement): void {
  const { attributes } = xml;
  const score = parseScore(attributes["score"]);
  const common = {
    id: attributes["id"] ?? "",
    influence: attributes["influence"],
    nodeAttribute: attributes["node-attribute"],
  };
  const sets = readSets(state, xml);
  const tags = [attributes["rsc"], attributes["with-rsc"]].filter((name) => isTag(state, name));
  if (sets.length === 0 && tags.length === 2) {
    // Pacemaker does not say which of the one goes with which of the other, and leaves them alone.
    state.warnings.add(`the colocation ${common.id} between the groups of names ${tags.join(" and ")} has no effect`);
    return;
  }
  if (sets.length === 0 && tags.length === 1) {
    const dependents = tagSet(state, attributes["rsc"] ?? "", roleAttribute(attributes["rsc-role"]));
    const primaries = tagSet(state, attributes["with-rsc"] ?? "", roleAttribute(attributes["with-rsc-role"]));
    colocateSets(state, common, dependents, primaries, score, true);
    return;
  }
  if (sets.length > 0) {
    let last: ResourceSet | undefined;
    for (const set of sets) {
      colocateWithin(state, common, set, score);
      if (last !== undefined) colocateSets(state, common, last, set, score, false);
      last = set;
    }
    return;
  }
  const dependent = findConstrained(state, attributes["rsc"]);
  const primary = findConstrained(state, attributes["with-rsc"]);
  if (dependent === undefined || primary === undefined) return;
  const [dependentRole, primaryRole] = [parseRole(attributes["rsc-role"]), parseRole(attributes["with-rsc-role"])];
  addColocation(state, { ...common, dependent, primary, score, dependentRole, primaryRole });
  if (isTrue(attributes["symmetrical"])) {
    addColocation(state, {
      ...common,
      dependent: primary,
      primary: dependent,
      score,
      dependentRole: primaryRole,
      primaryRole: dependentRole,
    });
  }
}

function roleAttribute(role: string | undefined): Readonly<Record<string, string>> {
  return role === undefined ? {} : { role };
}

interface Common {
  readonly id: string;
  readonly influence: string | undefined;
  readonly nodeAttribute?: string | undefined;
}

function colocateWithin(state: ClusterState, common: Common, set: ResourceSet, constraintScore: number): void {
  const { attributes, resources } = set;
  if (isFalse(attributes["sequential"])) return;
  const score = attributes["score"] === undefined ? constraintScore : parseScore(attributes["score"]);
  const role = parseRole(attributes["role"]);
  const roles = { score, dependentRole: role, primaryRole: role };
  resources.forEach((resource, index) => {
    // An anti-colocation keeps each apart from all before it.
    const others = score < 0 ? resources.slice(0, index) : resources.slice(Math.max(0, index - 1), index);
    for (const other of others) {
      const grouped = score < 0 || (attributes["ordering"] ?? "group") === "group";
      const [dependent, primary] = grouped ? [resource, other] : [other, resource];
      addColocation(state, { ...common, nodeAttribute: undefined, dependent, primary, ...roles });
    }
  });
}

function colocateSets(
  state: ClusterState,
  common: Common,
  first: ResourceSet,
  second: ResourceSet,
  score: number,
  parallel: boolean,
): void {
  const chained = (set: ResourceSet): boolean => !parallel && !isFalse(set.attributes["sequential"]);
  const dependents = chained(first) ? first.resources.slice(0, 1) : first.resources;
  const primaries = chained(second) ? second.resources.slice(-1) : second.resources;
  const dependentRole = parseRole(first.attributes["role"]);
  const primaryRole = parseRole(second.attributes["role"]);
  for (const dependent of dependents) {
    for (const primary of primaries) {
      addColocation(state, { ...common, dependent, primary, score, dependentRole, primaryRole });
    }
  }
}

export interface NewColocation extends Common {
  readonly dependent: Resource;
  readonly primary: Resource;
  readonly score: number;
  readonly dependentRole?: Role | undefined;
  readonly primaryRole?: Role | undefined;
}

/** Adds a colocation, in the order in which each side's colocations are processed. */
export function addColocation(state: ClusterState, given: NewColocation): void {
  if (given.score === 0 || given.dependent === given.primary) return;
  const { dependent, primary, score } = given;
  const colocation: Colocation = {
    id: given.id,
    dependent,
    primary,
    score,
    dependentRole: given.dependentRole === "Started" ? undefined : given.dependentRole,
    primaryRole: given.primaryRole === "Started" ? undefined : given.primaryRole,
    nodeAttribute: given.nodeAttribute ?? "#uname",
    influence: given.influence === undefined ? dependent.critical : isTrue(given.influence),
  };
  insertSorted(dependent.colocatedWith, colocation, (each) => each.primary);
  insertSorted(primary.dependents, colocation, (each) => each.dependent);
  state.colocations.push(colocation);
  if (score <= -INFINITY) {
    orderApart(state, dependent, colocation.dependentRole, primary, colocation.primaryRole);
    orderApart(state, primary, colocation.primaryRole, dependent, colocation.dependentRole);
  }
}

/** Inserts before the first that does not come before it. */
export function insertSorted(list: Colocation[], added: Colocation, by: (each: Colocation) => Resource): void {
  const at = list.findIndex((each) => compareOthers(by(added), by(each)) <= 0);
  if (at < 0) list.push(added);
  else list.splice(at, 0, added);
}

const VARIANT_RANK = { primitive: 1, group: 2, clone: 3, bundle: 4 } as const;

/** Higher priority first, then clones before groups before primitives, promotable ones first. */
function compareOthers(a: Resource, b: Resource): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.variant !== b.variant) return VARIANT_RANK[b.variant] - VARIANT_RANK[a.variant];
  if (a.variant === "clone" && a.promotable !== b.promotable) return a.promotable ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** What must not share a node may not even for a moment: one leaves before the other comes. */
function orderApart(
  state: ClusterState,
  first: Resource,
  firstRole: Role | undefined,
  then: Resource,
  thenRole: Role | undefined,
): void {
  const leave = firstRole === "Promoted" ? ["demote"] : firstRole === "Unpromoted" ? ["stop", "promote"] : ["stop"];
  const come = thenRole === "Promoted" ? ["promote"] : thenRole === "Unpromoted" ? ["start", "demote"] : ["start"];
  for (const firstTask of leave) {
    for (const thenTask of come) orderTasks(state, first, firstTask, then, thenTask, Ord.apart);
  }
}
