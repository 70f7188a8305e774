import { CHUNK_SIZE, type Extent, type Stretch } from "../types.js";
import { clipExtents, gapsIn, mergeExtents } from "./extents.js";
import type { Piece } from "./places.js";

/** A logical volume that is followed, and where it lies on the disk. */
export interface Followable {
  readonly pieces: readonly Piece[];
  /** What to read the volume from; undefined: the disk itself. */
  readonly device: string | undefined;
  /** In bytes of the volume. */
  readonly changed: Stretch["changed"];
}

/** The disk that is copied. */
export interface CopiedDisk {
  readonly path: string;
  readonly size: number;
}

/**
 * What a pass looks at on a disk of which some parts are logical volumes that are followed: these parts by what changed in
 * them, the rest by comparing it on the disk itself. A part's edges are whole chunks of the disk; what is cut off there is
 * compared. Where a volume's chunks are no chunks of the disk (partitions that begin at sector 63), what changed is read
 * from the disk itself, which has it too: a volume's data stay in their place when it has a snapshot.
 * @param leftOut in whole chunks, outside of all volumes
 */
export function stretchesOn(
  disk: CopiedDisk,
  volumes: readonly Followable[],
  leftOut: readonly Extent[],
): readonly Stretch[] {
  const parts = volumes.flatMap((volume) => volume.pieces.flatMap((piece) => partOf(disk, piece, volume)));
  const rest = gapsIn({ offset: 0, length: disk.size }, mergeExtents([...parts, ...leftOut]));
  const compared = rest.map((gap): Stretch => ({
    ...gap,
    device: disk.path,
    deviceOffset: gap.offset,
    changed: "unknown",
  }));
  return [...parts, ...compared].toSorted((one, other) => one.offset - other.offset);
}

function partOf(disk: CopiedDisk, piece: Piece, { device, changed }: Followable): readonly Stretch[] {
  return wholeChunks([piece]).map((inner): Stretch => {
    const shift = piece.offset - piece.volumeStart;
    const place =
      device !== undefined && shift % CHUNK_SIZE === 0
        ? { device, deviceOffset: inner.offset - shift }
        : { device: disk.path, deviceOffset: inner.offset };
    if (changed === "unknown") return { ...inner, ...place, changed };
    const own = clipExtents(changed, { offset: piece.volumeStart, length: piece.length });
    const moved = own.map(({ offset, length }) => ({ offset: offset + shift, length }));
    return { ...inner, ...place, changed: clipExtents(moved, inner) };
  });
}

/** The whole chunks that lie in extents. */
export function wholeChunks(extents: readonly Extent[]): readonly Extent[] {
  return mergeExtents(
    mergeExtents(extents).map(({ offset, length }) => {
      const start = Math.ceil(offset / CHUNK_SIZE) * CHUNK_SIZE;
      return { offset: start, length: Math.floor((offset + length) / CHUNK_SIZE) * CHUNK_SIZE - start };
    }),
  );
}

/**
 * What of a disk is no part of its copy: where rehome's snapshots keep what was overwritten, and where they once did, as
 * long as LVM calls that free.
 * @param ours pieces of the snapshots that are there now
 * @param before what was left out until now
 */
export function leftOutOn(
  pieces: readonly Piece[],
  ours: readonly Piece[],
  before: readonly Extent[],
): readonly Extent[] {
  const free = pieces.filter(({ volume }) => volume === "");
  return wholeChunks([...ours, ...before.flatMap((extent) => clipExtents(free, extent))]);
}
