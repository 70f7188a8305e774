import { formatDuration, formatSize } from "../../lib/units.js";

/** Why staging ended; the first three are the rule of "when to stop pre-copying", the fourth is what the administrator asked. */
export type StopReason =
  | { readonly rule: "fits-budget"; readonly text: string }
  | { readonly rule: "no-improvement"; readonly text: string }
  | { readonly rule: "pass-limit"; readonly text: string }
  | { readonly rule: "dirty-below"; readonly text: string };

/** What is known after a pass over all disks. */
export interface PassOutcome {
  /** Bytes written to the target in this pass. */
  readonly writtenBytes: number;
  /** Predicted downtime if the guest were cut over now. */
  readonly downtimeMs: number;
}

export interface StopLimits {
  /** Passes at the most in this run. */
  readonly passes: number;
  readonly untilDirty?: number | undefined;
  readonly maxDowntimeMs?: number | undefined;
}

/** Two passes that do not improve the predicted downtime by this share end staging. */
const IMPROVEMENT = 0.15;

/**
 * Whether staging ends here. A first pass never ends it by "no improvement": there is nothing to compare it with.
 * @param outcomes of this run's passes, oldest first; at least one
 * @returns undefined when another pass is worth it
 */
export function decideStop(outcomes: readonly PassOutcome[], limits: StopLimits): StopReason | undefined {
  const last = outcomes.at(-1);
  if (last === undefined) return undefined;
  if (limits.untilDirty !== undefined && last.writtenBytes <= limits.untilDirty) {
    const text = `the last pass wrote ${formatSize(last.writtenBytes)}, no more than ${formatSize(limits.untilDirty)}`;
    return { rule: "dirty-below", text };
  }
  if (limits.maxDowntimeMs !== undefined && last.downtimeMs <= limits.maxDowntimeMs) {
    const budget = formatDuration(limits.maxDowntimeMs);
    return { rule: "fits-budget", text: `the predicted downtime of ${formatDuration(last.downtimeMs)} fits ${budget}` };
  }
  const before = outcomes.at(-3);
  if (before !== undefined && last.downtimeMs > before.downtimeMs * (1 - IMPROVEMENT)) {
    return { rule: "no-improvement", text: "two passes improved the predicted downtime by less than 15 %" };
  }
  if (outcomes.length >= limits.passes) {
    return { rule: "pass-limit", text: `the limit of ${limits.passes} ${limits.passes === 1 ? "pass" : "passes"}` };
  }
  return undefined;
}
