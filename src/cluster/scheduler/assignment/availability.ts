import type { Candidate, ClusterState, Node, Resource } from "../model.js";
import { rank } from "../roles.js";
import type { Role } from "../types.js";

/** Whether a node can be used for anything new. */
export function isAvailable(node: Node): boolean {
  return node.online && !node.shutdown && !node.unclean && !node.standby && !node.maintenance;
}

/** The same, and the resource at hand may be there. */
export function isUsable(candidate: Candidate | undefined): boolean {
  return candidate !== undefined && candidate.weight >= 0 && isAvailable(candidate.node);
}

export function isAnyUsable(allowed: ReadonlyMap<Node, Candidate>): boolean {
  return [...allowed.values()].some(isUsable);
}

export interface ActiveNodes {
  readonly node: Node | undefined;
  readonly all: number;
  /** Those that are online and not to be fenced. */
  readonly clean: number;
}

/** Where a resource is active; the source of a migration under way counts first. */
export function activeNodes(resource: Resource): ActiveNodes {
  const nodes = runningNodes(resource);
  const clean = nodes.filter((node) => node.online && !node.unclean);
  const source = nodes.find((node) => node === resource.partialMigrationSource);
  const needsFencing = resource.requires === "fencing" || resource.requires === "unfencing";
  const node = source ?? (needsFencing ? nodes[0] : (clean[0] ?? nodes[0]));
  return { node, all: nodes.length, clean: clean.length };
}

function runningNodes(resource: Resource): readonly Node[] {
  if (resource.variant === "primitive") return resource.runningOn;
  return resource.runningOn.length > 0 ? resource.runningOn : [...new Set(resource.children.flatMap(runningNodes))];
}

export function currentNode(resource: Resource): Node | undefined {
  return activeNodes(resource).node;
}

/** The highest role among its primitives, as it is now or as planned. */
export function roleOf(resource: Resource, current: boolean): Role {
  if (resource.children.length === 0) return current ? resource.role : resource.nextRole;
  return resource.children
    .map((child) => roleOf(child, current))
    .reduce<Role>((highest, role) => (rank(role) > rank(highest) ? role : highest), "Unknown");
}

/** Where a resource is planned to be (each node once). */
export function assignedNodes(resource: Resource): readonly Node[] {
  if (resource.children.length === 0) return resource.assignedTo === undefined ? [] : [resource.assignedTo];
  return [...new Set(resource.children.flatMap(assignedNodes))];
}

/** The single node it is planned for; undefined when there are several. */
export function plannedNode(resource: Resource): Node | undefined {
  const nodes = assignedNodes(resource);
  return nodes.length === 1 ? nodes[0] : undefined;
}

/** The single node it is on now; undefined when there are several. */
export function presentNode(resource: Resource): Node | undefined {
  const nodes = runningNodes(resource);
  return nodes.length === 1 ? nodes[0] : undefined;
}

/** Nodes in the order in which a resource would take them. */
export function byPreference(
  state: ClusterState,
  candidates: Iterable<Candidate>,
  active: Node | undefined,
  compareCapacity: (a: Node, b: Node) => number,
): Candidate[] {
  const weight = ({ node, weight: own }: Candidate): number => (isAvailable(node) ? own : -1_000_000);
  const { placement } = state.options;
  return [...candidates].sort((a, b) => {
    if (weight(a) !== weight(b)) return weight(b) - weight(a);
    if (placement !== "minimal") {
      const capacity = placement === "balanced" ? compareCapacity(a.node, b.node) : 0;
      if (capacity !== 0) return capacity;
      if (a.node.assignedCount !== b.node.assignedCount) return a.node.assignedCount - b.node.assignedCount;
      if (a.node === active) return -1;
      if (b.node === active) return 1;
    }
    return a.node.name < b.node.name ? -1 : 1;
  });
}
