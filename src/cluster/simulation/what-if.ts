import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";
import { schedule } from "../scheduler/index.js";
import type { Action, Situation, Transition } from "../scheduler/types.js";
import { carryOut, type CarriedOut, type PlannedFailure } from "./carry-out.js";

/** One transition: what the scheduler decided, and what became of it in the simulation. */
export interface Round {
  readonly transition: Transition;
  readonly carriedOut: CarriedOut;
  readonly after: Situation;
}

export interface Simulation {
  /** Before anything was supposed to have happened. */
  readonly before: Situation;
  /** What the scheduler decides first, carried out or not. */
  readonly decided: Transition;
  /** Carried out one after the other: a failure, or what became known, calls for another. */
  readonly rounds: readonly Round[];
  /** In the end. */
  readonly after: Situation;
  readonly cib: XmlElement;
  /** Whether nothing was left to be done; false too when something would be tried for ever. */
  readonly settled: boolean;
  /** Nothing is carried out then: the decision cannot be trusted. */
  readonly unsupported: readonly string[];
  readonly warnings: readonly string[];
}

export interface WhatIf {
  /** What is supposed to have happened, in this order. */
  readonly injections: readonly Edit[];
  /** What is supposed to fail when it is tried. */
  readonly failures: readonly PlannedFailure[];
  /** ms since the epoch. */
  readonly now: number;
}

/** What a cluster would do if something happened: decided by the scheduler, carried out in virtual time. */
export async function whatIf(cib: XmlElement, { injections, failures, now }: WhatIf): Promise<Simulation> {
  const asItIs = schedule(cib, now);
  const supposed = injections.reduce((at, inject) => inject(at), cib);
  const decided = schedule(supposed, now);
  const unsupported = [...new Set([...asItIs.unsupported, ...decided.unsupported])];
  const rounds: Round[] = [];
  let [transition, at, time] = [decided, supposed, now];
  while (isWork(transition) && unsupported.length === 0 && !isRepeated(transition, rounds)) {
    const carriedOut = await carryOut(at, transition, time, { failures });
    const next = schedule(carriedOut.cib, carriedOut.endedAt);
    rounds.push({ transition, carriedOut, after: next.present });
    [transition, at, time] = [next, carriedOut.cib, carriedOut.endedAt];
  }
  return {
    ...{ before: asItIs.present, decided, rounds, cib: at, unsupported },
    after: transition.present,
    settled: unsupported.length === 0 && !isWork(transition),
    warnings: decided.warnings,
  };
}

/** The same again would be done for ever; and no real recovery takes so many transitions. */
function isRepeated(transition: Transition, rounds: readonly Round[]): boolean {
  const ids = ({ actions }: Transition): string => actions.map(({ id }) => id).join("\n");
  const last = rounds.at(-1);
  return rounds.length >= MOST_ROUNDS || (last !== undefined && ids(last.transition) === ids(transition));
}

const MOST_ROUNDS = 12;

/** A transition without one real action leaves everything as it is. */
function isWork({ actions }: Transition): boolean {
  return actions.some(isReal);
}

/** Whether an action does something, unlike one that is a point in time only. Fencing always does. */
export function isReal({ kind, task }: Action): boolean {
  return kind !== "pseudo" || task === "stonith";
}
