import type { GroupSpace } from "./lvm.js";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60_000;

/** Less than this is no room worth having. */
const SMALLEST = 16 * MIB;
/** A snapshot is made for at least this share of what it watches. */
const SMALLEST_SHARE = 1 / 50;
/** Left in the group for its owner: this share of what is free, and no less than RESERVE. */
const RESERVE_SHARE = 0.1;
const RESERVE = 32 * MIB;
/** The next snapshot is made before the last one is removed, so that one takes no more than this of the room. */
const ONE_OF_TWO = 0.45;
/** What a table of exceptions adds to the data. */
const METADATA = 1.02;

/** Below this many exceptions in memory, blocks are tracked one by one. */
const MOST_EXCEPTIONS = 2 * 1024 * 1024;
const BLOCK = 4096;
const LARGEST_CHUNK = 64 * 1024;

export interface Room {
  /** Bytes, whole extents. */
  readonly size: number;
  /** Bytes. */
  readonly chunkSize: number;
}

/** What the owner of the group keeps in any case, in bytes. */
export function reserveOf({ free }: GroupSpace): number {
  return Math.max(RESERVE, free * RESERVE_SHARE);
}

/**
 * How much room a snapshot gets: what is written in a day at the measured rate, if the group has that much.
 * A chunk is as small as what travels (4 KiB), so that nothing is read or sent that did not change, and the copy before
 * the first write to a block is as short as it can be; larger only where the table would take too much of the kernel's
 * memory.
 * @param writeRate bytes a second
 * @param atLeast what the last snapshot had, or more when that was too little
 * @param among volumes that are about to get a snapshot in this group, this one among them
 * @returns undefined when there is not enough room
 */
export function roomFor(
  originSize: number,
  writeRate: number,
  space: GroupSpace,
  atLeast: number = SMALLEST,
  among = 1,
): Room | undefined {
  const wanted = Math.max(atLeast, originSize * SMALLEST_SHARE, writeRate * (DAY_MS / 1000));
  const available = Math.max(0, space.free - reserveOf(space)) * (ONE_OF_TWO / among);
  const most = Math.min(available, originSize * METADATA + space.extentSize);
  const size = Math.floor(Math.min(Math.max(wanted, SMALLEST), most) / space.extentSize) * space.extentSize;
  if (size < SMALLEST || space.extentSize === 0) return undefined;
  let chunkSize = BLOCK;
  while (chunkSize < LARGEST_CHUNK && size / chunkSize > MOST_EXCEPTIONS) chunkSize *= 2;
  return { size, chunkSize };
}

/** A snapshot is given more room when so much of it is used. */
const FULL_ENOUGH = 0.6;

/** Whether a snapshot should get more room. @param size of it now */
export function needsRoom(used: number, size: number, originSize: number): boolean {
  return used >= size * FULL_ENOUGH && size < originSize * METADATA;
}

/** Bytes to add to a snapshot, in whole extents; undefined when the group has none to give. @param size of it now */
export function roomToAdd(size: number, space: GroupSpace): number | undefined {
  const available = Math.floor(Math.max(0, space.free - reserveOf(space)) / space.extentSize) * space.extentSize;
  const wanted = Math.ceil(size / 2 / space.extentSize) * space.extentSize;
  return available < space.extentSize ? undefined : Math.min(available, wanted);
}
