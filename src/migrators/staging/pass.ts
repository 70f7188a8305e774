import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import type { Pass } from "../types.js";
import type { SourceAgent } from "./agent-types.js";
import { regionExtent } from "./geometry.js";
import { runLanes } from "./lanes.js";
import { Meter } from "./meter.js";
import { RegionWriter } from "./region-writer.js";
import type { DiskJob, Session } from "./session.js";
import { CHUNK_SIZE, DIGEST_SIZE, REGION_SIZE, type Extent, type StagingContext, type Tracker } from "./types.js";
import { WorkQueue, type Work } from "./work-queue.js";

export interface PassOptions {
  readonly number: number;
  readonly tracker: Tracker;
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
  /** Regions done by an earlier run of the same pass. */
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
  const wireBefore = options.number === 1 ? 0 : session.agents.wireBytes();
  const id = `pass-${options.number}`;
  const totalBytes = session.jobs.reduce((sum, { plan: { size } }) => sum + size, 0);
  const tallies = new Map<DiskJob, Tally>();
  const meters = new Map<DiskJob, Meter>();
  const overall = new Meter(report, id, totalBytes, () => shares([...tallies.values()]));
  report.begin({ id, title: `pass ${options.number} of ${plan.name}${options.quiesced ? " (source at rest)" : ""}` });
  const work: Work[] = [];
  try {
    for (const job of session.jobs) {
      const tally = {
        zeroBytes: 0,
        unchangedBytes: 0,
        writtenBytes: 0,
        wireBytes: 0,
        skippedBytes: 0,
        rehashedBytes: 0,
      };
      tallies.set(job, tally);
      const meter = new Meter(report, `${id}:${job.plan.disk}`, job.plan.size, () => shares([tally]));
      meters.set(job, meter);
      report.begin({ id: `${id}:${job.plan.disk}`, title: `${job.plan.disk} → ${job.plan.path}`, parent: id });
      await job.map.beginPass(session.bootId, !options.quiesced);
      const todo = await workOf(job, options.tracker);
      tally.skippedBytes = job.plan.size - bytesOf(todo);
      meter.skip(tally.skippedBytes);
      overall.skip(tally.skippedBytes);
      work.push(...todo);
    }
    await runLanes({
      agents: session.agents,
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
  }
  const durationMs = performance.now() - begun;
  const passes = session.jobs.map((job) => passOf(job, need(tallies, job), { startedAt, durationMs, options }));
  for (const job of session.jobs) {
    report.end(`${id}:${job.plan.disk}`, { state: "done", detail: summary([need(tallies, job)]) });
  }
  report.end(id, { state: "done", detail: summary([...tallies.values()]) });
  return withAllWireBytes(passes, session.agents.wireBytes() - wireBefore);
}

/** The regions of a disk that this pass has to look at. */
async function workOf(job: DiskJob, tracker: Tracker): Promise<readonly Work[]> {
  const changed = await tracker.changedExtents(job.plan);
  const regions = Array.from({ length: job.map.geometry.regions }, (_, region) => region);
  return regions.flatMap((region) => {
    if (job.map.isDone(region)) return [];
    const all = regionExtent(job.map.geometry, region);
    if (changed === "unknown" || job.map.isUnknown(region)) return [{ job, region, extents: [all] }];
    const extents = changed.flatMap((extent) => overlap(extent, all));
    return extents.length === 0 ? [] : [{ job, region, extents }];
  });
}

function overlap(one: Extent, other: Extent): readonly Extent[] {
  const offset = Math.max(one.offset, other.offset);
  const end = Math.min(one.offset + one.length, other.offset + other.length);
  return end > offset ? [{ offset, length: end - offset }] : [];
}

function bytesOf(work: readonly Work[]): number {
  return work.reduce((sum, { extents }) => sum + extents.reduce((bytes, { length }) => bytes + length, 0), 0);
}

async function processRegion(
  agent: SourceAgent,
  { job, region, extents }: Work,
  tally: Tally,
  meters: readonly Meter[],
  { report }: StagingContext,
): Promise<void> {
  const believed = await job.map.digests(region);
  const known = believed ?? (await rehash(job, region, tally));
  const allZero = job.map.isZero(region);
  const bytes = extents.reduce((sum, { length }) => sum + length, 0);
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
    for (const { offset, length } of extents) {
      const first = offset / CHUNK_SIZE;
      const count = Math.ceil(length / CHUNK_SIZE);
      const place = (first - begin / CHUNK_SIZE) * DIGEST_SIZE;
      const part = allZero ? "zeros" : known.subarray(place, place + count * DIGEST_SIZE);
      await agent.scan({ disk: job.index, first, count, known: part, compare: false, sink: writer });
    }
    const counts = await writer.finish();
    tally.zeroBytes += counts.zeroBytes;
    tally.unchangedBytes += counts.unchangedBytes;
    tally.writtenBytes += counts.writtenBytes;
    tally.wireBytes += counts.wireBytes;
    show(bytes);
  } catch (thrown) {
    await writer.abandon();
    if (thrown instanceof RehomeError && thrown.code === "target-full") {
      report.note({ severity: "warning", text: `no space is left for ${job.plan.path}` });
    }
    throw thrown;
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
  return {
    disk: job.plan.disk,
    number: run.options.number,
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    totalBytes: job.plan.size,
    zeroBytes: tally.zeroBytes,
    unchangedBytes: tally.unchangedBytes,
    writtenBytes: tally.writtenBytes,
    wireBytes: tally.wireBytes,
    tracker: run.options.tracker.kind,
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
  if (sum("skippedBytes") > 0) parts.push(`${formatSize(sum("skippedBytes"))} done before`);
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
