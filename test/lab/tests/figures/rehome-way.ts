import assert from "node:assert/strict";
import { formatDuration, formatSize } from "../../../../src/lib/units.js";
import { downtimeBegan } from "../../../../src/migrators/cutover/downtime.js";
import type { CutoverResult, RollbackResult } from "../../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../../src/migrators/staging/index.js";
import type { Move } from "../cluster/move.js";
import { windowOf, type Way } from "./model.js";
import { changedSince, type Bench } from "./peers.js";
import type { Delta } from "./table.js";
import type { WayClock } from "./way-clock.js";

/** Made by the test and gone before the cutover: what it has is what changed, by somebody else's count than rehome's. */
const WITNESS = "witness";

/** rehome's way: staged twice, and cut over. */
export async function rehomeWay(
  { source, load, log }: Bench,
  move: Move,
  clock: WayClock,
): Promise<{ readonly way: Way; readonly delta: Delta }> {
  const { name } = source;
  const stage = (title: string): Promise<StageResult> =>
    clock.before(title, () => move.run<StageResult>("stage", name, "--passes", "1"));
  await source.snapshot(WITNESS, 128);
  logPasses(await stage("first pass"), log);
  await load();
  const changed = await changedSince(source, WITNESS);
  log(`${formatSize(changed)} changed since the first pass began`);
  const second = await stage("second pass");
  logPasses(second, log);
  await source.removeSnapshot(WITNESS);
  const delta = { changed, sent: second.passes.reduce((sum, pass) => sum + pass.wireBytes, 0) };

  log("rehome: cutover");
  const begun = Date.now();
  const { shares } = await move.run<CutoverResult>("cutover", name);
  const began = downtimeBegan(await move.records(name)) ?? assert.fail("the cutover has no window");
  for (const { title, ms } of shares) log(`${formatDuration(ms).padStart(11)}  ${title}`);
  clock.took({ from: begun, to: began }, windowOf(began, shares));
  return { way: clock.way, delta };
}

/** Brings the source back as it was at the cutover, however far that came. */
export async function goBack({ cluster, source, log }: Bench, move: Move): Promise<void> {
  const { name } = source;
  if (await source.runs()) {
    log(`${name} runs on dom0`);
    return;
  }
  log("rehome: rollback");
  const { undone, sourceAnswers } = await move.run<RollbackResult>("rollback", name);
  log(`undone: ${undone.join(", ")}`);
  assert.equal(sourceAnswers, true);
  assert.deepEqual(await cluster.hostsOf(name), []);
  assert.equal(await source.runs(), true);
  await source.answers();
}

function logPasses({ passes }: StageResult, log: (line: string) => void): void {
  for (const { number, tracker, readBytes = Number.NaN, writtenBytes, wireBytes } of passes) {
    const figures = [readBytes, writtenBytes, wireBytes].map(formatSize).join(", ");
    log(`pass ${number} by ${tracker}: read, written, sent: ${figures}`);
  }
}
