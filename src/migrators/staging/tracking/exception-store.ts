import type { Extent } from "../types.js";
import { mergeExtents } from "./extents.js";

/**
 * dm-snapshot's persistent store (linux/drivers/md/dm-snap-persistent.c). Everything is little-endian, in chunks whose
 * size the header tells. Chunk 0 is the header: u32 magic, valid, version, chunk size in sectors of 512 bytes. Chunk 1 is
 * the first metadata area: pairs of u64 (chunk of the origin, chunk of the store); a zero as second number ends the list.
 * A full area is followed by as many chunks of data as it has entries, and those by the next area.
 */
const MAGIC = 0x70416e53;
const VERSION = 1;
const SECTOR = 512;
const ENTRY_SIZE = 16;
/** Header and first area: no data comes before them. */
const FIRST_DATA_CHUNK = 2;

/** What a store says that cannot be believed. Whoever catches it knows nothing, and compares everything. */
export class BadStore extends Error {}

/**
 * Checks the first bytes of a store.
 * @param chunkSize what the kernel works with: where the header says anything else, areas would be looked for elsewhere
 * @throws BadStore when it is none, is marked invalid, or has a version that is not known
 */
function checkHeader(data: Buffer, chunkSize: number): void {
  if (data.length < ENTRY_SIZE) throw new BadStore("the snapshot's header is too short");
  if (data.readUInt32LE(0) !== MAGIC) throw new BadStore("the snapshot's header has no magic number");
  if (data.readUInt32LE(4) !== 1) throw new BadStore("the snapshot's header says that it is invalid");
  if (data.readUInt32LE(8) !== VERSION) throw new BadStore(`the snapshot has version ${data.readUInt32LE(8)}`);
  const told = data.readUInt32LE(12) * SECTOR;
  if (told !== chunkSize)
    throw new BadStore(`the snapshot has chunks of ${chunkSize} bytes, and its header says ${told}`);
}

/** Where metadata area `area` (from 0) lies in the store; it is one chunk long. */
export function areaExtent(chunkSize: number, area: number): Extent {
  const entries = chunkSize / ENTRY_SIZE;
  return { offset: (1 + (entries + 1) * area) * chunkSize, length: chunkSize };
}

export interface AreaContents {
  /** Chunks of the origin, in the order in which they were first written to. */
  readonly chunks: readonly number[];
  /** Whether another area follows. */
  readonly full: boolean;
}

/** Sizes that entries must fit in, in bytes. */
export interface StoreBounds {
  readonly chunkSize: number;
  readonly originSize: number;
  readonly storeSize: number;
}

/** @throws BadStore when an entry points outside the origin or the store, or into the store's own metadata */
export function decodeArea(data: Buffer, { chunkSize, originSize, storeSize }: StoreBounds): AreaContents {
  if (data.length !== chunkSize) throw new BadStore(`a metadata area of the snapshot has ${data.length} bytes`);
  const originChunks = Math.ceil(originSize / chunkSize);
  const storeChunks = Math.floor(storeSize / chunkSize);
  const period = chunkSize / ENTRY_SIZE + 1;
  const chunks: number[] = [];
  for (let place = 0; place < data.length; place += ENTRY_SIZE) {
    const copy = numberAt(data, place + 8);
    if (copy === 0) return { chunks, full: false };
    const chunk = numberAt(data, place);
    const isData = copy >= FIRST_DATA_CHUNK && copy < storeChunks && (copy - 1) % period !== 0;
    if (chunk >= originChunks || !isData) throw new BadStore(`an entry of the snapshot is ${chunk} → ${copy}`);
    chunks.push(chunk);
  }
  return { chunks, full: true };
}

function numberAt(data: Buffer, place: number): number {
  return data.readUInt32LE(place) + data.readUInt32LE(place + 4) * 2 ** 32;
}

/** Reads so many bytes of the store, past the page cache. */
export type ReadStore = (extents: readonly Extent[]) => Promise<readonly Buffer[]>;

/** What is said of a table that grew beyond every bound: the store's own size is one. */
const AREAS_AT_ONCE = 4096;

/**
 * Extents of the origin that were written to since the snapshot was made.
 * @param metadata bytes of header and metadata areas, as `dmsetup status` told before: they are read at once
 * @throws BadStore, and what `read` throws
 */
export async function readExceptions(
  read: ReadStore,
  { metadata, ...bounds }: StoreBounds & { readonly metadata: number },
): Promise<readonly Extent[]> {
  const { chunkSize, originSize, storeSize } = bounds;
  const [first] = await read([{ offset: 0, length: 4096 }]);
  checkHeader(first ?? Buffer.alloc(0), chunkSize);
  const areas = metadata / chunkSize - 1;
  const chunks = new Set<number>();
  for (let next = 0, full = true; full;) {
    const count = Math.max(1, Math.min(AREAS_AT_ONCE, areas - next));
    const wanted = Array.from({ length: count }, (_, index) => areaExtent(chunkSize, next + index)).filter(
      ({ offset, length }) => offset + length <= storeSize,
    );
    if (wanted.length === 0) break; // the store ends with a full area
    for (const data of await read(wanted)) {
      if (!full) throw new BadStore("a metadata area of the snapshot follows one that is not full");
      const contents = decodeArea(data, bounds);
      for (const chunk of contents.chunks) chunks.add(chunk);
      ({ full } = contents);
    }
    next += wanted.length;
  }
  return mergeExtents(
    [...chunks].map((chunk) => ({
      offset: chunk * chunkSize,
      length: Math.min(chunkSize, originSize - chunk * chunkSize),
    })),
  );
}
