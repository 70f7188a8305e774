import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import fc from "fast-check";
import { writeAt } from "./staging.js";

/** Something that happens to a disk while it is in use. */
export interface DiskWrite {
  /** Where, from 0 to 1 of the disk. */
  readonly place: number;
  readonly length: number;
  readonly kind: "random" | "zero" | "sparse-block";
  /** Moves the write to a whole block, as a file system would write. */
  readonly aligned: boolean;
  readonly seed: number;
}

export const diskWrite: fc.Arbitrary<DiskWrite> = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 9000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 9000, max: 400_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1_000_000, max: 6_000_000 }) },
  ),
  kind: fc.constantFrom("random", "random", "zero", "sparse-block"),
  aligned: fc.boolean(),
  seed: fc.nat(),
});

/** Sizes around the edges of blocks, chunks and regions, in whole sectors. */
export const diskSize: fc.Arbitrary<number> = fc
  .tuple(
    fc.constantFrom(4096, 65_536, 2 ** 20, 64 * 2 ** 20, 128 * 2 ** 20),
    fc.constantFrom(-65_536, -4096, -512, 0, 512, 4096, 66_048, 5_000_192),
  )
  .map(([base, more]) => Math.max(4096, base + more));

export async function applyWrite(path: string, size: number, write: DiskWrite): Promise<void> {
  const exact = Math.floor(write.place * size);
  const offset = Math.min(write.aligned ? exact - (exact % 4096) : exact, size - 1);
  const length = Math.min(write.length, size - offset);
  const data = write.kind === "zero" ? Buffer.alloc(length) : randomData(write.seed, length);
  if (write.kind === "sparse-block") data.fill(0, Math.floor(length / 4)); // a chunk that is zero in part
  await writeAt(path, offset, data);
}

/** The same for the same seed. */
function randomData(seed: number, length: number): Buffer {
  return createHash("shake128", { outputLength: length }).update(`${seed}`).digest();
}

/** A part of a file. */
export interface FileRange {
  readonly offset: number;
  readonly size: number;
}

/**
 * The first byte at which two files differ, or, with a range, a file and that part of another; undefined when they are
 * the same.
 */
export async function firstDifference(one: string, other: string, range?: FileRange): Promise<number | undefined> {
  const files = [await open(one, "r"), await open(other, "r")] as const;
  try {
    const [left, right] = await Promise.all(files.map(async (file) => (await file.stat()).size));
    const size = Math.max(left ?? 0, range?.size ?? right ?? 0);
    if (left !== size || (range?.size ?? right) !== size) return Math.min(left ?? 0, range?.size ?? right ?? 0);
    const buffers = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)] as const;
    for (let offset = 0; offset < size; offset += 2 ** 20) {
      const length = Math.min(2 ** 20, size - offset);
      await files[0].read(buffers[0], 0, length, offset);
      await files[1].read(buffers[1], 0, length, offset + (range?.offset ?? 0));
      const [here, there] = buffers.map((buffer) => buffer.subarray(0, length));
      if (here!.equals(there!)) continue;
      return offset + here!.findIndex((byte, index) => byte !== there![index]);
    }
    return undefined;
  } finally {
    for (const file of files) await file.close();
  }
}
