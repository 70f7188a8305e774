import { RehomeError } from "../../lib/errors.js";
import type { Volume } from "../../cluster/volumes/types.js";
import type { ScanSink } from "./agent-types.js";
import { digestOf, markOf, ZERO_MARK, zeroBlockDigest } from "../../lib/digest.js";
import type { DigestMap } from "./digest-map.js";
import { blockLength, chunkLength } from "./geometry.js";
import { WriteQueue } from "./write-queue.js";
import { BLOCK_SIZE, CHUNK_SIZE, CHUNKS_PER_REGION, DIGEST_SIZE } from "./types.js";

/** What a pass found in a region. */
export interface RegionCounts {
  readonly zeroBytes: number;
  readonly unchangedBytes: number;
  readonly writtenBytes: number;
  readonly wireBytes: number;
}

/** A changed chunk whose blocks were asked for. */
interface Change {
  readonly digest: Buffer;
  /** Digests of the source's blocks. */
  readonly blocks: Buffer;
  readonly wanted: number;
  /** Blocks that have become zeros: they need not travel. */
  readonly zeroed: number;
}

/**
 * Brings one region of the target up to date with what the source says of it, in the order that makes a crash harmless:
 * the region becomes unknown in the digest map before its first byte is overwritten, and known again after the flush.
 */
export class RegionWriter implements ScanSink {
  private readonly digests: Buffer;
  private readonly verified: Buffer;
  private readonly changes = new Map<number, Change>();
  private readonly queue: WriteQueue;
  private readonly touched = new Set<number>();
  private wire = 0;
  private readonly first: number;

  /**
   * @param known digests of the region as the target has it
   * @param mustRecord whether the digest map does not have them yet
   * @param onChunk told how far the source has come
   */
  constructor(
    private readonly volume: Volume,
    private readonly map: DigestMap,
    private readonly region: number,
    known: Buffer,
    private readonly mustRecord: boolean,
    private readonly onChunk: (chunk: number) => void,
  ) {
    this.digests = Buffer.from(known);
    this.verified = map.verified(region);
    this.first = region * CHUNKS_PER_REGION;
    this.queue = new WriteQueue(volume, () => map.invalidate(region));
  }

  travelled(bytes: number): void {
    this.wire += bytes;
  }

  zeros(first: number, count: number): void {
    for (let chunk = first; chunk < first + count; chunk += 1) {
      const run = chunk;
      while (chunk < first + count && !this.isZero(chunk)) {
        this.setDigest(chunk, ZERO_MARK);
        chunk += 1;
      }
      const end = Math.min(chunk * CHUNK_SIZE, this.map.geometry.size);
      if (chunk > run) this.queue.zero(run * CHUNK_SIZE, end - run * CHUNK_SIZE);
    }
  }

  async changed(chunk: number, digest: Buffer, blocks: Buffer): Promise<number> {
    this.onChunk(chunk);
    const length = chunkLength(this.map.geometry, chunk);
    const own = await this.volume.digests(chunk * CHUNK_SIZE, length, BLOCK_SIZE);
    if (blocks.length !== own.length) throw nonsense(`${blocks.length} bytes of block digests`, chunk);
    let wanted = 0;
    let zeroed = 0;
    for (let block = 0; block * DIGEST_SIZE < blocks.length; block += 1) {
      const theirs = digestAt(blocks, block);
      const isZero = theirs.equals(zeroBlockDigest(blockLength(length, block)));
      if (digestAt(own, block).equals(isZero ? ZERO_MARK : theirs)) continue;
      if (isZero) zeroed |= 1 << block;
      else wanted |= 1 << block;
    }
    const change = { digest: Buffer.from(digest), blocks: Buffer.from(blocks), wanted, zeroed };
    if (wanted === 0) this.apply(chunk, change, Buffer.alloc(0));
    else this.changes.set(chunk, change);
    return wanted;
  }

  data(chunk: number, bitmap: number, pieces: readonly Buffer[]): void | Promise<void> {
    this.onChunk(chunk);
    const change = this.changes.get(chunk);
    if (change !== undefined) {
      if (bitmap !== change.wanted) throw nonsense("other blocks than it was asked for", chunk);
      this.changes.delete(chunk);
      this.apply(chunk, change, Buffer.concat(pieces));
    } else if (lengthOf(pieces) === chunkLength(this.map.geometry, chunk)) {
      this.setDigest(chunk, digestOf(this.queue.write(pieces, chunk * CHUNK_SIZE)));
    } else {
      const blocks = Buffer.concat(pieces);
      this.setDigest(chunk, this.digestOnZeros(chunk, bitmap, blocks));
      this.writeBlocks(chunk, bitmap, blocks);
    }
    return this.queue.ready();
  }

  /**
   * Takes blocks of a chunk that were named, and not compared. The rest of the chunk is what the target has, which is
   * proven first: a digest over something else would hide it for ever.
   * @param wanted the blocks that were asked for; those that did not come are zeros
   * @throws RehomeError verify-mismatch
   */
  async patch(chunk: number, wanted: number, bitmap: number, pieces: readonly Buffer[]): Promise<void> {
    this.onChunk(chunk);
    const length = chunkLength(this.map.geometry, chunk);
    const before = this.isZero(chunk) ? Buffer.alloc(length) : await this.own(chunk, 1);
    if (!markOf(before).equals(digestAt(this.digests, chunk - this.first))) throw damaged(this.volume.path, chunk);
    const after = patched(before, wanted, bitmap, Buffer.concat(pieces), chunk);
    if (after.equals(before)) return;
    this.setDigest(chunk, markOf(after));
    if (this.isZero(chunk)) {
      this.queue.zero(chunk * CHUNK_SIZE, length);
    } else {
      for (const block of bits(wanted)) {
        const [start, end] = [block * BLOCK_SIZE, Math.min(length, (block + 1) * BLOCK_SIZE)];
        const piece = after.subarray(start, end);
        if (!piece.equals(before.subarray(start, end))) this.queue.write([piece], chunk * CHUNK_SIZE + start);
      }
    }
    await this.queue.ready();
  }

  differs(): void {
    throw new RehomeError("internal", "a pass got the answer to a comparison");
  }

  async own(first: number, count: number): Promise<Buffer> {
    const offset = first * CHUNK_SIZE;
    const data = Buffer.allocUnsafe(Math.min(count * CHUNK_SIZE, this.map.geometry.size - offset));
    await this.volume.read(data, offset);
    return data;
  }

  /** Makes all of it durable and notes it in the digest map; the region is done in this pass. */
  async finish(): Promise<RegionCounts> {
    if (this.changes.size > 0) throw nonsense("too little", [...this.changes.keys()][0] ?? 0);
    await this.queue.drain();
    if (this.touched.size > 0 || this.mustRecord) {
      await this.volume.flush();
      await this.map.record(this.region, this.digests, this.verified, true);
    } else {
      this.map.seen(this.region);
    }
    return this.count();
  }

  /** Waits until nothing is being written any more, after a failure. */
  async abandon(): Promise<void> {
    await this.queue.drain().catch(() => undefined);
  }

  private count(): RegionCounts {
    let zeroBytes = 0;
    let unchangedBytes = 0;
    for (let index = 0; index * DIGEST_SIZE < this.digests.length; index += 1) {
      const bytes = chunkLength(this.map.geometry, this.first + index);
      if (digestAt(this.digests, index).equals(ZERO_MARK)) zeroBytes += bytes;
      else if (!this.touched.has(index)) unchangedBytes += bytes;
    }
    return { zeroBytes, unchangedBytes, writtenBytes: this.queue.writtenBytes, wireBytes: this.wire };
  }

  /** Writes what changed in a chunk, after making sure that it is what the source hashed. */
  private apply(chunk: number, change: Change, data: Buffer): void {
    let offset = 0;
    const length = chunkLength(this.map.geometry, chunk);
    for (const block of bits(change.wanted)) {
      const end = offset + blockLength(length, block);
      if (!digestOf(data.subarray(offset, end)).equals(digestAt(change.blocks, block))) {
        throw nonsense("a block that is not what it hashed", chunk);
      }
      offset = end;
    }
    for (const block of bits(change.zeroed)) {
      this.queue.write([Buffer.alloc(blockLength(length, block))], chunk * CHUNK_SIZE + block * BLOCK_SIZE);
    }
    this.setDigest(chunk, change.digest);
    this.writeBlocks(chunk, change.wanted, data);
  }

  private writeBlocks(chunk: number, bitmap: number, data: Buffer): void {
    const length = chunkLength(this.map.geometry, chunk);
    let offset = 0;
    for (const block of bits(bitmap)) {
      const end = offset + blockLength(length, block);
      if (end > data.length) throw nonsense("too few bytes", chunk);
      this.queue.write([data.subarray(offset, end)], chunk * CHUNK_SIZE + block * BLOCK_SIZE);
      offset = end;
    }
    if (offset !== data.length) throw nonsense("too many bytes", chunk);
  }

  /** The digest of a chunk of which only some blocks came, because the target has zeros there. */
  private digestOnZeros(chunk: number, bitmap: number, data: Buffer): Buffer {
    if (!this.isZero(chunk)) throw nonsense("a part of a chunk, unasked", chunk);
    const length = chunkLength(this.map.geometry, chunk);
    const whole = Buffer.alloc(length);
    let offset = 0;
    for (const block of bits(bitmap)) {
      offset += data.copy(whole, block * BLOCK_SIZE, offset, offset + blockLength(length, block));
    }
    return digestOf(whole);
  }

  private isZero(chunk: number): boolean {
    return digestAt(this.digests, chunk - this.first).equals(ZERO_MARK);
  }

  private setDigest(chunk: number, digest: Buffer): void {
    const index = chunk - this.first;
    digest.copy(this.digests, index * DIGEST_SIZE);
    this.touched.add(index);
    this.verified[index >> 3] = (this.verified[index >> 3] ?? 0) & ~(1 << (index & 7));
  }
}

/** A chunk with some of its blocks replaced. */
function patched(before: Buffer, wanted: number, bitmap: number, data: Buffer, chunk: number): Buffer {
  if ((bitmap & ~wanted) !== 0) throw nonsense("other blocks than it was asked for", chunk);
  const after = Buffer.from(before);
  let offset = 0;
  for (const block of bits(wanted)) {
    const [start, end] = [block * BLOCK_SIZE, Math.min(before.length, (block + 1) * BLOCK_SIZE)];
    if ((bitmap >> block) & 1) {
      if (data.copy(after, start, offset, offset + end - start) !== end - start) throw nonsense("too few bytes", chunk);
      offset += end - start;
    } else {
      after.fill(0, start, end);
    }
  }
  if (offset !== data.length) throw nonsense("too many bytes", chunk);
  return after;
}

function damaged(path: string, chunk: number): RehomeError {
  return new RehomeError("verify-mismatch", `the volume does not hold what was sent: byte ${chunk * CHUNK_SIZE}`, {
    path,
    remedy: "the source is intact: look at the target's disks (dmesg, smartctl), then stage the guest again",
  });
}

function digestAt(digests: Buffer, index: number): Buffer {
  return digests.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function bits(bitmap: number): readonly number[] {
  const found: number[] = [];
  for (let bit = 0; bitmap >> bit !== 0; bit += 1) if ((bitmap >> bit) & 1) found.push(bit);
  return found;
}

function nonsense(what: string, chunk: number): RehomeError {
  return new RehomeError("agent-failed", `the reader on the source sent ${what} for byte ${chunk * CHUNK_SIZE}`, {
    remedy: "run the same command again; report it when it comes again",
  });
}
