import type { XmlElement } from "../../../lib/xml.js";
import { isFalse, isTrue } from "../../cib/read.js";
import { ensureAction } from "../actions/action-table.js";
import { expandName, findConstrained, isTag, readSets, type ResourceSet } from "../constraints.js";
import type { ClusterState, Resource } from "../model.js";
import { isClone } from "../resource-tree.js";
import { parseScore } from "../score.js";
import {
  Act,
  addOrdering,
  operationKey,
  Ord,
  orderTasks,
  set as setFlag,
  type WorkAction,
} from "../actions/work-action.js";

type Kind = "Mandatory" | "Optional" | "Serialize";
type Symmetry = "symmetric" | "asymmetric" | "inverse";

/** Reads a `rsc_order`: `first` before `then`, or sets one after the other; unless asymmetrical, the inverse backwards. */
export function readOrder(state: ClusterState, xml: XmlElement): void {
  const { attributes } = xml;
  const id = attributes["id"] ?? "";
  const kind = kindOf(attributes);
  const symmetry = symmetryOf(attributes, kind, undefined);
  const sets = setsOf(state, xml);
  if (sets.length === 0) {
    readSimple(state, xml, id, kind, symmetry);
    return;
  }
  let last: ResourceSet | undefined;
  for (const set of sets) {
    orderWithin(state, set, kind, attributes["symmetrical"]);
    if (last !== undefined) {
      if (symmetry === "symmetric") {
        orderSets(state, last, set, kind, "symmetric");
        orderSets(state, set, last, kind, "inverse");
      } else orderSets(state, last, set, kind, "asymmetric");
    }
    last = set;
  }
}

/** Sets as written, or for a tag where a resource could be: its members, side by side. */
function setsOf(state: ClusterState, xml: XmlElement): readonly ResourceSet[] {
  const { attributes } = xml;
  const { first, then } = attributes;
  const sets = readSets(state, xml);
  if (sets.length > 0 || (!isTag(state, first) && !isTag(state, then))) return sets;
  const thenAction = attributes["then-action"] ?? attributes["first-action"];
  const make = (name: string | undefined, action: string | undefined): ResourceSet => ({
    id: name ?? "",
    resources: expandName(state, name),
    attributes: { sequential: "false", ...(action !== undefined && { action }) },
  });
  return [make(first, attributes["first-action"]), make(then, thenAction)];
}

function kindOf(attributes: Readonly<Record<string, string>>): Kind {
  const { kind, score } = attributes;
  if (kind === undefined) return score !== undefined && parseScore(score) === 0 ? "Optional" : "Mandatory";
  if (/^optional$/i.test(kind)) return "Optional";
  return /^serialize$/i.test(kind) ? "Serialize" : "Mandatory";
}

function symmetryOf(
  attributes: Readonly<Record<string, string>>,
  kind: Kind,
  inherited: string | undefined,
): "symmetric" | "asymmetric" {
  if (kind === "Serialize") return "asymmetric";
  return isFalse(attributes["symmetrical"] ?? inherited) ? "asymmetric" : "symmetric";
}

function flagsFor(kind: Kind, firstTask: string, symmetry: Symmetry): number {
  if (kind === "Optional") return Ord.optional;
  if (kind === "Serialize") return Ord.oneAtATime;
  switch (symmetry) {
    case "asymmetric":
      return Ord.oneWay;
    case "symmetric":
      return Ord.firstNeedsThen | (firstTask === "start" || firstTask === "promote" ? Ord.blocksThen : 0);
    case "inverse":
      return Ord.thenNeedsFirst;
  }
}

const INVERSE: Readonly<Record<string, string>> = {
  start: "stop",
  stop: "start",
  promote: "demote",
  demote: "promote",
};

function invert(task: string): string {
  return INVERSE[task] ?? task;
}

/** With the (old) meta attribute restart-type=restart, even an optional order restarts what comes second. */
function restartFlag(then: Resource, kind: Kind, flag: number): number {
  return kind === "Optional" && then.meta.get("restart-type") === "restart" ? flag : 0;
}

function readSimple(
  state: ClusterState,
  xml: XmlElement,
  id: string,
  kind: Kind,
  symmetry: "symmetric" | "asymmetric",
): void {
  const { attributes } = xml;
  const first = findConstrained(state, attributes["first"]);
  const then = findConstrained(state, attributes["then"]);
  if (first === undefined || then === undefined || first === then) return;
  const firstTask = attributes["first-action"] ?? "start";
  const thenTask = attributes["then-action"] ?? firstTask;
  const flags = flagsFor(kind, firstTask, symmetry) | restartFlag(then, kind, Ord.firstNeedsThen);
  const minimum = minimumInstances(first, attributes);
  if (minimum > 0) orderAfterMinimum(state, id, { first, firstTask, then, thenTask, minimum, flags });
  else orderTasks(state, first, firstTask, then, thenTask, flags);
  if (symmetry === "asymmetric") return;
  const inverse = flagsFor(kind, invert(firstTask), "inverse") | restartFlag(then, kind, Ord.thenNeedsFirst);
  orderTasks(state, then, invert(thenTask), first, invert(firstTask), inverse);
}

/** How many instances of a clone are enough for what comes after it; 0 for all. */
function minimumInstances(first: Resource, attributes: Readonly<Record<string, string>>): number {
  if (!isClone(first)) return 0;
  if (first.clone.min > 0) return first.clone.min;
  return isFalse(attributes["require-all"]) ? 1 : 0;
}

interface MinimumOrder {
  readonly first: Resource;
  readonly firstTask: string;
  readonly then: Resource;
  readonly thenTask: string;
  readonly minimum: number;
  readonly flags: number;
}

function orderAfterMinimum(state: ClusterState, id: string, order: MinimumOrder): void {
  const { first, firstTask, then, thenTask, minimum, flags } = order;
  const met = gate(state, `clone-one-or-more:${id}`);
  met.requiredRunnableBefore = minimum;
  for (const child of first.children) {
    addOrdering(
      state,
      { resource: child, key: operationKey(child.id, firstTask, 0) },
      { action: met },
      Ord.anyOf | Ord.firstShowsThen,
    );
  }
  addOrdering(
    state,
    { action: met },
    { resource: then, key: operationKey(then.id, thenTask, 0) },
    flags | Ord.blocksThen,
  );
}

/** A pseudo action that may happen as soon as enough of its predecessors may. */
function gate(state: ClusterState, name: string): WorkAction {
  const action = ensureAction(state, { key: name, task: name, optional: true });
  setFlag(action, Act.pseudo | Act.runnable | Act.needsAnyBefore);
  return action;
}

function orderWithin(state: ClusterState, set: ResourceSet, parentKind: Kind, inherited: string | undefined): void {
  const { attributes, resources } = set;
  const task = attributes["action"] ?? "start";
  const kind = attributes["kind"] === undefined ? parentKind : kindOf(attributes);
  const symmetry = symmetryOf(attributes, parentKind, inherited);
  const sequential = attributes["sequential"] === undefined || isTrue(attributes["sequential"]);
  const flags = flagsFor(kind, task, symmetry);
  resources.forEach((resource, index) => {
    if (kind === "Serialize") {
      for (const later of resources.slice(index + 1)) orderTasks(state, resource, task, later, task, flags);
      return;
    }
    const before = resources[index - 1];
    if (sequential && before !== undefined) orderTasks(state, before, task, resource, task, flags);
  });
  if (symmetry === "asymmetric" || !sequential) return;
  const inverse = invert(task);
  const inverseFlags = flagsFor(kind, inverse, "inverse");
  resources.forEach((resource, index) => {
    const before = resources[index - 1];
    if (before !== undefined) orderTasks(state, resource, inverse, before, inverse, inverseFlags);
  });
}

function orderSets(state: ClusterState, one: ResourceSet, two: ResourceSet, kind: Kind, symmetry: Symmetry): void {
  const turn = (task: string): string => (symmetry === "inverse" ? invert(task) : task);
  const taskOne = turn(one.attributes["action"] ?? "start");
  const taskTwo = turn(two.attributes["action"] ?? "start");
  const flags = flagsFor(kind, taskOne, symmetry);
  // Going down, all that depend on any member of the set have to be down first.
  const requireAll = !isFalse(one.attributes["require-all"]) || taskOne === "stop" || taskOne === "demote";
  if (!requireAll) {
    const any = gate(state, `one-or-more:${one.id}`);
    for (const resource of one.resources) {
      addOrdering(
        state,
        { resource, key: operationKey(resource.id, taskOne, 0) },
        { action: any },
        Ord.anyOf | Ord.firstShowsThen,
      );
    }
    for (const resource of two.resources) {
      addOrdering(
        state,
        { action: any },
        { resource, key: operationKey(resource.id, taskTwo, 0) },
        flags | Ord.blocksThen,
      );
    }
    return;
  }
  const inverse = symmetry === "inverse";
  for (const first of edge(one, !inverse)) {
    for (const then of edge(two, inverse)) orderTasks(state, first, taskOne, then, taskTwo, flags);
  }
}

/** The members a sequential set is tied to others by: its last or its first; of others, all. */
function edge(set: ResourceSet, last: boolean): readonly Resource[] {
  if (isFalse(set.attributes["sequential"])) return set.resources;
  return last ? set.resources.slice(-1) : set.resources.slice(0, 1);
}
