import { guestStore, passesOf } from "../../src/migrators/guest-store.js";
import { factsOf } from "../../src/migrators/staging/facts.js";
import { predictDowntime, type DowntimePrediction } from "../../src/migrators/staging/index.js";
import { formatDuration } from "../../src/lib/units.js";
import type { Checks } from "./checks.js";
import type { Client } from "./client.js";
import { GUEST, stateFolder } from "./config.js";
import { killInEachStep, killStage } from "./interruptions.js";
import type { DemoOptions } from "./options.js";
import { Rehome } from "./rehome.js";

/** What the move came to, as far as the commands do not print it themselves. */
export interface Move {
  readonly cutoverAt: number;
  /** As it was said before the cutover. */
  readonly predicted: DowntimePrediction;
}

const ANSWER_MS = 60_000;
/** On an emulated machine that is copied at the same time a request may take a while; nobody calls that an outage. */
const WORKS_ON_MS = 10_000;

/** Moves the server with the commands that an administrator types. @throws Error when one of them fails */
export async function moveServer(
  work: string,
  client: Client,
  checks: Checks,
  { killed }: Pick<DemoOptions, "killed">,
): Promise<Move> {
  const rehome = new Rehome(work);
  await rehome.show("inspect", GUEST);
  await rehome.must("plan");
  await rehome.background("runtime.log", "runtime");
  const stageAt = Date.now();
  if (killed) await killStage(work, checks);
  await rehome.must("stage", GUEST);
  await client.nextAfter(Date.now(), ANSWER_MS);
  const waitMs = client.longestOutage(stageAt)?.durationMs ?? 0;
  checks.check(
    `the server answered all the time while it was copied (at most ${formatDuration(waitMs)} apart)`,
    waitMs < WORKS_ON_MS,
  );
  await rehome.must("status", GUEST);
  await rehome.must("cutover", GUEST, "--dry-run");
  const records = await guestStore(stateFolder(work), GUEST).records();
  const predicted = predictDowntime(factsOf(passesOf(records), records));
  const cutoverAt = Date.now();
  if (killed) await killInEachStep(work, checks);
  await rehome.must("cutover", GUEST);
  await client.nextAfter(Date.now(), ANSWER_MS);
  await rehome.must("status", GUEST);
  await rehome.must("cluster", "status");
  return { cutoverAt, predicted };
}
