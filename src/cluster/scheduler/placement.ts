import type { Graph } from "./graph.js";
import { isClone, primitivesOf, rank, topOf, type ClusterState, type Node, type Resource } from "./model.js";
import { NODE_FLAGS, type NodeFlag, type Place, type Placement, type Role } from "./types.js";
import { Act, has, type WorkAction } from "./work-action.js";

/** Where one primitive is, and in which role there. */
type Whereabouts = Map<Resource, Map<Node, Role>>;

export interface Outlook {
  readonly before: Placement;
  readonly placement: Placement;
  readonly nodes: Readonly<Record<string, readonly NodeFlag[]>>;
  readonly nodesBefore: Readonly<Record<string, readonly NodeFlag[]>>;
}

/** The roles as the history tells them, to be taken before the scheduler goes on. */
export function presentRoles(state: ClusterState): Whereabouts {
  return new Map(
    state.resources
      .flatMap(primitivesOf)
      .map((each) => [each, new Map(each.runningOn.map((node) => [node, each.role]))]),
  );
}

/** Carries a transition out in mind: where everything is afterwards, if all goes well. */
export function foresee(state: ClusterState, graph: Graph, present: Whereabouts): Outlook {
  const places: Whereabouts = new Map([...present].map(([resource, nodes]) => [resource, new Map(nodes)]));
  const down = new Set<Node>();
  for (const action of inOrder(graph)) carryOut(action, places, down);
  for (const nodes of places.values()) {
    for (const node of [...nodes.keys()]) if (isForgotten(state, graph, node, down)) nodes.delete(node);
  }
  return {
    before: placementOf(state, present),
    placement: placementOf(state, places),
    nodesBefore: flagsOf(state, new Set()),
    nodes: flagsOf(state, down),
  };
}

/** What is still there when a node goes down counts as active, where fencing can tell; what was fenced is gone. */
function isForgotten(state: ClusterState, { actions }: Graph, node: Node, down: ReadonlySet<Node>): boolean {
  if (!down.has(node)) return false;
  return !state.options.fencing || actions.some((each) => each.task === "stonith" && each.node === node);
}

function carryOut(action: WorkAction, places: Whereabouts, down: Set<Node>): void {
  const { resource, node, task } = action;
  if (node === undefined) return;
  if (task === "do_shutdown" || (task === "stonith" && action.meta.get("stonith_action") !== "on")) down.add(node);
  if (resource === undefined || has(action, Act.pseudo)) return;
  const at = places.get(resource);
  if (at === undefined) return;
  const started: Role = topOf(resource).promotable ? "Unpromoted" : "Started";
  if (task === "start" || task === "migrate_from") at.set(node, started);
  else if (task === "stop") at.delete(node);
  else if (task === "promote") at.set(node, "Promoted");
  else if (task === "demote") at.set(node, "Unpromoted");
}

/** Actions, each after all that come before it. */
export function inOrder({ actions, inputs }: Graph): readonly WorkAction[] {
  const sorted: WorkAction[] = [];
  const seen = new Set<WorkAction>();
  const visit = (action: WorkAction): void => {
    if (seen.has(action)) return;
    seen.add(action);
    for (const before of inputs.get(action) ?? []) visit(before);
    sorted.push(action);
  };
  for (const action of actions) visit(action);
  return sorted;
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

function flagsOf(state: ClusterState, down: ReadonlySet<Node>): Readonly<Record<string, readonly NodeFlag[]>> {
  return Object.fromEntries(
    state.nodes.map((node) => {
      const is = down.has(node)
        ? { standby: node.standby, maintenance: node.maintenance }
        : { ...node, standby: node.standby && !node.pending };
      return [node.name, NODE_FLAGS.filter((flag) => (is as Partial<Record<NodeFlag, boolean>>)[flag] === true)];
    }),
  );
}
