import { DONE } from "./action-flags.js";
import { ensureAction } from "./action-table.js";
import { isInGraph } from "./graph.js";
import { isClone, primitivesOf, withDescendants } from "./model.js";
import type { ClusterState, Node, NotificationPoints, Resource } from "./model.js";
import { notificationVariables } from "./notification-variables.js";
import { setSubject } from "./notifications.js";
import { INFINITY } from "./score.js";
import { Act, has, operationKey, Ord, orderActions, set, type WorkAction } from "./work-action.js";

type Moment = "pre" | "post";

/** Tenth stage: the agents of a clone are notified of what, as is known by now, will happen to its instances. */
export function addInstanceNotifications(state: ClusterState): void {
  for (const clone of state.resources.flatMap(withDescendants)) {
    if (!isClone(clone) || clone.clone.notifications.size === 0) continue;
    const instances = primitivesOf(clone);
    const variables = notificationVariables(state, instances);
    const notify = (instance: Resource, node: Node, task: string, moment: Moment): WorkAction => {
      const action = notifyAction(state, instance, node, task, moment);
      for (const [name, value] of variables) action.meta.set(name, value);
      return action;
    };
    for (const [task, points] of clone.clone.notifications) {
      for (const action of instances.flatMap((instance) => instance.actions)) {
        if (action.task !== task) continue;
        for (const [name, value] of variables) action.meta.set(name, value);
      }
      if (isInGraph(points.before)) addAround(instances, task, points, notify);
    }
    for (const instance of instances) notifyOfFencing(state, instance, instances);
  }
}

/** The notifications of one operation, and what has to wait for them. */
function addAround(
  instances: readonly Resource[],
  task: string,
  points: NotificationPoints,
  notify: (instance: Resource, node: Node, task: string, moment: Moment) => WorkAction,
): void {
  for (const instance of instances) {
    for (const node of listeners(instance, task, "pre")) {
      const action = notify(instance, node, task, "pre");
      orderActions(points.before, action, Ord.firstNeedsThen);
      orderActions(action, points.beforeConfirmed, Ord.optional);
    }
    for (const node of listeners(instance, task, "post")) {
      const action = notify(instance, node, task, "post");
      orderActions(points.after, action, Ord.firstNeedsThen);
      orderActions(action, points.afterConfirmed, Ord.optional);
      watchAfter(instance, points.afterConfirmed);
    }
  }
}

/** An instance that is notified is watched only when all have confirmed. */
function watchAfter(instance: Resource, confirmed: WorkAction): void {
  for (const monitor of instance.actions) {
    if (monitor.intervalMs > 0 && monitor.task !== "cancel") orderActions(confirmed, monitor, Ord.optional);
  }
}

/** Where an instance is active at that moment of a transition: demotions come first, then stops, starts, promotions. */
function listeners(instance: Resource, task: string, moment: Moment): readonly Node[] {
  const stillUp = task === "demote" || (task === "stop" && moment === "pre");
  if (stillUp) return instance.runningOn;
  const stopping = nodesOf(instance, "stop");
  const staying = instance.runningOn.filter((node) => !stopping.includes(node));
  const hasStarted = task === "promote" || (task === "start" && moment === "post");
  return hasStarted ? [...new Set([...staying, ...nodesOf(instance, "start")])] : staying;
}

/** Where the operation will be done. */
function nodesOf(instance: Resource, task: string): readonly Node[] {
  return instance.actions
    .filter((action) => action.task === task && isInGraph(action))
    .map((action) => action.node)
    .filter((node) => node !== undefined);
}

function notifyAction(state: ClusterState, instance: Resource, node: Node, task: string, moment: Moment): WorkAction {
  const key = operationKey(instance.id, `${moment}_notify_${task}`, 0);
  const action = ensureAction(state, { resource: instance, key, task: "notify", node, optional: false });
  const keyOperation = moment === "pre" ? task : (DONE[task] ?? task);
  setSubject(action, { type: moment, keyType: moment, operation: task, keyOperation });
  if (moment === "post") action.priority = INFINITY;
  return action;
}

/** The others are notified of a stop that fencing did as of one that an agent did, once the node is down. */
function notifyOfFencing(state: ClusterState, instance: Resource, instances: readonly Resource[]): void {
  for (const stop of instance.actions) {
    if (stop.task !== "stop" || !has(stop, Act.doneByFencing) || !isInGraph(stop)) continue;
    const fencing = stop.before.map(({ action }) => action).find(({ task }) => task === "stonith");
    if (fencing === undefined) continue;
    const subject = { type: "post", operation: "stop", keyOperation: "stonith" } as const;
    const make = (task: string, name: string, keyType: string): WorkAction => {
      const action = ensureAction(state, {
        resource: instance,
        key: operationKey(instance.id, name, 0),
        task,
        optional: false,
      });
      set(action, Act.pseudo | Act.runnable);
      setSubject(action, { ...subject, keyType });
      action.priority = INFINITY;
      return action;
    };
    const after = make("notify", "post_notify_stonith", "post");
    const confirmed = make("notified", "confirmed-post_notify_stonith", "confirmed-post");
    orderActions(fencing, after, Ord.optional);
    orderActions(after, confirmed, Ord.optional);
    const key = (other: Resource): string => operationKey(other.id, "post_notify_stop", 0);
    for (const other of instances) {
      for (const action of other.actions) {
        if (action.key !== key(other) || has(action, Act.pseudo)) continue;
        setSubject(action, { ...subject, keyType: "post" });
        orderActions(after, action, Ord.optional);
        orderActions(action, confirmed, Ord.optional);
        watchAfter(other, confirmed);
      }
    }
  }
}
