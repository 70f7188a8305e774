import { delay } from "../../../lib/delay.js";
import { asRehomeError } from "../../../lib/errors.js";
import type { Report } from "../../../lib/report.js";
import { formatDuration } from "../../../lib/units.js";

/** How long a guest that is given up may take to shut down by itself, in ms. */
const GRACE_MS = 60_000;

/**
 * Stops a guest of which nothing is kept. One that does not shut down in time, because nothing in it heeds the power
 * button, is ended as a power cut would. VirtualDomain (resource-agents) does so only five seconds before the stop's own
 * time is up: when that comes too late the cluster takes the stop for failed, and fences the host with all its guests.
 * @param stop has the cluster stop it, and waits for that
 * @param end ends its domain where that runs
 * @throws what `stop` throws; that `end` failed is noted
 */
export async function giveUp(
  name: string,
  { stop, end }: { readonly stop: () => Promise<unknown>; readonly end: () => Promise<boolean> },
  report: Report,
  graceMs = GRACE_MS,
): Promise<void> {
  const over = new AbortController();
  const stopped = stop().finally(() => over.abort());
  const late = delay(graceMs, over.signal).then(
    () => true,
    () => false,
  );
  if (await Promise.race([late, stopped.then(() => false)])) {
    const why = `${name} did not shut down within ${formatDuration(graceMs)}`;
    try {
      if (await end()) report.note({ severity: "warning", text: `${why}: it was ended as by a power cut` });
    } catch (thrown) {
      report.note({ severity: "warning", text: `${why}, and could not be ended: ${asRehomeError(thrown).message}` });
    }
  }
  await stopped;
}
