import { hash } from "node:crypto";
import { BLOCK_SIZE, CHUNK_SIZE, DIGEST_SIZE } from "./types.js";

/** sha256, truncated to DIGEST_SIZE bytes. Sixteen zero bytes stand for "all zeros" in digest maps and requests. */
export function digestOf(data: Buffer): Buffer {
  return hash("sha256", data, "buffer").subarray(0, DIGEST_SIZE);
}

/** Stands for a chunk of zeros of whatever length. */
export const ZERO_MARK = Buffer.alloc(DIGEST_SIZE);

const ZEROS = Buffer.alloc(CHUNK_SIZE);

/** Whether all bytes are zero; at most a chunk. */
export function isZero(data: Buffer): boolean {
  return data.length === CHUNK_SIZE ? data.equals(ZEROS) : data.equals(ZEROS.subarray(0, data.length));
}

/** The digest of a chunk, or ZERO_MARK. */
export function markOf(chunk: Buffer): Buffer {
  return isZero(chunk) ? ZERO_MARK : digestOf(chunk);
}

/** Digests of the blocks of a chunk, one after the other. */
export function blockDigests(chunk: Buffer): Buffer {
  const digests = Buffer.allocUnsafe(Math.ceil(chunk.length / BLOCK_SIZE) * DIGEST_SIZE);
  for (let block = 0; block * BLOCK_SIZE < chunk.length; block += 1) {
    digestOf(chunk.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE)).copy(digests, block * DIGEST_SIZE);
  }
  return digests;
}

/** The digest of a block of zeros of this many bytes. */
export function zeroBlockDigest(length: number): Buffer {
  return length === BLOCK_SIZE ? ZERO_BLOCK : digestOf(ZEROS.subarray(0, length));
}

const ZERO_BLOCK = digestOf(ZEROS.subarray(0, BLOCK_SIZE));
