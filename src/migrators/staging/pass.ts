import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import type { Pass } from "../types.js";
import type { SourceAgent } from "./agent-types.js";
import { regionExtent } from "./geometry.js";
import { runLanes } from "./lanes.js";
import { Meter } from "./meter.js";
import { RegionWriter } from "./region-writer.js";
import type { DiskJob, Session } from "./session.js";
import type { AgentDevice } from "./agent-pool.js";
import { shiftedSink } from "./shifted-sink.js";
import { CHUNK_SIZE, DIGEST_SIZE, REGION_SIZE, type StagingContext, type TrackedPass } from "./types.js";
import { WorkQueue } from "./work-queue.js";
import { blockRuns, bytesOf, workOf, type Task, type Work } from "./work.js";

export interface PassOptions {
  readonly number: number;
  readonly tracked: TrackedPass;
  /** The caller's word that nothing writes to the source. */
  readonly quiesced: boolean;
  /** Connections to the source at the most. */
  readonly parallel: number;
}

/** What a pass found on one disk so far. */
interface Tally {
  zeroBytes: number;
  unchangedBytes: number;
  writtenBytes: number;
  wireBytes: number;
  /** Bytes read on the source. */
  readBytes: number;
  /** What the tracker knows to be unchanged, and regions done by an earlier run of the same pass. */
  skippedBytes: number;
  /** Regions of which nothing was known, so that the target was read too. */
  rehashedBytes: number;
}

/**
 * One pass over all disks. A live pass that was interrupted goes on where it stopped; a quiesced one looks at everything.
 * @returns one Pass a disk, in the plan's order
 */
export async function runPass(
  context: StagingContext,
  session: Session,
  options: PassOptions,
): Promise<readonly Pass[]> {
  const { report, plan } = context;
  const startedAt = Date.now();
  const begun = performance.now();
  const devices = devicesOf(session, options.tracked);
  const { agents } = session;
  agents.read(devices);
  const wireBefore = options.number === 1 ? 0 : agents.wireBytes();
  const id = `pass-${options.number}`;
  const totalBytes = session.jobs.reduce((sum, { plan: { size } }) => sum + size, 0);
  const tallies = new Map<DiskJob, Tally>();
  const meters = new Map<DiskJob, Meter>();
  const overall = new Meter(report, id, totalBytes, () => shares([...tallies.values()]));
  report.begin({ id, title: `pass ${options.number} of ${plan.name}${options.quiesced ? " (source at rest)" : ""}` });
  const paths = devices.map(({ path }) => path);
  const work: Work[] = [];
  try {
    for (const job of session.jobs) {
      const tally = {
        zeroBytes: 0,
        unchangedBytes: 0,
        writtenBytes: 0,
        wireBytes: 0,
        readBytes: 0,
        skippedBytes: 0,
        rehashedBytes: 0,
      };
      tallies.set(job, tally);
      const meter = new Meter(report, `${id}:${job.plan.disk}`, job.plan.size, () => shares([tally]));
      meters.set(job, meter);
      report.begin({ id: `${id}:${job.plan.disk}`, title: `${job.plan.disk} → ${job.plan.path}`, parent: id });
      const view = options.tracked.view(job.plan.disk);
      await job.map.beginPass(`${agents.bootId}${view.instant}`, !options.quiesced);
      const todo = workOf(job, view, paths);
      tally.skippedBytes = job.plan.size - readOf(todo);
      meter.skip(tally.skippedBytes);
      overall.skip(tally.skippedBytes);
      work.push(...todo);
    }
    await runLanes({
      agents,
      queue: new WorkQueue(work),
      initial: Math.min(session.jobs.length, options.parallel),
      limit: options.parallel,
      report,
      doneBytes: () => overall.doneBytes,
      work: (agent, item) =>
        processRegion(agent, item, need(tallies, item.job), [need(meters, item.job), overall], context),
    });
    for (const job of session.jobs) {
      if (options.number === 1 || options.quiesced) refuseNothing(job, need(tallies, job));
      await job.map.endPass();
    }
  } catch (thrown) {
    const problem = context.signal?.aborted ? cancelled() : thrown;
    report.end(id, { state: "failed", detail: problem instanceof Error ? problem.message : String(problem) });
    throw problem;
  } finally {
    await agents.letGo();
  }
  const durationMs = performance.now() - begun;
  const passes = session.jobs.map((job) => passOf(job, need(tallies, job), { startedAt, durationMs, options }));
  for (const job of session.jobs) {
    report.end(`${id}:${job.plan.disk}`, { state: "done", detail: summary([need(tallies, job)]) });
  }
  report.end(id, { state: "done", detail: summary([...tallies.values()]) });
  const ofTracker = session.jobs.reduce((sum, job) => sum + options.tracked.cost(job.plan.disk).wireBytes, 0);
  return withAllWireBytes(passes, agents.wireBytes() - wireBefore + (wireBefore === 0 ? 0 : ofTracker));
}

/** What agents have to read in a pass: each device once. What shows a disk from its first byte on is checked to be it. */
function devicesOf({ jobs }: Session, tracked: TrackedPass): readonly AgentDevice[] {
  const devices = new Map<string, AgentDevice>();
  for (const { plan } of jobs) {
    for (const { device, offset, deviceOffset } of tracked.view(plan.disk).stretches) {
      const isView = offset === 0 && deviceOffset === 0;
      if (!devices.has(device)) devices.set(device, { path: device, ...(isView && { source: plan }) });
    }
  }
  return [...devices.values()];
}

/** Bytes that the source has to read for all of it. */
function readOf(work: readonly Work[]): number {
  return work.reduce((sum, { tasks }) => sum + tasks.reduce((bytes, task) => bytes + bytesOf(task), 0), 0);
}

async function processRegion(
  agent: SourceAgent,
  { job, region, tasks }: Work,
  tally: Tally,
  meters: readonly Meter[],
  { report }: StagingContext,
): Promise<void> {
  const believed = await job.map.digests(region);
  const known = believed ?? (await rehash(job, region, tally));
  const allZero = job.map.isZero(region);
  const bytes = readOf([{ job, region, tasks }]);
  let shown = 0;
  const show = (upTo: number): void => {
    const more = Math.min(bytes, upTo) - shown;
    if (more <= 0) return;
    shown += more;
    for (const meter of meters) meter.add(more);
  };
  const begin = region * REGION_SIZE;
  const writer = new RegionWriter(job.volume, job.map, region, known, believed === undefined, (chunk) =>
    show(chunk * CHUNK_SIZE - begin),
  );
  try {
    for (const task of tasks) {
      if (task.leftOut) writer.zeros(task.offset / CHUNK_SIZE, Math.ceil(task.length / CHUNK_SIZE));
      else if (task.blocks === undefined) await scan(agent, task, allZero ? "zeros" : known, begin, writer);
      else await readNamed(agent, task, writer);
    }
    const counts = await writer.finish();
    tally.zeroBytes += counts.zeroBytes;
    tally.unchangedBytes += counts.unchangedBytes;
    tally.writtenBytes += counts.writtenBytes;
    tally.wireBytes += counts.wireBytes;
    tally.readBytes += bytes;
    show(bytes);
  } catch (thrown) {
    await writer.abandon();
    if (thrown instanceof RehomeError && thrown.code === "target-full") {
      report.note({ severity: "warning", text: `no space is left for ${job.plan.path}` });
    }
    throw thrown;
  }
}

/** Has a part of a region compared. @param begin the region's first byte */
async function scan(
  agent: SourceAgent,
  { offset, length, device, shift }: Task,
  known: Buffer | "zeros",
  begin: number,
  writer: RegionWriter,
): Promise<void> {
  const first = offset / CHUNK_SIZE;
  const count = Math.ceil(length / CHUNK_SIZE);
  const place = (first - begin / CHUNK_SIZE) * DIGEST_SIZE;
  const part = known === "zeros" ? known : known.subarray(place, place + count * DIGEST_SIZE);
  const sink = shiftedSink(writer, shift);
  await agent.scan({ disk: device, first: first + shift, count, known: part, compare: false, sink });
}

/** Has just the blocks read that are known to have changed. */
async function readNamed(
  agent: SourceAgent,
  { device, shift, blocks = [] }: Task,
  writer: RegionWriter,
): Promise<void> {
  for (const { first, bitmaps } of blockRuns(blocks)) {
    await agent.readBlocks({
      disk: device,
      first: first + shift,
      bitmaps,
      sink: {
        data: (chunk, bitmap, pieces) =>
          writer.patch(chunk - shift, bitmaps[chunk - shift - first] ?? 0, bitmap, pieces),
        travelled: (wire) => writer.travelled(wire),
      },
    });
  }
}

/** Nothing is known of the region on the target: it is read. */
async function rehash({ volume, map }: DiskJob, region: number, tally: Tally): Promise<Buffer> {
  const { offset, length } = regionExtent(map.geometry, region);
  const digests = await volume.digests(offset, length, CHUNK_SIZE);
  tally.rehashedBytes += length;
  return digests;
}

/** A disk with partitions that arrives as nothing but zeros did not arrive. */
function refuseNothing(job: DiskJob, tally: Tally): void {
  if (!job.hasContents || tally.skippedBytes > 0 || tally.zeroBytes < job.plan.size) return;
  throw new RehomeError("nothing-copied", `disk ${job.plan.disk} has contents, but only zeros were read from it`, {
    path: job.plan.sourcePath,
    remedy: "look at the source: is it the right disk, and does reading it work there (dd iflag=direct)?",
  });
}

function passOf(
  job: DiskJob,
  tally: Tally,
  run: { readonly startedAt: number; readonly durationMs: number; readonly options: PassOptions },
): Pass {
  const { tracked } = run.options;
  const cost = tracked.cost(job.plan.disk);
  return {
    disk: job.plan.disk,
    number: run.options.number,
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    totalBytes: job.plan.size,
    zeroBytes: tally.zeroBytes,
    unchangedBytes: tally.unchangedBytes,
    writtenBytes: tally.writtenBytes,
    wireBytes: tally.wireBytes + cost.wireBytes,
    readBytes: tally.readBytes + cost.readBytes,
    tracker: tracked.view(job.plan.disk).tracker,
    quiesced: run.options.quiesced,
  };
}

/** What no region accounts for (the agents' programs, their greetings) goes to the first disk: nothing is hidden. */
function withAllWireBytes(passes: readonly Pass[], wireBytes: number): readonly Pass[] {
  const rest = wireBytes - passes.reduce((sum, pass) => sum + pass.wireBytes, 0);
  return passes.map((pass, index) => (index === 0 ? { ...pass, wireBytes: pass.wireBytes + Math.max(0, rest) } : pass));
}

function shares(tallies: readonly Tally[]): string {
  const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
  const looked = sum("zeroBytes") + sum("unchangedBytes") + sum("writtenBytes");
  const percent = (bytes: number): string => `${looked === 0 ? 0 : Math.round((bytes / looked) * 100)} %`;
  return `${percent(sum("zeroBytes"))} zero, ${percent(sum("unchangedBytes"))} unchanged`;
}

function summary(tallies: readonly Tally[]): string {
  const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
  const parts = [`${formatSize(sum("writtenBytes"))} written, ${formatSize(sum("wireBytes"))} sent`, shares(tallies)];
  if (sum("skippedBytes") > 0) parts.push(`${formatSize(sum("skippedBytes"))} need not be read`);
  if (sum("rehashedBytes") > 0) parts.push(`${formatSize(sum("rehashedBytes"))} of the target read again`);
  return parts.join(", ");
}

function cancelled(): RehomeError {
  return new RehomeError("cancelled", "staging was stopped", {
    remedy: "run the same command again: it goes on where it stopped",
  });
}

function need<K, V>(values: ReadonlyMap<K, V>, key: K): V {
  const value = values.get(key);
  if (value === undefined) throw new RehomeError("internal", "a disk is not in the pass");
  return value;
}
