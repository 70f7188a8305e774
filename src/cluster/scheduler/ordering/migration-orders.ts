import type { ClusterState, Ordering, Resource } from "../model.js";
import { isWithin } from "../resource-tree.js";
import { addOrdering, operationKey, Ord, parseKey } from "../actions/work-action.js";

/**
 * What an order between two resources means for the second's live migration. A migration takes the place of a stop
 * and a start, and begins before both: so whatever has to be up before that start, or down before that stop, is so
 * before the guest is sent off (and, for a migration that is already under way, before it is taken in).
 */
export function orderMigrations(state: ClusterState): void {
  for (const ordering of [...state.orderings]) orderMigration(state, ordering);
}

/** The orders a migration of the second resource has to heed: what is done to the first, and then to the second. */
const HEEDED: Readonly<Record<string, string>> = { start: "start", promote: "start", stop: "stop", demote: "stop" };

function orderMigration(state: ClusterState, { first, then }: Ordering): void {
  if (first.key === undefined || then.key === undefined) return;
  const [one, two] = [first.resource, then.resource];
  if (one === undefined || two === undefined || isRelated(one, two)) return;
  if (!two.allowMigrate) return;
  const [firstTask, thenTask] = [parseKey(first.key)?.task, parseKey(then.key)?.task];
  if (firstTask === undefined || thenTask === undefined || HEEDED[firstTask] !== thenTask) return;
  const order = (before: string, after: string, flags: number): void => {
    const key = operationKey(two.id, after, 0);
    addOrdering(state, { resource: one, key: operationKey(one.id, before, 0) }, { resource: two, key }, flags);
  };
  const together = one.allowMigrate && (firstTask === "start" || firstTask === "stop");
  // A start or stop that is part of the first one's own migration does not hold the second one's back.
  const flags = Ord.optional | (together ? Ord.unlessFirstMigrates : 0);
  if (together && firstTask === "start") order("migrate_from", "migrate_to", Ord.optional);
  order(firstTask, "migrate_to", flags);
  if (thenTask === "stop" && two.partialMigrationTarget !== undefined) order(firstTask, "migrate_from", flags);
}

function isRelated(one: Resource, two: Resource): boolean {
  return one === two || isWithin(one, two) || isWithin(two, one);
}
