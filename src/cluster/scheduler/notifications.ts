import { DONE } from "./actions/action-flags.js";
import { ensureAction, findFirst } from "./actions/action-table.js";
import { isInGraph } from "./graph.js";
import type { ClusterState, CloneSettings, NotificationPoints, Resource } from "./model.js";
import { INFINITY } from "./score.js";
import {
  Act,
  addOrdering,
  clear,
  operationKey,
  Ord,
  orderActions,
  set,
  type WorkAction,
} from "./actions/work-action.js";

/** Operations of one clone follow each other: what is taken down is down before anything is brought up. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  demote: ["stop", "start", "promote"],
  stop: ["start", "promote"],
  start: ["promote"],
};

/**
 * The points in time around each operation of a clone whose agents want to be notified (meta attribute `notify`):
 * before it begins, every active instance is notified and has confirmed; so it is when all of it is finished. Others
 * that wait for the clone wait for the last confirmation. Which agents are run is decided when all actions are known,
 * by `addInstanceNotifications`.
 */
export function addNotificationPoints(state: ClusterState, clone: Resource & { clone: CloneSettings }): void {
  if (!clone.notify) return;
  const { notifications } = clone.clone;
  for (const task of clone.promotable ? ["start", "stop", "promote", "demote"] : ["start", "stop"]) {
    const done = DONE[task] ?? task;
    const begin = findFirst(clone, { key: operationKey(clone.id, task, 0) });
    const finish = findFirst(clone, { key: operationKey(clone.id, done, 0) });
    if (begin === undefined || finish === undefined) continue;
    notifications.set(task, addPoints(state, clone, task, begin, finish));
  }
  for (const [first, laters] of Object.entries(STAGES)) {
    for (const later of laters) {
      const [from, to] = [notifications.get(first)?.afterConfirmed, notifications.get(later)?.before];
      if (from !== undefined && to !== undefined) addOrdering(state, { action: from }, { action: to }, Ord.optional);
    }
  }
}

function addPoints(
  state: ClusterState,
  clone: Resource,
  task: string,
  begin: WorkAction,
  finish: WorkAction,
): NotificationPoints {
  const make = (type: "pre" | "post", confirmed: boolean): WorkAction => {
    const subject = type === "pre" ? begin : finish;
    const keyType = confirmed ? `confirmed-${type}` : type;
    const action = ensureAction(state, {
      resource: clone,
      key: operationKey(clone.id, `${keyType}_notify_${subject.task}`, 0),
      task: confirmed ? "notified" : "notify",
      optional: (subject.flags & Act.optional) !== 0,
    });
    set(action, Act.pseudo | (subject.flags & Act.runnable));
    if (type === "post") action.priority = INFINITY;
    setSubject(action, { type, keyType, operation: task, keyOperation: subject.task });
    return action;
  };
  const points: NotificationPoints = {
    begin,
    finish,
    before: make("pre", false),
    beforeConfirmed: make("pre", true),
    after: make("post", false),
    afterConfirmed: make("post", true),
  };
  const order = (first: WorkAction, then: WorkAction, flags: number): void =>
    addOrdering(state, { action: first }, { action: then }, flags);
  order(points.before, points.beforeConfirmed, Ord.thenNeedsFirst);
  order(points.beforeConfirmed, begin, Ord.thenNeedsFirst);
  order(points.beforeConfirmed, points.after, Ord.optional);
  order(finish, points.after, Ord.firstNeedsThen | Ord.blocksThen);
  order(points.after, points.afterConfirmed, Ord.firstNeedsThen | Ord.blocksThen);
  return points;
}

/** What a notification is about: passed to agents as `OCF_RESKEY_CRM_meta_notify_type` and so on. */
export interface NotificationSubject {
  readonly type: "pre" | "post";
  /** `confirmed-` before the type once all have been notified. */
  readonly keyType: string;
  readonly operation: string;
  /** The event: as the operation before it, `running` and the like after it, `stonith` for one done by fencing. */
  readonly keyOperation: string;
}

export function setSubject({ meta }: WorkAction, subject: NotificationSubject): void {
  meta.set("notify_type", subject.type);
  meta.set("notify_operation", subject.operation);
  meta.set("notify_key_type", subject.keyType);
  meta.set("notify_key_operation", subject.keyOperation);
}

/** Points are in the transition exactly if what they surround is; to be called when that is decided. */
export function settlePoints({ begin, finish, ...points }: NotificationPoints): void {
  const follow = (point: WorkAction, subject: WorkAction): void => {
    clear(point, Act.optional | Act.shown | Act.runnable);
    set(point, isInGraph(subject) ? Act.runnable : Act.optional);
  };
  follow(points.before, begin);
  follow(points.beforeConfirmed, begin);
  follow(points.after, finish);
  follow(points.afterConfirmed, finish);
}

/** An instance that is notified is watched only when all have confirmed. */
export function watchAfter(instance: Resource, confirmed: WorkAction): void {
  for (const monitor of instance.actions) {
    if (monitor.intervalMs > 0 && monitor.task !== "cancel") orderActions(confirmed, monitor, Ord.optional);
  }
}
