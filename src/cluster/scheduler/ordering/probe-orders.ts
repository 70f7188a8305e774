import { canBeOnRemote, isGuestNode } from "../configuration/remote-nodes.js";
import { findActions } from "../actions/action-table.js";
import type { ClusterState, OrderEnd, Resource } from "../model.js";
import { primitivesOf } from "../resource-tree.js";
import { operationKey, Ord, orderActions, parseKey, type WorkAction } from "../actions/work-action.js";

function probesOf(resource: Resource): readonly WorkAction[] {
  if (resource.variant !== "primitive") return [];
  return findActions(resource, operationKey(resource.id, "monitor", 0)).filter((each) => each.node !== undefined);
}

/** What is known only after probes is decided before anything depends on it. */
export function orderProbes(state: ClusterState): void {
  for (const resource of state.resources.flatMap(primitivesOf)) {
    for (const probe of probesOf(resource)) {
      const seen = new Set<WorkAction>();
      for (const { action } of [...probe.after]) orderRestarts(probe, action, seen);
    }
  }
  orderStops(state);
}

/** A restart because of something probed begins only after the probe. */
function orderRestarts(probe: WorkAction, after: WorkAction, seen: Set<WorkAction>): void {
  if (seen.has(after)) return;
  seen.add(after);
  const { resource } = after;
  // What is found in one guest does not hold back another.
  if (isGuestNode(probe.node) && resource !== undefined && !canBeOnRemote(resource)) return;
  if (resource?.variant === "primitive" && probe.resource !== resource) {
    const down = after.task === "start" ? "stop" : after.task === "promote" ? "demote" : undefined;
    if (down !== undefined) {
      for (const each of findActions(resource, operationKey(resource.id, down, 0)))
        orderActions(probe, each, Ord.optional);
    }
  }
  const interleaved = resource?.clone?.interleave === true;
  for (const link of [...after.after]) {
    // What is on a guest is restarted with it, and waits for no more than the guest does.
    const connection = link.action.node?.remoteResource;
    if (connection !== undefined && (connection === resource || connection.container === resource)) continue;
    if ((link.flags & Ord.firstNeedsThen) === 0) {
      const next = link.action.resource;
      const down =
        resource !== undefined &&
        resource.variant !== "primitive" &&
        probe.resource?.parent !== resource &&
        next !== undefined &&
        next.variant !== "clone" &&
        next.parent === resource;
      if (!down) continue;
      if (resource.variant === "clone" && interleaved && link.action.node !== probe.node) continue;
    }
    orderRestarts(probe, link.action, seen);
  }
}

/** What comes after a resource's stop comes after its probes, too: there may be nothing to stop. */
function orderStops(state: ClusterState): void {
  for (const { first, then, flags } of state.orderings) {
    if (flags === Ord.none || first.resource === undefined || first.resource === then.resource) continue;
    // A guest's connection is asked for without a look at the guest.
    const laterTask = then.action?.task ?? parseKey(then.key ?? "")?.task;
    const isGuests = first.resource.isRemoteNode && first.resource.container === then.resource;
    if (isGuests && laterTask === "stop") continue;
    const task = first.action?.task ?? parseKey(first.key ?? "")?.task;
    // A node may go down, or be let in, while others are still asked.
    if (task !== "stop" || ["do_shutdown", "stonith"].includes(then.action?.task ?? "")) continue;
    const probes = probesOf(first.resource);
    if (probes.length === 0) continue;
    let kept = Ord.optional | (flags & (Ord.unlessFirstMigrates | Ord.onSameNode));
    if (flags === Ord.apart || flags === Ord.makesRoom) kept = flags;
    for (const later of laterActions(then)) for (const probe of probes) orderActions(probe, later, kept);
  }
}

function laterActions(end: OrderEnd): readonly WorkAction[] {
  if (end.action !== undefined) return [end.action];
  if (end.resource === undefined || end.key === undefined) return [];
  const found = findActions(end.resource, end.key);
  const parsed = parseKey(end.key);
  if (found.length > 0 || parsed === undefined) return found;
  return findActions(end.resource, operationKey(end.resource.id, parsed.task, parsed.intervalMs));
}
