/**
 * What rehome and the reader on the source (templates/source-agent.py) say to each other over standard input and output.
 *
 * The program is sent over standard input and run by a one-line bootstrap; after it, frames follow. A frame is a header of
 * 16 bytes, big-endian, and a payload:
 *
 *     u8 type, u8 flags, u16 disk (its place in argv), u32 payload length, u64 chunk (its number on the disk)
 *
 * rehome → source:
 *
 *     S scan     chunk: the first; payload: u32 count, then 16 bytes a chunk that say what the target has: a digest, or
 *                zeros for zeros. With flag 1 (zeros) there are none: the target has only zeros. With flag 2 (compare)
 *                the answer for a chunk that differs is only `x`. With flag 4 (blocks) there is a u16 bitmap a chunk
 *                instead of 16 bytes: just these blocks are read, nothing is compared, and each chunk that has any is
 *                answered by D with those of them that are not zeros.
 *     O open     disks in the place of those that are open, which are closed; payload: paths, each with a zero byte behind.
 *                Answered by H. To be sent when every scan was answered.
 *     W want     which blocks of a changed chunk to send; payload: u16 bitmap, lowest bit is the first block. The source
 *                keeps the chunk until then, and sends what it hashed, not what the disk has become.
 *
 * source → rehome, for each scan in order of the chunks; what equals the target is not mentioned:
 *
 *     H hello    payload: JSON, see Hello; first, and once for each O
 *     Z zeros    chunks that have become zeros; payload: u32 count
 *     C changed  payload: digest of the chunk, then of each of its blocks (sha256 truncated to 16 bytes)
 *     D data     payload: u16 bitmap, then the blocks. Flag 1: the blocks are compressed (zlib). Answers W, and scans
 *                with flag 4; comes unasked where the target has zeros, and then bears the blocks that are not.
 *     x differs  answer to a scan with flag 2
 *     F finished chunk and u32 count as in the scan; data for chunks of it that were asked for may still follow
 *     E error    payload: JSON {disk?, offset?, error, message}; last
 */
export const FRAME = {
  scan: 0x53,
  want: 0x57,
  open: 0x4f,
  hello: 0x48,
  zeros: 0x5a,
  changed: 0x43,
  data: 0x44,
  differs: 0x78,
  finished: 0x46,
  error: 0x45,
} as const;

export const FLAG = { targetZero: 1, compare: 2, blocks: 4, compressed: 1 } as const;

export const FRAME_HEADER_SIZE = 16;
export const PROTOCOL_VERSION = 1;
/** More than any frame needs; a longer one is nonsense. */
export const MAX_PAYLOAD = 4 * 1024 * 1024;

export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly disk: number;
  readonly length: number;
  readonly chunk: number;
}

/** What the reader on the source says of itself and of the disks, in argv's order. */
export interface Hello {
  readonly version: number;
  /** Such as `python 3.11.2`. */
  readonly name: string;
  readonly bootId: string;
  readonly disks: readonly HelloDisk[];
}

export interface HelloDisk {
  readonly size: number;
  /** Whether it is read with O_DIRECT; only regular files may be read without. */
  readonly direct: boolean;
  readonly blockDevice: boolean;
  /** The first 68 KiB or less, zlib and base64: where partition tables and file systems have their ids. */
  readonly head: string;
  /** Serial numbers that the kernel and udev have for it; empty when they know none. */
  readonly serials: readonly string[];
  /** Why the disk cannot be read; the rest is empty then. */
  readonly error?: string;
}

export function encodeFrame(
  type: number,
  flags: number,
  disk: number,
  chunk: number,
  ...payload: readonly Buffer[]
): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_SIZE + length);
  frame.writeUInt8(type, 0);
  frame.writeUInt8(flags, 1);
  frame.writeUInt16BE(disk, 2);
  frame.writeUInt32BE(length, 4);
  frame.writeBigUInt64BE(BigInt(chunk), 8);
  let offset = FRAME_HEADER_SIZE;
  for (const part of payload) offset += part.copy(frame, offset);
  return frame;
}

export function decodeFrameHeader(data: Buffer): FrameHeader {
  return {
    type: data.readUInt8(0),
    flags: data.readUInt8(1),
    disk: data.readUInt16BE(2),
    length: data.readUInt32BE(4),
    chunk: data.readUInt32BE(8) * 2 ** 32 + data.readUInt32BE(12),
  };
}

export function u16(value: number): Buffer {
  const data = Buffer.allocUnsafe(2);
  data.writeUInt16BE(value);
  return data;
}

export function u32(value: number): Buffer {
  const data = Buffer.allocUnsafe(4);
  data.writeUInt32BE(value);
  return data;
}
