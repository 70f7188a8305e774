import { isUsable } from "./availability.js";
import { copyAllowed, primitivesOf, type ClusterState, type Node, type Resource } from "./model.js";
import { INFINITY } from "./score.js";

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

/** Everything that has to fit together with a resource: what it is colocated with for good. */
function companionsOf(resource: Resource): readonly Resource[] {
  const found: Resource[] = [];
  const add = (each: Resource): void => {
    if (found.includes(each) || each === resource) return;
    if (each.variant === "group" && resource.parent === each) return;
    found.push(each);
  };
  const follow = (from: Resource): void => {
    const around = [
      ...from.colocatedWith.filter((each) => each.score >= INFINITY).map((each) => each.primary),
      ...from.dependents.filter((each) => each.score >= INFINITY).map((each) => each.dependent),
    ];
    for (const each of around) {
      if (found.includes(each) || each === resource || each.variant === "clone") continue;
      add(each);
      follow(each);
      if (each.variant === "group") for (const child of each.children) follow(child);
    }
  };
  follow(resource);
  if (resource.parent?.variant === "group") {
    follow(resource.parent);
    for (const sibling of resource.parent.children) add(sibling);
  }
  return found;
}

/**
 * Bans nodes on which the resource, or all that is colocated with it, has no room.
 * @returns the node with the most room when everything fits on some node
 */
export function banWithoutCapacity(state: ClusterState, resource: Resource): Node | undefined {
  if (state.options.placement === "default") return undefined;
  const needed = new Map<string, number>();
  const members = new Set<Resource>([resource]);
  for (const each of companionsOf(resource)) for (const one of primitivesOf(each)) members.add(one);
  const unplaced = [...members].filter((each) => each.provisional);
  for (const each of unplaced) {
    for (const [name, value] of each.utilization) needed.set(name, (needed.get(name) ?? 0) + amount(value));
  }
  const own = new Map([...resource.utilization].map(([name, value]) => [name, amount(value)]));
  const withAll = copyAllowed(resource.allowed);
  let best: Node | undefined;
  for (const candidate of resource.allowed.values()) {
    if (!isUsable(candidate)) continue;
    const { node } = candidate;
    if (!fits(node, needed)) {
      const entry = withAll.get(node);
      if (entry !== undefined) entry.weight = -INFINITY;
    } else if (best === undefined || compareCapacity(node, best) < 0) best = node;
  }
  if (unplaced.length > 1 && best !== undefined) {
    resource.allowed = withAll;
    return best;
  }
  let free: Node | undefined;
  for (const candidate of resource.allowed.values()) {
    if (!isUsable(candidate)) continue;
    if (!fits(candidate.node, own)) candidate.weight = -INFINITY;
    else if (free === undefined || compareCapacity(candidate.node, free) < 0) free = candidate.node;
  }
  return free;
}

function fits(node: Node, needed: ReadonlyMap<string, number>): boolean {
  const capacity = capacityOf(node);
  return [...needed].every(([name, value]) => value <= (capacity.get(name) ?? 0));
}
