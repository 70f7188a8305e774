import { statusOf } from "../../cutover/sequence.js";
import { answers, answersInTime } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { StepRecord } from "../../guest-store.js";

/**
 * Whether undoing can bring the source back without somebody's hands: it was not touched yet, it answers, or it was
 * switched off and there is a command that switches it on. Undoing all the same would throw away a proven copy and
 * leave nothing running.
 */
export async function canReturn({ source, session }: CutoverContext, steps: readonly StepRecord[]): Promise<boolean> {
  if (statusOf(steps, "quiesce") === "pending") return true;
  const toldToGo = statusOf(steps, "source-off") !== "pending";
  if (!toldToGo) return answersInTime(source);
  return session.sourceConfig.powerOn !== undefined || answers(source);
}
