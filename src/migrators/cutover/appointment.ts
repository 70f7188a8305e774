import { delay } from "../../lib/delay.js";
import { asRehomeError, isConnectionError, RehomeError } from "../../lib/errors.js";
import { formatMoment } from "../../lib/moment.js";
import { reported, type Report } from "../../lib/report.js";
import { formatDuration } from "../../lib/units.js";
import { FIRST_OF_DOWNTIME } from "./downtime.js";
import type { Step } from "./sequence.js";

/** A pause between passes is so many times as long as a pass takes: the source is read a fifth of the time at the most. */
const PAUSE_FACTOR = 4;
/** What comes before the window may take so much longer than it did when it was tried. */
const RESERVE_FACTOR = 1.25;
const PACE: Pace = { shortestMs: 60_000, longestMs: 30 * 60_000, reserveMs: 5000 };
/** A window that would open later than this is none that anybody expects any more. */
const LATE_MS = 15 * 60_000;
/** Clocks are set, and machines sleep: no wait is longer than this without a look at the clock. */
const LOOK_MS = 30_000;

/** Of pauses between passes, and of the time kept free before the window. */
export interface Pace {
  readonly shortestMs: number;
  readonly longestMs: number;
  readonly reserveMs: number;
}

/** What is done while a time is waited for. */
export interface Waiting<C> {
  /** When the source is to be brought to rest, in ms since the epoch. */
  readonly at: number;
  readonly context: C;
  /** Tries what could fail in the window. */
  readonly trial: Step<C>;
  /** Keeps the copy fresh. */
  readonly refresh: Step<C>;
  /** Waits until others leave room for a step; at once without it. */
  readonly share?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Leaves the source and the volumes alone for a while. */
  readonly leave: () => Promise<void>;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits until it is time for what comes before the window, which is over when the window is to open. First everything is
 * done once, so that what would fail at night fails now; and the copy is kept fresh, so that little is left to do then. A
 * source that cannot be reached meanwhile is tried again.
 * @throws RehomeError window-missed, cancelled, and what the steps throw
 */
export async function keepAppointment<C>(waiting: Waiting<C>, pace: Pace = PACE): Promise<void> {
  const { at, trial, refresh, leave, signal } = waiting;
  const trialMs = await timed(waiting, trial);
  let refreshMs = await timed(waiting, refresh);
  await leave();
  for (;;) {
    signal?.throwIfAborted();
    const begin = at - ((refreshMs + trialMs) * RESERVE_FACTOR + pace.reserveMs);
    const next = Date.now() + Math.min(pace.longestMs, Math.max(pace.shortestMs, PAUSE_FACTOR * refreshMs));
    const isLast = next + refreshMs >= begin;
    if (Date.now() < begin) await waitUntil(isLast ? begin : next, waitingText(at, isLast ? undefined : next), waiting);
    if (isLast) {
      requireInTime(at); // machines sleep, and the first pass may have been a long one
      return;
    }
    refreshMs = await refreshed(waiting, refreshMs);
  }
}

/** Waits for the window itself, once everything before it is done. @throws RehomeError window-missed, cancelled */
export async function awaitOpening(
  at: number,
  { report, signal }: Pick<Waiting<never>, "report" | "signal">,
): Promise<void> {
  if (Date.now() < at) await waitUntil(at, waitingText(at, undefined), { report, signal });
  requireInTime(at);
}

/** @throws RehomeError window-missed */
function requireInTime(at: number): void {
  const late = Date.now() - at;
  if (late <= LATE_MS) return;
  throw new RehomeError("window-missed", `it is ${formatDuration(late)} later than ${formatMoment(at)}`, {
    remedy: "see what took so long before the window; then name another time, or leave --at out",
  });
}

/**
 * What a guest waits for whose turn among others has come: nothing, when the time has passed while others had theirs. What
 * comes before its window then takes as long as it takes, because whose turn came late is not late.
 */
export function timeOfTurn(at: number | undefined): number | undefined {
  return at === undefined || at <= Date.now() ? undefined : at;
}

/** What is waited for before each step: the window's time before the one that brings the source to rest. */
export function atOpening(
  at: number,
  options: Pick<Waiting<never>, "report" | "signal">,
): (step: string) => Promise<void> {
  return async (step) => {
    if (step === FIRST_OF_DOWNTIME) await awaitOpening(at, options);
  };
}

function waitingText(at: number, next: number | undefined): string {
  const then = next === undefined ? "" : `; next pass at ${formatMoment(next).slice(-5)}`;
  return `wait for the window at ${formatMoment(at)}, in ${formatDuration(Math.max(0, at - Date.now()))}${then}`;
}

async function waitUntil(
  until: number,
  title: string,
  { report, signal }: Pick<Waiting<never>, "report" | "signal">,
): Promise<void> {
  await reported(report, { id: "wait", title }, async () => {
    for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
      await delay(Math.min(left, LOOK_MS), signal);
    }
  });
}

/** @returns how long the step took, in ms */
async function timed<C>({ context, report, signal, share }: Waiting<C>, step: Step<C>): Promise<number> {
  const work = async (): Promise<number> => {
    signal?.throwIfAborted(); // others may have taken long
    const begun = performance.now();
    await reported(
      report,
      { id: step.name, title: step.title },
      () => step.run(context),
      ({ detail }) => detail,
    );
    return performance.now() - begun;
  };
  return share === undefined ? work() : share(work);
}

async function refreshed<C>(waiting: Waiting<C>, before: number): Promise<number> {
  const { report, signal, refresh, leave } = waiting;
  try {
    return await timed(waiting, refresh);
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!isConnectionError(thrown)) throw thrown;
    const text = `the copy was not refreshed and is tried again later: ${asRehomeError(thrown).message}`;
    report.note({ severity: "warning", text });
    return before;
  } finally {
    await leave();
  }
}
