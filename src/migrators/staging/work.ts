import { RehomeError } from "../../lib/errors.js";
import { regionExtent } from "./geometry.js";
import type { DiskJob } from "./session.js";
import { overlapOf, clipExtents, lengthOf, roundExtents } from "./tracking/extents.js";
import { BLOCK_SIZE, BLOCKS_PER_CHUNK, CHUNK_SIZE, type DiskView, type Extent, type Stretch } from "./types.js";

/** A part of a region to look at: compared chunk by chunk, or, where the changed blocks are known, just these read. */
export interface Task extends Extent {
  /** The device's place in the agents' list. */
  readonly device: number;
  /** What to add to a chunk's number on the disk to get its number on the device. */
  readonly shift: number;
  /** Whole blocks of the disk; undefined when nobody knows what changed. */
  readonly blocks: readonly Extent[] | undefined;
  /** Nothing is read: the target is made zeros there. */
  readonly leftOut?: true;
}

/** A region to bring up to date, and what of it to look at. */
export interface Work {
  readonly job: DiskJob;
  readonly region: number;
  readonly tasks: readonly Task[];
}

/** The regions of a disk that this pass has to look at. @param devices the agents' list */
export function workOf(
  job: DiskJob,
  { stretches, leftOut = [] }: DiskView,
  devices: readonly string[],
): readonly Work[] {
  const { geometry } = job.map;
  const regions = Array.from({ length: geometry.regions }, (_, region) => region);
  return regions.flatMap((region) => {
    if (job.map.isDone(region)) return [];
    const all = regionExtent(geometry, region);
    const believed = !job.map.isUnknown(region);
    const tasks = stretches.flatMap((stretch) => tasksOf(stretch, all, believed, devices));
    const blanks = job.map.isZero(region) ? [] : clipExtents(leftOut, all);
    const blank = blanks.map((extent): Task => ({ ...extent, device: -1, shift: 0, blocks: undefined, leftOut: true }));
    const whole = [...tasks, ...blank];
    return whole.length === 0 ? [] : [{ job, region, tasks: whole }];
  });
}

function tasksOf(stretch: Stretch, region: Extent, believed: boolean, devices: readonly string[]): readonly Task[] {
  const part = overlapOf(stretch, region);
  if (part === undefined) return [];
  const shift = (stretch.deviceOffset - stretch.offset) / CHUNK_SIZE;
  const device = devices.indexOf(stretch.device);
  if (!Number.isInteger(shift) || device === -1) throw new RehomeError("internal", "a stretch that nobody can read");
  if (stretch.changed === "unknown" || !believed) return [{ ...part, device, shift, blocks: undefined }];
  const unit = stretch.coarse ? CHUNK_SIZE : BLOCK_SIZE;
  const changed = roundExtents(clipExtents(stretch.changed, part), unit, part.offset + part.length);
  if (stretch.coarse) return changed.map((extent) => ({ ...extent, device, shift, blocks: undefined }));
  return changed.length === 0 ? [] : [{ ...part, device, shift, blocks: changed }];
}

/** Bytes that a task reads on the source. */
export function bytesOf({ length, blocks, leftOut }: Task): number {
  if (leftOut) return 0;
  return blocks === undefined ? length : lengthOf(blocks);
}

/** Chunks without a changed block between two others before it takes less to ask twice. */
const GAP = 20;

/** Which blocks of so many chunks to read: as SourceAgent.readBlocks takes it, in chunks of the disk. */
export interface BlockRun {
  readonly first: number;
  readonly bitmaps: readonly number[];
}

/** What to ask for to get these blocks. @param blocks ascending, whole blocks (the disk's last may be short) */
export function blockRuns(blocks: readonly Extent[]): readonly BlockRun[] {
  const runs: { readonly first: number; readonly bitmaps: number[] }[] = [];
  for (const { offset, length } of blocks) {
    const end = Math.ceil((offset + length) / BLOCK_SIZE);
    for (let block = offset / BLOCK_SIZE; block < end; block += 1) {
      const chunk = Math.floor(block / BLOCKS_PER_CHUNK);
      let run = runs.at(-1);
      if (run === undefined || chunk - (run.first + run.bitmaps.length) > GAP) {
        run = { first: chunk, bitmaps: [] };
        runs.push(run);
      }
      while (run.first + run.bitmaps.length <= chunk) run.bitmaps.push(0);
      run.bitmaps[chunk - run.first] = (run.bitmaps[chunk - run.first] ?? 0) | (1 << (block % BLOCKS_PER_CHUNK));
    }
  }
  return runs;
}
