import { ensureAction, findActions, findFirst } from "./actions/action-table.js";
import { completionOf, flagsOf, orderingFlags } from "./actions/action-flags.js";
import { plannedNode, roleOf } from "./assignment/availability.js";
import { applyEffect, applyToAction, type Change } from "./ordering/ordering-effects.js";
import { orderMigrations } from "./ordering/migration-orders.js";
import type { ClusterState, Ordering, OrderEnd, Resource } from "./model.js";
import { isClone, isWithin } from "./resource-tree.js";
import { orderProbes } from "./ordering/probe-orders.js";
import { INFINITY } from "./score.js";
import {
  Act,
  clear,
  has,
  operationKey,
  Ord,
  orderActions,
  parseKey,
  set,
  type Link,
  type WorkAction,
} from "./actions/work-action.js";

/** Ninth stage: orderings become links between actions, and what follows from each is followed through. */
export function applyOrderings(state: ClusterState): void {
  orderMigrations(state);
  for (const ordering of state.orderings) applyOrdering(state, ordering);
  for (const action of [...state.actions]) blockDependents(state, action);
  orderProbes(state);
  for (const action of [...state.actions].reverse()) update(state, action);
  settleClones(state);
}

/** What has to be done by any instance in the end makes the clone's own points in time required. */
function settleClones(state: ClusterState): void {
  for (const clone of state.resources.filter(isClone)) {
    for (const action of clone.actions) flagsOf(clone, action, undefined);
  }
}

function applyOrdering(state: ClusterState, ordering: Ordering): void {
  const { first, then } = ordering;
  for (const action of firstActions(state, first, then)) {
    for (const later of thenActions(then)) {
      let { flags } = ordering;
      if (action.resource === then.resource && has(action, Act.partOfMigration)) flags &= ~Ord.firstNeedsThen;
      orderActions(action, later, flags);
    }
  }
}

function firstActions(state: ClusterState, end: OrderEnd, then: OrderEnd): readonly WorkAction[] {
  if (end.action !== undefined) return [end.action];
  const { resource, key } = end;
  if (resource === undefined || key === undefined) return [];
  const found = actionsNamed(resource, key);
  if (found.length > 0 || resource === then.resource) return found;
  const task = parseKey(key)?.task ?? "";
  const role = roleOf(resource, true);
  if (role === "Stopped" && task === "stop") return [];
  if (role === "Unpromoted" && task === "demote") return [];
  return [
    ensureAction(state, {
      resource,
      key: operationKey(resource.id, task, parseKey(key)?.intervalMs ?? 0),
      task,
      optional: true,
    }),
  ];
}

function thenActions(end: OrderEnd): readonly WorkAction[] {
  if (end.action !== undefined) return [end.action];
  return end.resource === undefined || end.key === undefined ? [] : actionsNamed(end.resource, end.key);
}

/** Actions with that key, or of that task: the key may be a parent's. */
function actionsNamed(resource: Resource, key: string): readonly WorkAction[] {
  const found = findActions(resource, key);
  if (found.length > 0) return found;
  const parsed = parseKey(key);
  return parsed === undefined ? [] : findActions(resource, operationKey(resource.id, parsed.task, parsed.intervalMs));
}

/** What is to be with a resource that cannot get there stays away. */
export function blockDependents(state: ClusterState, action: WorkAction): void {
  if (has(action, Act.runnable) || action.resource === undefined) return;
  const starts = action.task === "start";
  if (!starts && action.task !== "promote") return;
  let resource = action.resource;
  while (resource.parent !== undefined) resource = resource.parent;
  for (const child of resource.children) {
    const own = findFirst(child, { task: action.task });
    if (own === undefined || has(own, Act.runnable)) return;
  }
  for (const { score, primaryRole, dependentRole, dependent } of resource.dependents) {
    if (score < INFINITY || (!starts && primaryRole !== "Promoted")) continue;
    block(state, dependent, dependentRole === "Promoted" ? "promote" : "start");
  }
}

function block(state: ClusterState, resource: Resource, task: string): void {
  for (const action of resource.actions) {
    if (action.task !== task || !has(action, Act.runnable)) continue;
    clear(action, Act.runnable);
    blockDependents(state, action);
    update(state, action);
  }
  for (const child of resource.children) block(state, child, task);
}

/** Lets all orderings before an action take effect, and goes on with whatever was changed. */
export function update(state: ClusterState, then: WorkAction): void {
  const before = then.flags;
  const counts = has(then, Act.needsAnyBefore);
  if (counts) {
    then.runnableBefore = 0;
    if (then.requiredRunnableBefore === 0) then.requiredRunnableBefore = 1;
    clear(then, Act.runnable);
  }
  const changed: Change = { first: false, then: false };
  for (let i = 0; i < then.before.length; i++) {
    const link = then.before[i];
    if (link === undefined) break;
    changed.first = false;
    updateLink(state, link, then, changed);
  }
  if (counts) changed.then = before !== then.flags;
  if (!changed.then) return;
  if ((before & Act.runnable) !== 0 && !has(then, Act.runnable)) blockDependents(state, then);
  update(state, then);
  for (const { action } of [...then.after]) update(state, action);
}

function nodeFor(action: WorkAction): WorkAction["node"] {
  if (action.resource?.variant === "group" && action.task === "start") return plannedNode(action.resource);
  return action.node;
}

function updateLink(state: ClusterState, link: Link, then: WorkAction, changed: Change): void {
  let first = link.action;
  const [firstNode, thenNode] = [nodeFor(first), nodeFor(then)];
  if (
    (link.flags & Ord.onSameNode) !== 0 &&
    firstNode !== undefined &&
    thenNode !== undefined &&
    firstNode !== thenNode
  ) {
    link.flags = Ord.none;
    return;
  }
  if (first.resource !== undefined && (link.flags & Ord.thenDropsFirst) !== 0 && !has(then, Act.optional)) {
    set(first, Act.optional);
    if (first.task === "reload-agent") first.resource.reload = false;
  }
  const { resource } = then;
  if (first.resource !== undefined && resource !== undefined && first.resource !== resource) {
    if (!isWithin(resource, first.resource)) first = completionOf(first);
  }
  const firstFlags = orderingFlags(first, thenNode);
  const thenFlags = orderingFlags(then, firstNode);
  if (first === link.action) {
    takeEffect(state, link, first, then, firstFlags, thenFlags, changed);
  } else if (orderActions(first, then, link.flags)) {
    changed.then = true;
    link.flags = Ord.none;
  }
  if (!changed.first) return;
  for (const { action } of [...first.after]) update(state, action);
  update(state, first);
}

function takeEffect(
  state: ClusterState,
  link: Link,
  first: WorkAction,
  then: WorkAction,
  firstFlags: number,
  thenFlags: number,
  changed: Change,
): void {
  let { node } = then;
  if ((link.flags & Ord.firstNeedsThenOnNode) !== 0) {
    link.flags = (link.flags & ~Ord.firstNeedsThenOnNode) | Ord.firstNeedsThen;
    node = first.node;
  }
  const again = (action: WorkAction): void => update(state, action);
  const run = (type: number, flags: number, filter: number, on = then.resource): void => {
    if (on === undefined) return;
    const effect = { first, then, node, flags, filter, type };
    const result = on === then.resource ? applyEffect(state, effect, again) : applyToFirst(state, effect, again);
    changed.first ||= result.first;
    changed.then ||= result.then;
  };
  const withoutResource = (flag: number): void => {
    if (has(then, flag)) {
      clear(then, flag);
      changed.then = true;
    }
  };
  const { resource } = then;
  const asked = link.flags;
  if ((asked & Ord.firstNeedsThen) !== 0) {
    if (resource !== undefined) run(Ord.firstNeedsThen, firstFlags & Act.optional, Act.optional);
    else if ((firstFlags & Act.optional) === 0) withoutResource(Act.optional);
  }
  if ((asked & Ord.inRestart) !== 0) run(Ord.inRestart, firstFlags, Act.optional | Act.runnable);
  if ((asked & Ord.thenNeedsFirst) !== 0 && (thenFlags & Act.optional) === 0)
    run(Ord.thenNeedsFirst, firstFlags, Act.optional, first.resource);
  if ((asked & Ord.promotedThenNeedsFirst) !== 0)
    run(Ord.promotedThenNeedsFirst, firstFlags & Act.optional, Act.optional);
  if ((asked & Ord.anyOf) !== 0) {
    if (resource !== undefined) run(Ord.anyOf, firstFlags, Act.runnable);
    else if ((firstFlags & Act.runnable) !== 0) {
      then.runnableBefore += 1;
      if (then.runnableBefore >= then.requiredRunnableBefore && !has(then, Act.runnable)) {
        set(then, Act.runnable);
        changed.then = true;
      }
    }
  }
  if ((asked & Ord.afterProbe) !== 0 && resource !== undefined) {
    if ((firstFlags & Act.runnable) === 0 && (first.resource?.runningOn.length ?? 0) > 0) link.flags = Ord.none;
    else run(Ord.blocksThen, firstFlags, Act.runnable);
  }
  if ((asked & Ord.blocksThen) !== 0) {
    if (resource !== undefined) run(Ord.blocksThen, firstFlags, Act.runnable);
    else if ((firstFlags & Act.runnable) === 0) withoutResource(Act.runnable);
  }
  if ((asked & Ord.thenNeedsFirstOrMigrates) !== 0) run(Ord.thenNeedsFirstOrMigrates, firstFlags, Act.optional);
  if ((asked & Ord.pseudoWhileFirst) !== 0) run(Ord.pseudoWhileFirst, firstFlags, Act.optional);
  if ((asked & Ord.optional) !== 0) run(Ord.optional, firstFlags, Act.runnable);
  if ((asked & Ord.oneWay) !== 0) run(Ord.oneWay, firstFlags, Act.runnable);
  if (has(first, Act.runnable) && (asked & Ord.firstShowsThen) !== 0 && (firstFlags & Act.optional) === 0) {
    set(then, Act.shown);
  }
  if ((asked & Ord.thenShowsFirst) !== 0 && (thenFlags & Act.optional) === 0) set(first, Act.shown);
  const stuck =
    (asked & (Ord.firstNeedsThen | Ord.thenNeedsFirst | Ord.inRestart)) !== 0 &&
    first.resource?.managed === false &&
    first.resource.blocked &&
    !has(first, Act.runnable) &&
    first.task === "stop";
  if (stuck) withoutResource(Act.runnable);
}

/** As the resource of the first action sees it: only a group or clone passes it on to members. */
function applyToFirst(
  state: ClusterState,
  effect: Parameters<typeof applyEffect>[1],
  again: (action: WorkAction) => void,
): Change {
  const own = effect.first.resource?.variant === "primitive" || effect.then.resource === undefined;
  return own ? applyToAction(effect, again) : applyEffect(state, effect, again);
}
