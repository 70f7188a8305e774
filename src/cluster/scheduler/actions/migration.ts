import { operation, startAction, stopAction } from "./action-table.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { addCleanup } from "./role-actions.js";
import { Act, has, Ord, orderTasks, set } from "./work-action.js";

/** Whether a resource can be moved while it runs. */
export function canMigrate(_state: ClusterState, resource: Resource, current: Node): boolean {
  return (
    resource.managed &&
    resource.allowMigrate &&
    !resource.failed &&
    !resource.startPending &&
    !current.unclean &&
    resource.assignedTo?.unclean === false
  );
}

/** A migration that was broken off leaves something on its source, to be stopped. */
export function abortDangling(state: ClusterState, resource: Resource, node: Node): void {
  const stop = stopAction(state, resource, node, false);
  set(stop, Act.partOfMigration);
  if (state.options.removeAfterStop) addCleanup(state, resource, node, false);
}

/** Puts migrate_to and migrate_from in the place of a start, as long as both ends are able to. */
export function addMigration(state: ClusterState, resource: Resource, current: Node): void {
  const target = resource.assignedTo;
  const start = startAction(state, resource, target, true);
  const stop = stopAction(state, resource, current, true);
  const begun = resource.partialMigrationTarget !== undefined;
  const to = begun ? undefined : operation(state, resource, "migrate_to", current, true);
  const from = operation(state, resource, "migrate_from", target, true);
  if (has(start, Act.runnable) && has(stop, Act.runnable)) {
    set(start, Act.migratable | Act.pseudo);
    set(stop, Act.migratable);
    set(from, Act.migratable);
    if (to === undefined) {
      from.needs = start.needs;
      orderTasks(state, resource, "monitor", resource, "migrate_from", Ord.optional);
    } else {
      set(to, Act.migratable);
      to.needs = start.needs;
      orderTasks(state, resource, "monitor", resource, "migrate_to", Ord.optional);
      orderTasks(state, resource, "migrate_to", resource, "migrate_from", Ord.optional | Ord.thenNeedsFirstOrMigrates);
    }
    orderTasks(state, resource, "migrate_from", resource, "stop", Ord.optional | Ord.thenNeedsFirstOrMigrates);
    const flags = Ord.optional | Ord.thenNeedsFirstOrMigrates | Ord.pseudoWhileFirst;
    orderTasks(state, resource, "migrate_from", resource, "start", flags);
  }
  for (const action of [to, from]) {
    action?.meta.set("migrate_source", current.name);
    action?.meta.set("migrate_target", target?.name ?? "");
  }
  to?.meta.set("record-pending", "true");
}
