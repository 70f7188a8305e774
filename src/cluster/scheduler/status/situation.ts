import type { ClusterState, Node, Resource } from "../model.js";
import { isClone, primitivesOf, topOf } from "../resource-tree.js";
import { rank } from "../roles.js";
import { NODE_FLAGS, type NodeFlag, type Place, type Placement, type Role, type Situation } from "../types.js";

/** Where one primitive is, and in which role there. */
type Whereabouts = Map<Resource, Map<Node, Role>>;

/** What the status tells, to be taken before the scheduler goes on. */
export interface Present {
  readonly places: Whereabouts;
  /** Remote nodes that are online, and that are about to be left: the plan changes both. */
  readonly connected: ReadonlySet<Node>;
  readonly leaving: ReadonlySet<Node>;
}

export function presentState(state: ClusterState): Present {
  const places = new Map(
    state.resources
      .flatMap(primitivesOf)
      .map((each) => [each, new Map(each.runningOn.map((node) => [node, each.role]))]),
  );
  const remote = state.nodes.filter((node) => node.type === "remote");
  return {
    places,
    connected: new Set(remote.filter((node) => node.online)),
    leaving: new Set(remote.filter((node) => node.shutdown)),
  };
}

/** What is where now, with what the scheduler concluded of it. */
export function situationOf(state: ClusterState, present: Present): Situation {
  return { placement: placementOf(state, present.places), nodes: flagsOf(state, present) };
}

function placementOf(state: ClusterState, places: Whereabouts): Placement {
  const found = new Map<string, Place[]>();
  const walk = (resource: Resource, path: string): void => {
    if (resource.variant === "primitive") {
      const place = placeOf(resource, places.get(resource) ?? new Map<Node, Role>());
      if (place !== undefined) found.set(path, [...(found.get(path) ?? []), place]);
    }
    for (const child of resource.children) walk(child, `${path}/${child.id}`);
  };
  for (const resource of state.resources) walk(resource, resource.id);
  return Object.fromEntries(found);
}

function placeOf(resource: Resource, at: ReadonlyMap<Node, Role>): Place | undefined {
  if (resource.orphan && at.size === 0 && !isClone(topOf(resource))) return undefined;
  const { promotable } = topOf(resource);
  const roles = [...at.values()].map((each) => (promotable && each === "Started" ? "Unpromoted" : each));
  const role = roles.reduce<Role>((highest, each) => (rank(each) > rank(highest) ? each : highest), "Stopped");
  return {
    role: role === "Unknown" ? "Stopped" : role,
    nodes: [...at.keys()].map((node) => node.name).sort(),
    ...(resource.blocked && { blocked: true }),
    ...(resource.failed && at.size > 0 && { failed: true }),
    ...(resource.orphan && { orphaned: true }),
    ...(!resource.managed && { managed: false }),
  };
}

function flagsOf(state: ClusterState, { connected, leaving }: Present): Situation["nodes"] {
  return Object.fromEntries(
    state.nodes.map((node) => {
      const is: Partial<Record<NodeFlag, boolean>> = {
        ...node,
        standby: node.standby && !node.pending,
        ...(node.type === "remote" && { online: connected.has(node), shutdown: leaving.has(node) }),
      };
      return [node.name, NODE_FLAGS.filter((flag) => is[flag] === true)];
    }),
  );
}
