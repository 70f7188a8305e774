import type { GuestRecord } from "../guest-store.js";
import { currentSteps, type Step } from "./sequence.js";
import type { CutoverResult, DowntimeShare } from "./types.js";

/** The step with which downtime begins. */
export const FIRST_OF_DOWNTIME = "quiesce";

/** When the downtime of the present cutover began, in ms since the epoch; undefined when it has not. */
export function downtimeBegan(records: readonly GuestRecord[]): number | undefined {
  return currentSteps(records).find(({ step, event }) => step === FIRST_OF_DOWNTIME && event === "started")?.at;
}

/**
 * The measured downtime of the last cutover, from its journal: from the first record of bringing the source to rest to
 * the last of the guest's answer. What lies between two steps counts for the one that follows.
 */
export function downtimeOf(
  records: readonly GuestRecord[],
  steps: readonly Pick<Step<never>, "name" | "title">[],
): Pick<CutoverResult, "downtimeMs" | "shares"> {
  const events = currentSteps(records);
  const begin = downtimeBegan(records);
  if (begin === undefined) return { downtimeMs: 0, shares: [] };
  const shares: DowntimeShare[] = [];
  let before = begin;
  for (const { name, title } of steps.slice(steps.findIndex((step) => step.name === FIRST_OF_DOWNTIME))) {
    const end = events.findLast(({ step, event }) => step === name && event === "done")?.at;
    if (end === undefined) break;
    shares.push({ step: name, title, ms: end - before });
    before = end;
  }
  return { downtimeMs: before - begin, shares };
}
