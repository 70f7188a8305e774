import { randomUUID } from "node:crypto";
import type { VolumeStore } from "../../cluster/volumes/types.js";
import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import { cutoverBegan, passesOf, stateOf, type GuestRecord } from "../guest-store.js";
import type { Disk, GuestPlan, Pass } from "../types.js";
import { copiesOf } from "./copies.js";
import { factsOf } from "./facts.js";
import { predictDowntime } from "./downtime.js";
import { runPass } from "./pass.js";
import { expectedBytes } from "./expected-bytes.js";
import type { Session, SessionNeeds } from "./session.js";
import { withSession } from "./session-keeper.js";
import { decideStop, type PassOutcome } from "./stop-rule.js";
import { lvmTracker } from "./tracking/lvm-tracker.js";
import { hashTracker } from "./trackers.js";
import type {
  FinalPassRequest,
  FinalPassResult,
  StageRequest,
  StageResult,
  StagingContext,
  TrackedPass,
  Tracker,
  TransferOptions,
  VerifyRequest,
  VerifyResult,
} from "./types.js";
import { verifyVolumes } from "./verify.js";

const PASS: SessionNeeds = { source: true, make: true };
const DEFAULT_PASSES = 10;
const DEFAULT_PARALLEL = 4;

/**
 * Locks the guest, creates its volumes, runs passes until the stop rule ends them, and reads back what was sent while
 * that costs no downtime. Every pass, the plan and the
 * state (`staging`, then `staged`) go to the guest's journal. Whatever interrupts it: the next run goes on where it stopped.
 * @throws RehomeError locked, disk-changed, disk-missing, volume-foreign, volume-diverged, target-full, connection-lost, cancelled
 */
export async function stageGuest(request: StageRequest): Promise<StageResult> {
  const { plan, machine, store, options } = request;
  const lock = await store.lock(`stage ${plan.name}`);
  try {
    const records = await store.records();
    refuseAfterCutover(plan, records);
    await checkSpace(request);
    const earlier = passesOf(records);
    await store.append({ type: "planned", at: Date.now(), plan, machine });
    if (copiesOf(plan).some(({ disk }) => !earlier.some((pass) => pass.disk === disk))) await notWhole(store);
    const staged = await withSession(request, options, PASS, (session) =>
      withTracker(request, session, options, true, (tracker) => stagePasses(request, session, tracker, earlier)),
    );
    const verified = await verifyVolumes({ ...request, mode: "sent", options });
    const facts = factsOf(passesOf(await store.records()), await store.records());
    return { ...staged, verified, downtime: predictDowntime({ ...facts, readBackRate: readBackRate(verified) }) };
  } finally {
    await lock.release();
  }
}

/** Until a pass over all disks has ended, whatever was copied before: a disk may have come, or a volume have gone. */
function notWhole(store: StagingContext["store"]): Promise<void> {
  return store.append({ type: "state", at: Date.now(), state: "staging" });
}

type Staged = Pick<StageResult, "passes" | "stop" | "agent">;

/** Less than this read back says nothing about how fast it is. */
const ENOUGH_TO_MEASURE = 16 * 1024 * 1024;

/** Bytes a second. */
function readBackRate({ disks, durationMs }: VerifyResult): number | undefined {
  const bytes = disks.reduce((sum, { comparedBytes }) => sum + comparedBytes, 0);
  return bytes < ENOUGH_TO_MEASURE ? undefined : (bytes / durationMs) * 1000;
}

/** @param arm whether snapshots may be made on the source where there are none */
async function withTracker<T>(
  context: StagingContext,
  { agents }: Session,
  { snapshots = true }: TransferOptions,
  arm: boolean,
  work: (tracker: Tracker) => Promise<T>,
): Promise<T> {
  const tracker = snapshots ? lvmTracker(context, { arm, agents }) : hashTracker;
  try {
    return await work(tracker);
  } finally {
    await tracker.close();
  }
}

async function stagePasses(
  request: StageRequest,
  session: Session,
  tracker: Tracker,
  earlier: readonly Pass[],
): Promise<Staged> {
  const { store, options } = request;
  const passes: Pass[] = [...earlier];
  const outcomes: PassOutcome[] = [];
  if (session.jobs.some(({ volume }) => volume.unmarked)) await notWhole(store); // somebody took one away
  for (;;) {
    const last = await recordedPass(request, session, tracker, passes, { ...options, quiesced: false });
    passes.push(...last);
    await store.append({ type: "state", at: Date.now(), state: "staged" });
    const downtime = predictDowntime(factsOf(passes, await store.records()));
    const writtenBytes = last.reduce((sum, pass) => sum + pass.writtenBytes, 0);
    outcomes.push({ writtenBytes, downtimeMs: downtime.totalMs });
    const stop = decideStop(outcomes, { ...options, passes: options.passes ?? DEFAULT_PASSES });
    if (stop === undefined) continue;
    return { passes: passes.slice(earlier.length), stop, agent: session.agents.info };
  }
}

/**
 * The last pass of a cutover, over all of every disk; recorded in the guest's journal. The caller holds the guest's lock.
 * @throws RehomeError as stageGuest
 */
export async function runFinalPass(request: FinalPassRequest): Promise<FinalPassResult> {
  const begun = performance.now();
  const { store, options, quiesced } = request;
  return withSession(request, options, PASS, (session) =>
    withTracker(request, session, options, false, async (tracker) => {
      const earlier = passesOf(await store.records());
      const passes = await recordedPass(request, session, tracker, earlier, { ...options, quiesced });
      return { passes, durationMs: performance.now() - begun, agent: session.agents.info };
    }),
  );
}

/** One pass over all disks, noted in the guest's journal before and after. */
async function recordedPass(
  context: StagingContext,
  session: Session,
  tracker: Tracker,
  earlier: readonly Pass[],
  options: TransferOptions & { readonly quiesced: boolean },
): Promise<readonly Pass[]> {
  const { store } = context;
  const number = Math.max(0, ...earlier.map((pass) => pass.number)) + 1;
  for (const { plan } of session.jobs) {
    await store.append({ type: "pass-started", at: Date.now(), disk: plan.disk, number });
  }
  const { quiesced, parallel = DEFAULT_PARALLEL } = options;
  for (;;) {
    const volumes = session.jobs.map(({ plan, volume }) => ({ plan, volume: `${volume.mark.uuid}@${plan.offset}` }));
    const tracked = await tracker.begin(volumes, quiesced);
    const passes = await believedPass(context, tracked, () =>
      runPass(context, session, { number, tracked, quiesced, parallel }),
    );
    if (passes === undefined) continue; // what broke is not tracked any more, so that this ends
    for (const pass of passes) await store.append({ type: "pass", at: Date.now(), pass });
    await tracked.done();
    return passes;
  }
}

/** Runs a pass; undefined when what its tracker told turns out not to be believed, which is said. */
async function believedPass(
  { report, signal }: StagingContext,
  tracked: TrackedPass,
  run: () => Promise<readonly Pass[]>,
): Promise<readonly Pass[] | undefined> {
  let passes: readonly Pass[] | undefined;
  let failure: unknown;
  try {
    passes = await run();
  } catch (thrown) {
    if (signal?.aborted || !isReadFailure(thrown)) throw thrown;
    failure = thrown;
  }
  const broken = await tracked.broken();
  for (const [disk, reason] of broken) {
    report.note({ severity: "warning", text: `disk ${disk} is passed over again and compared completely: ${reason}` });
  }
  if (broken.size > 0) return undefined;
  if (passes === undefined) throw failure;
  return passes;
}

/** Whether a device on the source could not be read, as a snapshot that ran full cannot. */
function isReadFailure(thrown: unknown): boolean {
  return thrown instanceof RehomeError && ["source-read-failed", "disk-missing"].includes(thrown.code);
}

/**
 * Reads the target back, past the page cache, and compares. The caller holds the guest's lock.
 * @throws RehomeError verify-mismatch with disk and offset; volume-missing
 */
export function verifyTarget(request: VerifyRequest): Promise<VerifyResult> {
  return verifyVolumes(request);
}

/**
 * Notes on the guest's volumes that they are no copies of the source any more: to be called right before the first write
 * to them that did not come from the source (committing the conversion, starting the guest). Further passes are refused.
 * @param reason shown to the administrator, such as `converted` or `the guest ran`
 */
export async function markDiverged(volumes: VolumeStore, plan: GuestPlan, reason: string): Promise<void> {
  for (const { path } of plan.volumes) {
    const mark = await volumes.mark(path);
    if (mark === undefined) throw new RehomeError("volume-missing", "there is no volume made by rehome", { path });
    await volumes.remark(path, { ...mark, diverged: reason });
  }
}

/**
 * Allows passes again after a rollback, when what the volumes hold beyond the source may be overwritten. Nothing is
 * believed of them any more: the next pass hashes all of the target as well.
 */
export async function markStaged(volumes: VolumeStore, plan: GuestPlan): Promise<void> {
  for (const { path } of plan.volumes) {
    const mark = await volumes.mark(path);
    if (mark?.diverged === undefined) continue;
    await volumes.remark(path, { ...mark, uuid: randomUUID(), diverged: undefined }); // the digest map fits no more
  }
}

/** Migration rule 11, by the guest's journal; the volumes' marks say it too. */
function refuseAfterCutover(plan: GuestPlan, records: readonly GuestRecord[]): void {
  const state = stateOf(records);
  if (!cutoverBegan(state)) return;
  throw new RehomeError("volume-diverged", `guest ${plan.name} is ${state}: no more passes onto its volumes`, {
    remedy: state === "committed" ? "the guest lives here now" : `run rehome rollback ${plan.name} first`,
  });
}

/** Space is asked for before anything is copied, with holes and free space of the source's file systems left out. */
async function checkSpace({ plan, machine, report, volumes }: StagingContext): Promise<void> {
  const find = (disk: string): Disk | undefined => machine.disks.find(({ name }) => name === disk);
  let needed = 0;
  let most = 0;
  let free = Infinity;
  for (const volume of plan.volumes) {
    const space = await volumes.space(volume.path);
    const disks = copiesOf({ volumes: [volume] }).map(({ disk, size }) => ({ size, found: find(disk) }));
    const expected = disks.reduce((sum, { found, size }) => sum + expectedBytes(found, size), 0);
    needed += Math.max(0, expected - space.allocated);
    most += Math.max(0, volume.size - space.allocated);
    free = Math.min(free, space.free);
  }
  const path = plan.volumes[0]?.path ?? "";
  if (needed > free) {
    throw new RehomeError("target-full", `about ${formatSize(needed)} will be written, ${formatSize(free)} are free`, {
      path,
      remedy: "make room on the target, or give the guest another place for its volumes",
    });
  }
  if (most > free) {
    const text = `the volumes fit as they are used now (${formatSize(needed)}), but not if they fill up (${formatSize(most)})`;
    report.note({ severity: "warning", text });
  }
}
