import { BLOCK_SIZE, CHUNK_SIZE, CHUNKS_PER_REGION, REGION_SIZE, type Extent } from "./types.js";

/** How a disk of some size is cut into regions, chunks and blocks; the last of each may be short. */
export interface Geometry {
  readonly size: number;
  readonly chunks: number;
  readonly regions: number;
}

export function geometryOf(size: number): Geometry {
  return { size, chunks: Math.ceil(size / CHUNK_SIZE), regions: Math.ceil(size / REGION_SIZE) };
}

export function regionExtent({ size }: Geometry, region: number): Extent {
  const offset = region * REGION_SIZE;
  return { offset, length: Math.min(REGION_SIZE, size - offset) };
}

/** Chunks in a region. */
export function chunksIn({ chunks }: Geometry, region: number): number {
  return Math.min(CHUNKS_PER_REGION, chunks - region * CHUNKS_PER_REGION);
}

/** Bytes of a chunk, given by its number on the disk. */
export function chunkLength({ size }: Geometry, chunk: number): number {
  return Math.min(CHUNK_SIZE, size - chunk * CHUNK_SIZE);
}

export function blocksIn(geometry: Geometry, chunk: number): number {
  return Math.ceil(chunkLength(geometry, chunk) / BLOCK_SIZE);
}

/** Bytes of a block of a chunk of `length` bytes. */
export function blockLength(length: number, block: number): number {
  return Math.min(BLOCK_SIZE, length - block * BLOCK_SIZE);
}
