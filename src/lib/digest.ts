import { hash } from "node:crypto";

/** Bytes of a digest: sha256 truncated to 128 bits. */
export const DIGEST_SIZE = 16;

/** The largest piece that has one digest. */
const LARGEST = 65_536;

/** sha256, truncated to DIGEST_SIZE bytes. Sixteen zero bytes stand for "all zeros" in digest maps and requests. */
export function digestOf(data: Buffer): Buffer {
  return hash("sha256", data, "buffer").subarray(0, DIGEST_SIZE);
}

/** Stands for a piece of zeros of whatever length. */
export const ZERO_MARK = Buffer.alloc(DIGEST_SIZE);

const ZEROS = Buffer.alloc(LARGEST);

/** Whether all bytes are zero; 64 KiB at the most. */
export function isZero(data: Buffer): boolean {
  return data.length === LARGEST ? data.equals(ZEROS) : data.equals(ZEROS.subarray(0, data.length));
}

/** The digest of a piece, or ZERO_MARK. */
export function markOf(piece: Buffer): Buffer {
  return isZero(piece) ? ZERO_MARK : digestOf(piece);
}

/** Puts the digests of every `unit` bytes of `data` into `digests`, one after the other from `index` on. */
export function putMarks(digests: Buffer, index: number, data: Buffer, unit: number): void {
  for (let start = 0; start < data.length; start += unit) {
    markOf(data.subarray(start, start + unit)).copy(digests, (index + start / unit) * DIGEST_SIZE);
  }
}

/** The digest that a block of zeros of this many bytes would have if it were not ZERO_MARK. */
export function zeroBlockDigest(length: number): Buffer {
  return length === BLOCK ? ZERO_BLOCK : digestOf(ZEROS.subarray(0, length));
}

const BLOCK = 4096;
const ZERO_BLOCK = digestOf(ZEROS.subarray(0, BLOCK));
