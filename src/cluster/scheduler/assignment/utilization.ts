import { isUsable } from "./availability.js";
import { effectOf } from "./colocation.js";
import type { Colocation, ClusterState, Node, Resource } from "../model.js";
import { withDescendants } from "../resource-tree.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { INFINITY } from "../score.js";

function amount(text: string | undefined): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? 0 : value;
}

/** What is left of a node's capacity while resources are assigned. */
function capacityOf(node: Node): Map<string, number> {
  if (node.capacity.size === 0) for (const [name, value] of node.utilization) node.capacity.set(name, amount(value));
  return node.capacity;
}

/** Negative when `a` has more capacity left than `b`. */
export function compareCapacity(a: Node, b: Node): number {
  const [left, right] = [capacityOf(a), capacityOf(b)];
  let result = 0;
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    result += Math.sign((right.get(name) ?? 0) - (left.get(name) ?? 0));
  }
  return result;
}

export function takeCapacity(resource: Resource, node: Node, sign: 1 | -1): void {
  const capacity = capacityOf(node);
  for (const [name, value] of resource.utilization) {
    const left = capacity.get(name);
    if (left !== undefined) capacity.set(name, left - sign * amount(value));
  }
}

/** Everything that has to fit together with a resource: itself, and what is to be where it is, come what may. */
function companionsOf(resource: Resource): ReadonlySet<Resource> {
  const found = new Set<Resource>();
  const follow = (each: Resource): void => {
    if (found.has(each)) return;
    if (each.variant === "group" && (each.collocated || each.parent?.variant === "clone")) {
      for (const member of each.children) follow(member);
      return;
    }
    found.add(each);
    for (const colocation of each.colocatedWith) {
      const { primary } = colocation;
      if (primary !== resource && binds(colocation)) follow(primary);
    }
    for (const colocation of each.dependents) {
      const { dependent } = colocation;
      // Nobody knows with which of the instances a dependent will be.
      const unsure = each.variant === "clone" && dependent.variant !== "clone";
      if (dependent !== resource && !unsure && binds(colocation)) follow(dependent);
    }
  };
  follow(resource);
  return found;
}

function binds(colocation: Colocation): boolean {
  const { dependent, primary, score } = colocation;
  return score >= INFINITY && effectOf(dependent, primary, colocation, true) === "location";
}

/** The primitives whose need counts: of clones one instance, unless an instance of it is among the others. */
function needy(companions: ReadonlySet<Resource>): ReadonlySet<Resource> {
  const found = new Set<Resource>();
  const add = (each: Resource): void => {
    if (!each.provisional) return;
    if (each.variant === "primitive") found.add(each);
    else if (each.variant === "group") {
      const together = each.collocated || each.parent?.variant === "clone";
      const members = (together ? each.children : each.children.slice(0, 1)).filter((one) => !companions.has(one));
      for (const member of members) add(member);
    } else {
      const [first] = each.children;
      if (first !== undefined && !withDescendants(each).some((one) => one !== each && companions.has(one))) add(first);
    }
  };
  for (const each of companions) add(each);
  return found;
}

/**
 * Bans nodes that have no room for the resource and all that goes with it.
 * @returns the node with the most room, when none has room for all of them: then only the resource itself has to fit
 */
export function banWithoutCapacity(state: ClusterState, resource: Resource): Node | undefined {
  if (state.options.placement === "default") return undefined;
  const usable = [...resource.allowed.values()].filter(isUsable).map(({ node }) => node);
  const together = new Map<string, number>();
  for (const { utilization } of needy(companionsOf(resource))) {
    for (const [name, value] of utilization) together.set(name, (together.get(name) ?? 0) + amount(value));
  }
  const alone = new Map([...resource.utilization].map(([name, value]) => [name, amount(value)]));
  const fitting = usable.some((node) => fits(node, together));
  for (const node of usable) if (!fits(node, fitting ? together : alone)) addNodeScore(resource, node, -INFINITY);
  return fitting ? undefined : [...usable].sort(compareCapacity)[0];
}

function fits(node: Node, needed: ReadonlyMap<string, number>): boolean {
  const capacity = capacityOf(node);
  return [...needed].every(([name, value]) => value <= (capacity.get(name) ?? 0));
}
