import { DONE } from "../actions/action-flags.js";
import { ensureAction } from "../actions/action-table.js";
import { addFencingNotifications } from "./fencing-notifications.js";
import { isInGraph } from "../graph.js";
import { isClone, primitivesOf, withDescendants } from "../resource-tree.js";
import type { ClusterState, Node, NotificationPoints, Resource } from "../model.js";
import { inform, notificationVariables } from "./notification-variables.js";
import { setSubject, settlePoints, watchAfter } from "../notifications.js";
import { INFINITY } from "../score.js";
import { Act, has, operationKey, Ord, orderActions, type WorkAction } from "../actions/work-action.js";

type Moment = "pre" | "post";

/** Tenth stage, when orderings have been applied: the agents of a clone are notified of what, as is known by now, will happen to its instances. */
export function addInstanceNotifications(state: ClusterState): void {
  for (const clone of state.resources.flatMap(withDescendants)) {
    if (!isClone(clone)) continue;
    const { notifications } = clone.clone;
    if (notifications.size === 0) {
      notifyOfFencingOnly(state, clone);
      continue;
    }
    const instances = primitivesOf(clone);
    for (const [task, points] of notifications) {
      settlePoints(points);
      // The clone's own points may pass without any instance doing anything; then there is nothing to tell.
      const happens = instances.some((instance) => nodesOf(instance, task).length > 0);
      if (happens && isInGraph(points.before)) addAround(state, instances, task, points);
    }
    const operations = instances.flatMap(({ actions }) => actions).filter(({ task }) => notifications.has(task));
    const notices = instances.flatMap(({ actions }) => actions).filter(({ task }) => task === "notify");
    inform([...operations, ...notices], notificationVariables(state, instances));
    addFencingNotifications(state, instances, operations);
  }
}

/** Instances that want to be notified, of a clone that does not say so, are notified of what fencing has stopped only. */
function notifyOfFencingOnly(state: ClusterState, clone: Resource): void {
  const instances = primitivesOf(clone).filter(({ notify }) => notify);
  const stops = instances.flatMap(({ actions }) => actions).filter(({ task }) => task === "stop");
  if (!stops.some((stop) => has(stop, Act.doneByFencing) && isInGraph(stop))) return;
  for (const instance of instances) {
    for (const node of listeners(instance, "stop", "post")) notifyAction(state, instance, node, "stop", "post");
  }
  addFencingNotifications(state, instances, stops);
}

/** The notifications of one operation, and what has to wait for them. */
function addAround(
  state: ClusterState,
  instances: readonly Resource[],
  task: string,
  points: NotificationPoints,
): void {
  for (const instance of instances) {
    for (const node of listeners(instance, task, "pre")) {
      const action = notifyAction(state, instance, node, task, "pre");
      orderActions(points.before, action, Ord.firstNeedsThen);
      orderActions(action, points.beforeConfirmed, Ord.optional);
    }
    for (const node of listeners(instance, task, "post")) {
      const action = notifyAction(state, instance, node, task, "post");
      orderActions(points.after, action, Ord.firstNeedsThen);
      orderActions(action, points.afterConfirmed, Ord.optional);
      watchAfter(instance, points.afterConfirmed);
    }
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
