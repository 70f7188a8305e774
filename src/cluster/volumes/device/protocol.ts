/**
 * What rehome and the writer of a volume on another machine (templates/volume-agent.py) say to each other over standard
 * input and output. The program is sent first, and run by a one-line bootstrap. All numbers are big-endian.
 *
 * rehome → writer, 24 bytes: u8 type, u8 unit, u16 0, u32 number, u64 offset, u64 length; then, after W, length bytes.
 *
 *     W write    at most PIECE
 *     R read     at most PIECE, past the page cache where that is possible
 *     D digest   at most DIGEST_PIECE; one of 16 bytes for each 2^unit bytes, zeros for zeros
 *     Z zero     any length
 *     F flush    fdatasync of all that was answered before
 *     C cache    forget what is in memory of a file whose file system has no O_DIRECT
 *
 * writer → rehome, 12 bytes: u8 type, u8 0, u16 0, u32 number (the request's), u32 payload length; then the payload.
 * Requests are answered in any order.
 *
 *     H hello    once, first: JSON, see Hello
 *     O done     what was asked for
 *     E error    JSON {error: errno's name, message}
 */
export const REQUEST = { write: 0x57, read: 0x52, digest: 0x44, zero: 0x5a, flush: 0x46, cache: 0x43 } as const;
export const ANSWER = { hello: 0x48, done: 0x4f, error: 0x45 } as const;

export const PROTOCOL_VERSION = 1;
export const PIECE = 1024 * 1024;
export const DIGEST_PIECE = 4 * PIECE;
export const ANSWER_HEADER_SIZE = 12;

/** What the writer says of itself and of the volume. */
export interface Hello {
  readonly version: number;
  /** Of the device, in bytes. */
  readonly size: number;
  /** Whether it is read and written with O_DIRECT; only regular files may be used without. */
  readonly direct: boolean;
  readonly blockDevice: boolean;
}

export interface Request {
  readonly type: (typeof REQUEST)[keyof typeof REQUEST];
  readonly offset: number;
  readonly length: number;
  /** Of digests, in bytes: a power of two. */
  readonly unit?: number;
}

export interface AnswerHeader {
  readonly type: number;
  readonly number: number;
  readonly length: number;
}

export function encodeRequest({ type, offset, length, unit = 1 }: Request, number: number): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt8(type, 0);
  head.writeUInt8(Math.log2(unit), 1);
  head.writeUInt32BE(number, 4);
  head.writeBigUInt64BE(BigInt(offset), 8);
  head.writeBigUInt64BE(BigInt(length), 16);
  return head;
}

export function decodeAnswerHeader(head: Buffer): AnswerHeader {
  return { type: head.readUInt8(0), number: head.readUInt32BE(4), length: head.readUInt32BE(8) };
}
