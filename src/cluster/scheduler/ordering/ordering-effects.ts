import { findFirst } from "../actions/action-table.js";
import { flagsOf, memberTask } from "../actions/action-flags.js";
import { placeNowhere } from "../assignment.js";
import { roleOf } from "../assignment/availability.js";
import { findInstance } from "../assignment/instances.js";
import type { ClusterState, Node } from "../model.js";
import { rank } from "../roles.js";
import { Act, clear, has, Ord, orderActions, type WorkAction } from "../actions/work-action.js";

/** Which end of an ordering was changed by it. */
export interface Change {
  first: boolean;
  then: boolean;
}

export interface Effect {
  readonly first: WorkAction;
  readonly then: WorkAction;
  /** Limits the effect to members on this node. */
  readonly node: Node | undefined;
  /** Flags of `first` as the ordering sees them. */
  readonly flags: number;
  readonly filter: number;
  readonly type: number;
}

/** Lets one kind of ordering take effect on an action and, for collectives, on its members' actions. */
export function applyEffect(state: ClusterState, effect: Effect, again: (action: WorkAction) => void): Change {
  const { resource } = effect.then;
  if (resource === undefined) return { first: false, then: false };
  switch (resource.variant) {
    case "primitive":
      return applyToAction(effect, again);
    case "group":
      return applyToGroup(state, effect, again);
    default:
      return applyToClone(state, effect, again);
  }
}

function add(change: Change, more: Change): void {
  change.first ||= more.first;
  change.then ||= more.then;
}

function applyToGroup(state: ClusterState, effect: Effect, again: (action: WorkAction) => void): Change {
  const change = applyToAction(effect, again);
  for (const member of effect.then.resource?.children ?? []) {
    const own = findFirst(member, { task: effect.then.task, node: effect.node });
    if (own !== undefined) add(change, applyEffect(state, { ...effect, then: own }, again));
  }
  return change;
}

function applyToClone(state: ClusterState, effect: Effect, again: (action: WorkAction) => void): Change {
  if (isInterleaved(effect)) return interleave(state, effect, again);
  const change = applyToAction(effect, again);
  for (const child of effect.then.resource?.children ?? []) {
    const own = findFirst(child, { task: effect.then.task, node: effect.node });
    if (own === undefined || (flagsOf(child, own, effect.node) & Act.runnable) === 0) continue;
    const changed = applyEffect(state, { ...effect, then: own }, again);
    add(change, changed);
    // What follows the instance alone, such as its monitors, would not be looked at for the sake of the clone.
    if (changed.then) for (const { action } of [...own.after]) again(action);
  }
  return change;
}

function isInterleaved({ first, then }: Effect): boolean {
  if (first.resource?.variant !== "clone" || then.resource?.variant !== "clone") return false;
  if (first.resource === then.resource) return false;
  const decides = /_(stop|demote)_0$/.test(then.key) ? first.resource : then.resource;
  return decides.clone?.interleave === true;
}

/** Of two interleaved clones, instances on the same node are ordered, one by one. */
function interleave(state: ClusterState, effect: Effect, again: (action: WorkAction) => void): Change {
  const { first, then, node, type } = effect;
  const change = { first: false, then: false };
  const current = /_(stopped|demoted)_0$/.test(first.key);
  for (const child of then.resource?.children ?? []) {
    const partner =
      first.resource === undefined ? undefined : findInstance(child, first.resource, undefined, current, state);
    if (partner === undefined) {
      if (!current && (type & (Ord.blocksThen | Ord.firstNeedsThen)) !== 0 && placeNowhere(child)) change.then = true;
      continue;
    }
    const firstOwn = findFirst(partner, { task: memberTask(first), node });
    const thenOwn = findFirst(child, { task: then.task, node });
    if (firstOwn === undefined || thenOwn === undefined) continue;
    if (orderActions(firstOwn, thenOwn, type)) {
      change.first = true;
      change.then = true;
    }
    const flags = flagsOf(partner, firstOwn, node);
    add(change, applyEffect(state, { ...effect, first: firstOwn, then: thenOwn, flags }, again));
  }
  return change;
}

/** The effect on two actions themselves. */
export function applyToAction(
  { first, then, flags, filter, type }: Effect,
  again: (action: WorkAction) => void,
): Change {
  const [firstBefore, thenBefore] = [first.flags, then.flags];
  const optional = (filter & Act.optional) !== 0;
  if ((type & Ord.oneWay) !== 0) applyAsymmetry(first, then, flags);
  if ((type & Ord.thenNeedsFirst) !== 0 && !has(then, Act.optional)) {
    if ((flags & Act.migratable) !== 0 && !has(then, Act.migratable)) clear(first, Act.migratable);
  }
  if ((type & Ord.promotedThenNeedsFirst) !== 0 && then.resource?.role === "Promoted" && !has(then, Act.optional)) {
    clear(first, Act.optional);
    if (has(first, Act.migratable) && !has(then, Act.migratable)) clear(first, Act.migratable);
  }
  if ((type & Ord.thenNeedsFirstOrMigrates) !== 0 && optional) {
    if (!has(then, Act.migratable | Act.runnable)) clear(first, Act.runnable);
    if (!has(then, Act.optional)) clear(first, Act.optional);
  }
  if ((type & Ord.pseudoWhileFirst) !== 0 && optional && !has(first, Act.runnable))
    clear(then, Act.migratable | Act.pseudo);
  if ((type & Ord.blocksThen) !== 0 && (filter & Act.runnable) !== 0 && (flags & Act.runnable) === 0) {
    if (has(then, Act.runnable)) clear(then, Act.runnable | Act.migratable);
  }
  if ((type & Ord.firstNeedsThen) !== 0 && optional && (flags & Act.optional) === 0 && !has(first, Act.migratable)) {
    clear(then, Act.optional);
  }
  if ((type & Ord.inRestart) !== 0) applyRestart(first, then, filter);
  const change = { first: first.flags !== firstBefore, then: then.flags !== thenBefore };
  // Members of a cloned group are looked at as one.
  if (change.then && then.resource?.parent !== undefined) again(then);
  return change;
}

/** What comes second and is not there yet has to wait for what cannot happen; what is there stays. */
function applyAsymmetry(first: WorkAction, then: WorkAction, flags: number): void {
  const { resource } = then;
  if (resource === undefined || has(first, Act.runnable) || (flags & Act.runnable) !== 0) return;
  const role = roleOf(resource, true);
  if (role === "Stopped" && then.task === "stop") return;
  const [only] = resource.runningOn;
  const there = resource.runningOn.length === 1 && then.node !== undefined && only === then.node;
  if (rank(role) >= rank("Started") && then.task === "start" && has(then, Act.optional) && there) return;
  clear(then, Act.optional | Act.runnable);
}

/** A resource stops if its start is required, or cannot be done; and it starts only if it can be stopped. */
function applyRestart(first: WorkAction, then: WorkAction, filter: number): void {
  const cannot = (filter & Act.runnable) !== 0 && !has(then, Act.runnable) && then.resource?.managed === true;
  const must = (filter & Act.optional) !== 0 && !has(then, Act.optional);
  if (!cannot && !must) return;
  if (cannot && !must && then.task !== "start" && has(then, Act.optional)) return;
  if (has(first, Act.runnable)) clear(first, Act.optional);
  if (must) clear(first, Act.optional);
  if (!has(then, Act.migratable)) clear(first, Act.migratable);
  if (!has(first, Act.optional) && !has(first, Act.runnable)) clear(then, Act.runnable);
}
