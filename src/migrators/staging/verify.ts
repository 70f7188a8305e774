import type { VolumeReadBack } from "../../cluster/volumes/types.js";
import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import { leftOutOf } from "../guest-store.js";
import type { ScanSink, SourceAgent } from "./agent-types.js";
import type { DiskCopy } from "./copies.js";
import type { DigestMap } from "./digest-map.js";
import { verifyFrame } from "./frame.js";
import { chunksIn, regionExtent } from "./geometry.js";
import { Meter } from "./meter.js";
import type { DiskJob, Session } from "./session.js";
import { withSession } from "./session-keeper.js";
import { unpackExtents } from "./tracking/extents.js";
import { ZERO_MARK } from "../../lib/digest.js";
import {
  CHUNK_SIZE,
  CHUNKS_PER_REGION,
  DIGEST_SIZE,
  type StagingContext,
  type VerifiedDisk,
  type VerifyRequest,
  type VerifyResult,
} from "./types.js";

/** Bytes read back at once. */
const PIECE = 4 * 1024 * 1024;

/** See verifyTarget. */
export async function verifyVolumes(request: VerifyRequest): Promise<VerifyResult> {
  const { report, mode, options } = request;
  const begun = performance.now();
  const id = `verify-${mode}`;
  report.begin({ id, title: mode === "full" ? "compare source and target completely" : "read back what was sent" });
  try {
    const needs = { source: mode === "full", make: false };
    const disks = await withSession(request, options, needs, (session) => verifyAll(request, session));
    const bytes = disks.reduce((sum, disk) => sum + disk.comparedBytes, 0);
    report.end(id, { state: "done", detail: `${formatSize(bytes)} are right` });
    return { mode, disks, durationMs: performance.now() - begun };
  } catch (thrown) {
    report.end(id, { state: "failed", detail: thrown instanceof Error ? thrown.message : String(thrown) });
    throw thrown;
  }
}

/** All disks, and the partition tables around them that are rehome's. */
async function verifyAll(request: VerifyRequest, { volumes, agents }: Session): Promise<readonly VerifiedDisk[]> {
  const agent = request.mode === "full" ? await agents.first() : undefined;
  const disks: VerifiedDisk[] = [];
  for (const { plan, volume, jobs } of volumes) {
    await verifyFrame(volume, plan);
    for (const job of jobs) disks.push(await verifyRegions(request, job, agent));
  }
  if (agent !== undefined) await agents.letGo();
  return disks;
}

async function verifyRegions(
  { report, signal, store }: StagingContext,
  { plan, volume, map, index }: DiskJob,
  agent: SourceAgent | undefined,
): Promise<VerifiedDisk> {
  const source = agent && { agent, index };
  const readBack = await volume.openReadBack();
  const leftOut = source && (await leftOutChunks(store, plan));
  const id = `verify:${plan.disk}`;
  report.begin({ id, title: `${plan.path} (${readBack.how})`, parent: source ? "verify-full" : "verify-sent" });
  const meter = new Meter(report, id, plan.size, () => "");
  let comparedBytes = 0;
  try {
    for (let region = 0; region < map.geometry.regions; region += 1) {
      if (signal?.aborted) throw new RehomeError("cancelled", "the verification was stopped");
      const known = await map.digests(region);
      if (known === undefined) throw unfinished(plan, region);
      const verified = source ? Buffer.alloc(map.verified(region).length) : map.verified(region);
      const { bytes, found } = await readRegionBack(readBack, map, region, verified);
      compareDigests(plan, region, known, found);
      if (source) await compareWithSource(plan, map, region, known, source, leftOut);
      comparedBytes += bytes;
      if (bytes > 0) map.setVerified(region, Buffer.alloc(verified.length, 0xff));
      meter.add(regionExtent(map.geometry, region).length);
    }
    await map.sync();
    report.end(id, { state: "done", detail: `${formatSize(comparedBytes)} compared` });
    return { disk: plan.disk, comparedBytes, readBack: readBack.how };
  } catch (thrown) {
    report.end(id, { state: "failed", detail: thrown instanceof Error ? thrown.message : String(thrown) });
    throw thrown;
  } finally {
    await readBack.close();
  }
}

/** Digests of a region's chunks that need it, as they are on the disk; undefined for those that do not. */
async function readRegionBack(
  readBack: VolumeReadBack,
  { geometry }: DigestMap,
  region: number,
  verified: Buffer,
): Promise<{ readonly bytes: number; readonly found: readonly (Buffer | undefined)[] }> {
  const found: (Buffer | undefined)[] = [];
  const count = chunksIn(geometry, region);
  const first = region * CHUNKS_PER_REGION;
  const needed = (index: number): boolean => index < count && !((verified[index >> 3] ?? 0) & (1 << (index & 7)));
  let bytes = 0;
  for (let index = 0; index < count;) {
    if (!needed(index)) {
      found.push(undefined);
      index += 1;
      continue;
    }
    let end = index + 1;
    while (needed(end) && (end - index) * CHUNK_SIZE < PIECE) end += 1;
    const offset = (first + index) * CHUNK_SIZE;
    const length = Math.min((end - index) * CHUNK_SIZE, geometry.size - offset);
    const digests = await readBack.digests(offset, length, CHUNK_SIZE);
    for (let start = 0; index < end; index += 1, start += DIGEST_SIZE) {
      found.push(digests.subarray(start, start + DIGEST_SIZE));
    }
    bytes += length;
  }
  return { bytes, found };
}

function compareDigests(plan: DiskCopy, region: number, known: Buffer, found: readonly (Buffer | undefined)[]): void {
  for (const [index, digest] of found.entries()) {
    if (digest === undefined || digest.equals(known.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE))) continue;
    throw mismatch(plan, region * CHUNKS_PER_REGION + index, "the volume does not hold what was sent");
  }
}

interface Source {
  readonly agent: SourceAgent;
  /** Of the disk in the agent's list. */
  readonly index: number;
}

/** Whether all of a chunk is no part of the copy, which has zeros there. */
type LeftOut = (chunk: number) => boolean;

async function leftOutChunks(store: StagingContext["store"], { disk, size }: DiskCopy): Promise<LeftOut> {
  const packed = leftOutOf(await store.records(), disk);
  const extents = packed === undefined ? [] : unpackExtents(packed, size);
  return (chunk) =>
    extents.some(({ offset, length }) => chunk * CHUNK_SIZE >= offset && (chunk + 1) * CHUNK_SIZE <= offset + length);
}

/** Has the source compare what it holds with what was just read back. */
async function compareWithSource(
  plan: DiskCopy,
  { geometry }: DigestMap,
  region: number,
  known: Buffer,
  { agent, index }: Source,
  leftOut: LeftOut = () => false,
): Promise<void> {
  let different: number | undefined;
  const first = region * CHUNKS_PER_REGION;
  const isZero = (chunk: number): boolean =>
    known.subarray((chunk - first) * DIGEST_SIZE, (chunk - first + 1) * DIGEST_SIZE).equals(ZERO_MARK);
  const sink: ScanSink = {
    differs: (chunk) => {
      if (!isZero(chunk) || !leftOut(chunk)) different ??= chunk;
    },
    travelled: () => undefined,
    zeros: () => undefined,
    data: () => undefined,
    changed: () => Promise.resolve(0),
    own: (first, count) =>
      Promise.resolve(Buffer.alloc(Math.min(count * CHUNK_SIZE, geometry.size - first * CHUNK_SIZE))),
  };
  await agent.scan({ disk: index, first, count: chunksIn(geometry, region), known, compare: true, sink });
  if (different !== undefined) throw mismatch(plan, different, "source and volume differ");
}

function mismatch(plan: DiskCopy, chunk: number, text: string): RehomeError {
  return new RehomeError("verify-mismatch", `${text}: disk ${plan.disk} at byte ${chunk * CHUNK_SIZE}`, {
    path: plan.path,
    remedy: "the source is intact: look at the target's disks (dmesg, smartctl), then stage the guest again",
  });
}

function unfinished(plan: DiskCopy, region: number): RehomeError {
  const { offset } = regionExtent({ size: plan.size, chunks: 0, regions: 0 }, region);
  return new RehomeError(
    "verify-mismatch",
    `disk ${plan.disk} was not completely copied: nothing is known from byte ${offset}`,
    {
      path: plan.path,
      remedy: "run rehome stage again: it goes on where it stopped",
    },
  );
}
