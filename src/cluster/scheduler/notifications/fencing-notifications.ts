import { ensureAction } from "../actions/action-table.js";
import { isInGraph } from "../graph.js";
import type { ClusterState, Resource } from "../model.js";
import { inform, notificationVariables } from "./notification-variables.js";
import { setSubject, watchAfter, type NotificationSubject } from "../notifications.js";
import { INFINITY } from "../score.js";
import { Act, has, operationKey, Ord, orderActions, set, type WorkAction } from "../actions/work-action.js";

/**
 * The others are notified of a stop that fencing did as of one that an agent did, as soon as the node is down; what
 * they are told of stops is that one.
 * @param operations all starts, stops, promotions and demotions of the instances
 */
export function addFencingNotifications(
  state: ClusterState,
  instances: readonly Resource[],
  operations: readonly WorkAction[],
): void {
  const notices = instances.flatMap(({ id, actions }) =>
    actions.filter(({ key }) => key === operationKey(id, "post_notify_stop", 0)),
  );
  for (const stop of operations) {
    if (stop.task !== "stop" || !has(stop, Act.doneByFencing) || !isInGraph(stop)) continue;
    const fencing = stop.before.map(({ action }) => action).find(({ task }) => task === "stonith");
    if (fencing === undefined || stop.resource === undefined) continue;
    const after = point(state, stop.resource, "post");
    const confirmed = point(state, stop.resource, "confirmed-post");
    orderActions(fencing, after, Ord.optional);
    orderActions(after, confirmed, Ord.optional);
    for (const notice of notices) {
      setSubject(notice, subject("post"));
      orderActions(after, notice, Ord.optional);
      orderActions(notice, confirmed, Ord.optional);
      if (notice.resource !== undefined) watchAfter(notice.resource, confirmed);
    }
    inform([...operations, ...notices], notificationVariables(state, instances, stop));
  }
}

function point(state: ClusterState, instance: Resource, keyType: "post" | "confirmed-post"): WorkAction {
  const action = ensureAction(state, {
    resource: instance,
    key: operationKey(instance.id, `${keyType}_notify_stonith`, 0),
    task: keyType === "post" ? "notify" : "notified",
    optional: false,
  });
  set(action, Act.pseudo | Act.runnable);
  setSubject(action, subject(keyType));
  action.priority = INFINITY;
  return action;
}

function subject(keyType: string): NotificationSubject {
  return { type: "post", keyType, operation: "stop", keyOperation: "stonith" };
}
