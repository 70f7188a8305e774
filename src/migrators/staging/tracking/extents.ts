import { deflateSync, inflateSync } from "node:zlib";
import { BLOCK_SIZE, type Extent } from "../types.js";

/** Extents in ascending order, none of which touches another; empty ones are left out. */
export function mergeExtents(extents: readonly Extent[]): readonly Extent[] {
  const merged: { offset: number; length: number }[] = [];
  for (const { offset, length } of extents.toSorted((one, other) => one.offset - other.offset)) {
    if (length <= 0) continue;
    const last = merged.at(-1);
    if (last !== undefined && offset <= last.offset + last.length) {
      last.length = Math.max(last.length, offset + length - last.offset);
    } else merged.push({ offset, length });
  }
  return merged;
}

/** The part that two extents have in common; undefined when there is none. */
export function overlapOf(one: Extent, other: Extent): Extent | undefined {
  const offset = Math.max(one.offset, other.offset);
  const end = Math.min(one.offset + one.length, other.offset + other.length);
  return end > offset ? { offset, length: end - offset } : undefined;
}

/** What of the extents lies in `within`. */
export function clipExtents(extents: readonly Extent[], within: Extent): readonly Extent[] {
  return extents.flatMap((extent) => overlapOf(extent, within) ?? []);
}

/** Grows extents to whole units, but not beyond `size`, and merges what touches then. */
export function roundExtents(extents: readonly Extent[], unit: number, size: number): readonly Extent[] {
  return mergeExtents(
    extents.map(({ offset, length }) => {
      const start = Math.floor(offset / unit) * unit;
      const end = Math.min(size, Math.ceil((offset + length) / unit) * unit);
      return { offset: start, length: end - start };
    }),
  );
}

export function lengthOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}

/** What is in `whole` and in none of the extents. */
export function gapsIn(whole: Extent, extents: readonly Extent[]): readonly Extent[] {
  const gaps: Extent[] = [];
  const end = whole.offset + whole.length;
  let at = whole.offset;
  for (const { offset, length } of mergeExtents(clipExtents(extents, whole))) {
    if (offset > at) gaps.push({ offset: at, length: offset - at });
    at = offset + length;
  }
  if (at < end) gaps.push({ offset: at, length: end - at });
  return gaps;
}

/** Extents as they stand in a guest's journal: first block and number of blocks of each, deflated, base64. */
export function packExtents(extents: readonly Extent[]): string {
  const numbers = extents.flatMap(({ offset, length }) => [offset / BLOCK_SIZE, Math.ceil(length / BLOCK_SIZE)]);
  return deflateSync(JSON.stringify(numbers)).toString("base64");
}

/** @param size of the disk in bytes: its last block may be short */
export function unpackExtents(packed: string, size: number): readonly Extent[] {
  const numbers = JSON.parse(inflateSync(Buffer.from(packed, "base64")).toString()) as readonly number[];
  const extents: Extent[] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    const offset = (numbers[index] ?? 0) * BLOCK_SIZE;
    extents.push({ offset, length: Math.min(size - offset, (numbers[index + 1] ?? 0) * BLOCK_SIZE) });
  }
  return extents;
}
