import type { Action, Transition } from "../scheduler/types.js";

/** How far a transition got. */
export interface GraphEnd {
  /** `stuck`: what is left waits for itself. Trying again would end the same way. */
  readonly state: "complete" | "aborted" | "stuck";
  /** Why it did not complete. */
  readonly why: string;
  /** Actions that were never begun. */
  readonly skipped: number;
}

export interface GraphRun {
  /** Resolves when nothing is under way any more and nothing may be begun. */
  readonly ended: Promise<GraphEnd>;
  /** Begins nothing new; what is under way goes on to its end. */
  abort(why: string): void;
}

/** Carries out one action. @returns whether it did what it should */
export type Perform = (action: Action, number: number) => Promise<boolean>;

/** Actions of this priority are carried out even after an abort: they close what was begun (a clone's notifications). */
const INFINITY_PRIORITY = 1_000_000;

/**
 * Carries out a transition: every action when all that comes before it is done, no more at once than the batch limit,
 * higher priority first. A failure ends it, unless the action may fail; then the caller decides anew.
 */
export function runGraph(transition: Transition, perform: Perform): GraphRun {
  const before = new Map<string, Set<string>>(transition.actions.map((action) => [action.id, new Set()]));
  for (const { first, then } of transition.orders) {
    if (before.has(first)) before.get(then)?.add(first);
  }
  const waiting = new Map(transition.actions.map((action) => [action.id, action]));
  const numbers = new Map(transition.actions.map((action, index) => [action.id, index + 1]));
  const finished = new Set<string>();
  const limit = transition.settings.batchLimit > 0 ? transition.settings.batchLimit : Number.POSITIVE_INFINITY;
  let underWay = 0;
  let aborted: string | undefined;
  let finish: (end: GraphEnd) => void;
  const ended = new Promise<GraphEnd>((resolve) => (finish = resolve));

  const isReady = (action: Action): boolean => {
    for (const id of before.get(action.id) ?? []) if (!finished.has(id)) return false;
    return aborted === undefined || action.priority >= INFINITY_PRIORITY;
  };

  const begin = async (action: Action): Promise<void> => {
    waiting.delete(action.id);
    const counts = action.kind !== "pseudo";
    if (counts) underWay += 1;
    const done = await perform(action, numbers.get(action.id) ?? 0);
    if (counts) underWay -= 1;
    if (done || action.canFail) finished.add(action.id);
    else aborted ??= `${action.key}${action.node === undefined ? "" : ` on ${action.node}`} did not end as expected`;
    advance();
  };

  let advancing = false;
  let inFlight = 0;
  const advance = (): void => {
    if (advancing) return;
    advancing = true;
    for (let next = pick(); next !== undefined; next = pick()) {
      inFlight += 1;
      void begin(next).then(() => {
        inFlight -= 1;
        advance();
      });
    }
    advancing = false;
    if (inFlight > 0) return;
    const skipped = waiting.size;
    if (aborted !== undefined) finish({ state: "aborted", why: aborted, skipped });
    else if (skipped > 0) finish({ state: "stuck", why: inCircles(transition, [...waiting.values()]), skipped });
    else finish({ state: "complete", why: "", skipped });
  };

  const pick = (): Action | undefined => {
    let best: Action | undefined;
    for (const action of waiting.values()) {
      if (action.kind !== "pseudo" && underWay >= limit) continue;
      if ((best === undefined || action.priority > best.priority) && isReady(action)) best = action;
    }
    return best;
  };

  queueMicrotask(advance);
  return {
    ended,
    abort(why) {
      aborted ??= why;
      advance();
    },
  };
}

/** Names the actions of one circle among those that are left, for whoever has to correct the orders. */
function inCircles(transition: Transition, left: readonly Action[]): string {
  const byId = new Map(left.map((action) => [action.id, action]));
  const circle: Action[] = [];
  for (let at = left[0]; at !== undefined && !circle.includes(at);) {
    circle.push(at);
    const then = at.id;
    at = transition.orders
      .filter((order) => order.then === then)
      .map((order) => byId.get(order.first))
      .find((first) => first !== undefined);
    if (at !== undefined && circle.includes(at)) circle.splice(0, circle.indexOf(at));
  }
  return `${circle.map((action) => action.key).join(", ")} wait for each other`;
}
