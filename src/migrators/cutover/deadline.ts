import { asRehomeError, formatError, RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { formatDuration } from "../../lib/units.js";
import { stateOf, type GuestRecord } from "../guest-store.js";
import { FIRST_OF_DOWNTIME } from "./downtime.js";

/** A cutover goes back by itself when the guest is not being started after so many times the downtime allowed. */
export const RETURN_FACTOR = 2;

/** setTimeout takes no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

/** The time by which the guest is to be started, or the cutover goes back. */
export interface Deadline {
  /** Aborted when it has passed, with the error that says so. */
  readonly signal: AbortSignal;
  /** To be called before the first step: the time may have passed while nobody ran. */
  resume(): Promise<void>;
  /** To be called right before a step begins. */
  beginning(step: string): void;
  close(): void;
}

export interface DeadlineOptions {
  /** The downtime allowed, in ms; no deadline without one. */
  readonly maxDowntimeMs: number | undefined;
  /** When downtime began, as the journal says; ms since the epoch, undefined when it has not. */
  readonly beganAt: number | undefined;
  /** The step from which on nothing is undone by itself. */
  readonly last: string;
  readonly lastBegan: boolean;
  /** Whether going back would bring the source back by itself; when not, there is only the way on. */
  readonly mayReturn: () => Promise<boolean>;
  readonly report: Report;
}

/**
 * Counts from the journalled beginning of downtime, also in a run that goes on where another one was interrupted, to the
 * beginning of the step that starts the guest.
 */
export function deadline(options: DeadlineOptions): Deadline {
  const { maxDowntimeMs, beganAt, last, lastBegan, report } = options;
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isOver = lastBegan;

  async function pass(allowedMs: number): Promise<void> {
    const mayReturn = await options.mayReturn().catch(() => false); // what cannot be found out is no way back
    if (isOver) return;
    if (mayReturn) {
      controller.abort(tooLong(allowedMs));
      return;
    }
    const text = "the downtime is longer than allowed, but the source cannot be brought back from here: going on";
    report.note({ severity: "warning", text });
  }

  function arm(from: number): void {
    if (maxDowntimeMs === undefined || isOver) return;
    const allowedMs = maxDowntimeMs * RETURN_FACTOR;
    const ms = Math.min(allowedMs, Math.max(0, from + allowedMs - Date.now())); // clocks are set back, too
    clearTimeout(timer);
    if (ms <= LONGEST_MS) timer = setTimeout(() => void pass(maxDowntimeMs), ms);
  }

  return {
    signal: controller.signal,
    async resume() {
      if (beganAt === undefined || maxDowntimeMs === undefined || isOver) return;
      if (Date.now() < beganAt + maxDowntimeMs * RETURN_FACTOR) arm(beganAt);
      else await pass(maxDowntimeMs);
    },
    beginning(step) {
      if (step === FIRST_OF_DOWNTIME && beganAt === undefined) arm(Date.now());
      if (step !== last) return;
      isOver = true;
      clearTimeout(timer);
    },
    close() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** The downtime that this run allows, or the interrupted one that it goes on with allowed. */
export function allowedDowntime(records: readonly GuestRecord[], given: number | undefined): number | undefined {
  return given ?? (stateOf(records) === "cutting-over" ? currentBudget(records)?.maxDowntimeMs : undefined);
}

/** Whether the last cutover was undone because it took too long. */
export function tookTooLong(records: readonly GuestRecord[]): boolean {
  return currentBudget(records)?.exceeded === true;
}

function currentBudget(records: readonly GuestRecord[]): (GuestRecord & { readonly type: "budget" }) | undefined {
  const begin = records.findLastIndex((record) => record.type === "state" && record.state === "cutting-over");
  return records.slice(begin + 1).findLast((record) => record.type === "budget");
}

/** The deadline's own error, with what the step said that was stopped by it. */
export function withReason(reason: unknown, thrown: unknown): RehomeError {
  const { code, message, remedy } = asRehomeError(reason);
  const step = asRehomeError(thrown);
  return new RehomeError(code, message, {
    ...(remedy !== undefined && { remedy }),
    ...(step.code !== code && step.code !== "cancelled" && { output: formatError(step) }),
    cause: thrown,
  });
}

function tooLong(allowedMs: number): RehomeError {
  const waited = formatDuration(allowedMs * RETURN_FACTOR);
  return new RehomeError(
    "downtime-exceeded",
    `the guest was not started after ${waited}; ${formatDuration(allowedMs)} of downtime are allowed`,
    { remedy: "see which step took so long, then cut over again, or allow more with --max-downtime" },
  );
}
