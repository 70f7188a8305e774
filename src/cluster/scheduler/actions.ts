import { findFirst, pseudoAction } from "./actions/action-table.js";
import { addNotificationPoints } from "./notifications.js";
import { numberOf } from "./assignment/instance-order.js";
import { addPrimitiveActions } from "./actions/role-actions.js";
import type { ClusterState, Resource } from "./model.js";
import { isClone, topOf } from "./resource-tree.js";
import { INFINITY } from "./score.js";
import { Act, has, operationKey, Ord, orderActions, set, type WorkAction } from "./actions/work-action.js";

/** Seventh stage: the actions of a resource and of all in it. */
export function addActions(state: ClusterState, resource: Resource): void {
  if (resource.variant === "primitive") addPrimitiveActions(state, resource);
  else if (resource.variant === "group") addGroupActions(state, resource);
  else addCloneActions(state, resource);
}

function addGroupActions(state: ClusterState, group: Resource): void {
  for (const child of group.children) addActions(state, child);
  const tasks = ["start", "running", "stop", "stopped"];
  if (topOf(group).promotable) tasks.push("demote", "demoted", "promote", "promoted");
  for (const task of tasks) pseudoAction(state, group, task, { optional: true, runnable: true });
}

/** What is about to happen to any instance. */
interface Summary {
  active: boolean;
  start: boolean;
  stop: boolean;
  /** One that stops also starts: it moves or restarts. */
  restart: boolean;
  promote: boolean;
  demote: boolean;
}

function addCloneActions(state: ClusterState, clone: Resource): void {
  if (!isClone(clone)) return;
  const summary: Summary = { active: false, start: false, stop: false, restart: false, promote: false, demote: false };
  for (const child of clone.children) {
    addActions(state, child);
    summarize(child, summary);
  }
  if (clone.clone.ordered) orderInstances(clone);
  const point = (task: string, happens: boolean, runnable: boolean): ReturnType<typeof pseudoAction> =>
    pseudoAction(state, clone, task, { optional: !happens, runnable });
  const points = [point("start", summary.start, true), point("running", summary.start, false)];
  if (summary.active || summary.start) set(points[1] as (typeof points)[number], Act.runnable);
  const stop = point("stop", summary.stop, true);
  points.push(stop, point("stopped", summary.stop, true));
  // Instances that only stop leave what migrates away before them alone; those that come back do not.
  if (!summary.restart) set(stop, Act.migratable);
  if (clone.promotable) {
    point("promote", summary.promote, true);
    points.push(point("promoted", summary.promote, summary.promote));
    point("demote", summary.demote, true);
    points.push(point("demoted", summary.demote, true));
  }
  for (const each of points) if (/ed$|running/.test(each.task)) each.priority = INFINITY;
  addNotificationPoints(state, clone);
}

/** One instance after the other, among those of which it is known by now that something happens to them. */
function orderInstances(clone: Resource): void {
  const sorted = [...clone.children].sort((a, b) => numberOf(a) - numberOf(b));
  const required = (task: string): readonly WorkAction[] =>
    sorted
      .map((child) => findFirst(child, { key: operationKey(child.id, task, 0) }))
      .filter((action) => action !== undefined)
      .filter((action) => !has(action, Act.optional));
  required("start").reduce<WorkAction | undefined>((before, action) => {
    orderActions(before, action, Ord.optional);
    return action;
  }, undefined);
  required("stop").reduceRight<WorkAction | undefined>((before, action) => {
    orderActions(before, action, Ord.optional);
    return action;
  }, undefined);
}

function summarize(resource: Resource, summary: Summary): void {
  for (const child of resource.children) summarize(child, summary);
  if (resource.children.length > 0) return;
  if (resource.runningOn.length > 0) summary.active = true;
  let [starts, stops] = [false, false];
  for (const action of resource.actions) {
    if (has(action, Act.optional) || (!has(action, Act.runnable) && !has(action, Act.pseudo))) continue;
    if (action.task === "stop") stops = true;
    else if (!has(action, Act.runnable)) continue;
    else if (action.task === "start") starts = true;
    else if (action.task === "promote") summary.promote = true;
    else if (action.task === "demote") summary.demote = true;
  }
  summary.start ||= starts;
  summary.stop ||= stops;
  summary.restart ||= starts && stops;
}
