import { delay } from "../../../lib/delay.js";
import { statusOf } from "../../cutover/sequence.js";
import type { SourceLink } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { StepRecord } from "../../guest-store.js";

/** How long a network that was cut may take to come back before the source is given up for now, in ms. */
const RECONNECT_MS = 60_000;
const PAUSE_MS = 2000;

/** Whether the source answers now; one that refuses us does not count. */
export function answers(source: SourceLink): Promise<boolean> {
  return source.bootId().then(
    (bootId) => bootId !== undefined,
    () => false,
  );
}

/**
 * Whether undoing can bring the source back without somebody's hands: it was not touched yet, it answers, or it was
 * switched off and there is a command that switches it on. Undoing all the same would throw away a proven copy and
 * leave nothing running.
 */
export async function canReturn(
  { source, session }: CutoverContext,
  steps: readonly StepRecord[],
  timeoutMs = RECONNECT_MS,
): Promise<boolean> {
  if (statusOf(steps, "quiesce") === "pending") return true;
  const toldToGo = statusOf(steps, "source-off") !== "pending";
  if (toldToGo && session.sourceConfig.powerOn !== undefined) return true;
  const until = performance.now() + (toldToGo ? 0 : timeoutMs);
  for (;;) {
    if (await answers(source)) return true;
    if (performance.now() >= until) return false;
    await delay(PAUSE_MS);
  }
}
