import { findFirst } from "./action-table.js";
import type { Node, Resource } from "../model.js";
import { Act, clear, operationKey, parseKey, type WorkAction } from "./work-action.js";

/** The operation a collective's point in time is made of. */
const MEMBER_TASK: Readonly<Record<string, string>> = {
  running: "start",
  stopped: "stop",
  promoted: "promote",
  demoted: "demote",
};

/** The members' operation a collective's action is about: `start` for `running` and for the notifications of it. */
export function memberTask({ task, meta }: WorkAction): string {
  return meta.get("notify_operation") ?? MEMBER_TASK[task] ?? task;
}

/** The point in time at which a collective has finished an operation. */
export const DONE: Readonly<Record<string, string>> = {
  start: "running",
  stop: "stopped",
  promote: "promoted",
  demote: "demoted",
};

/** What others wait for when they wait for an operation of a group or clone: that all of it is finished. */
export function completionOf(action: WorkAction): WorkAction {
  const { resource } = action;
  if (resource === undefined || resource.variant === "primitive" || action.meta.has("notify_operation")) return action;
  const task = parseKey(action.key)?.task ?? action.task;
  const done = DONE[task] ?? (Object.values(DONE).includes(task) ? task : undefined);
  if (done === undefined || action.intervalMs > 0) return action;
  const notified = resource.clone?.notifications.get(MEMBER_TASK[done] ?? done)?.afterConfirmed;
  return notified ?? findFirst(resource, { key: operationKey(resource.id, done, 0) }) ?? action;
}

/** The flags of an action; those of a collective's follow from its members', and are settled by looking. */
export function flagsOf(resource: Resource, action: WorkAction, node: Node | undefined): number {
  if (resource.variant === "primitive") return action.flags;
  return resource.variant === "group" ? groupFlags(resource, action, node) : cloneFlags(resource, action, node);
}

const ALL = Act.optional | Act.runnable | Act.pseudo;

function groupFlags(group: Resource, action: WorkAction, node: Node | undefined): number {
  let flags = ALL;
  const task = memberTask(action);
  for (const member of group.children) {
    const own = findFirst(member, { task, node });
    if (own !== undefined) {
      const given = flagsOf(member, own, node);
      if ((given & Act.optional) === 0 && (flags & Act.optional) !== 0) {
        flags &= ~Act.optional;
        clear(action, Act.optional);
      }
      if (task !== action.task && (given & Act.runnable) === 0) {
        flags &= ~Act.runnable;
        clear(action, Act.runnable);
      }
    } else if (task !== "stop" && task !== "demote") flags &= ~Act.runnable;
  }
  return flags;
}

function cloneFlags(clone: Resource, action: WorkAction, node: Node | undefined): number {
  let flags = ALL;
  let anyRunnable = false;
  for (const child of clone.children) {
    // A group that is an instance has its own point in time, which says whether all of its members got there.
    const task = child.variant === "group" ? (action.meta.get("notify_operation") ?? action.task) : memberTask(action);
    const own = findFirst(child, { task, node: child.children.length > 0 ? undefined : node });
    if (own === undefined) continue;
    const given = flagsOf(child, own, node);
    if ((given & Act.optional) === 0 && (flags & Act.optional) !== 0) {
      flags &= ~Act.optional;
      clear(action, Act.optional);
    }
    if ((given & Act.runnable) !== 0) anyRunnable = true;
  }
  if (!anyRunnable) {
    flags &= ~Act.runnable;
    if (node === undefined) clear(action, Act.runnable);
  }
  return flags;
}

/** The flags as an ordering sees them: where else an operation can be run does not matter for a clone. */
export function orderingFlags(action: WorkAction, node: Node | undefined): number {
  const { resource } = action;
  if (resource === undefined) return action.flags;
  const flags = flagsOf(resource, action, undefined);
  if (node === undefined || resource.variant !== "clone") return flags;
  return flagsOf(resource, action, node) | (flags & Act.runnable);
}
