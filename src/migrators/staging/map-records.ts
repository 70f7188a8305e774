import { crc32 } from "node:zlib";

/**
 * Records of a digest map file: a header of 24 bytes, then the payload padded with zeros to 8 bytes. Little-endian:
 *
 *     0 u8   type        8 u32 pass              16 u32 CRC-32 of the payload
 *     1 u8×3 "rhm"      12 u32 payload length    20 u32 CRC-32 of bytes 0–19
 *     4 u32  region
 */
export const RECORD_TYPE = {
  /** First in every file. Payload: JSON, what the map is bound to. */
  start: 1,
  /** A pass over the disk begins. Payload: JSON, the source's boot id. */
  pass: 2,
  /** The region is about to be overwritten: nothing is known of it. */
  unknown: 3,
  /** What the region holds. Payload: digests of its chunks, then a bitmap of chunks that were read back since. */
  known: 4,
  /** The region was looked at in this pass and is as it was. */
  seen: 5,
  /** More of the region was read back. Payload: bitmap of chunks. */
  verified: 6,
  /** The pass went over all of the disk. */
  passEnd: 7,
} as const;

export type RecordType = (typeof RECORD_TYPE)[keyof typeof RECORD_TYPE];

export interface RecordHeader {
  readonly type: RecordType;
  readonly region: number;
  readonly pass: number;
  readonly length: number;
  readonly payloadCrc: number;
}

export const HEADER_SIZE = 24;
const RECORD_ALIGNMENT = 8;
const MAGIC = Buffer.from("rhm");
const NOTHING = Buffer.alloc(0);

/** Bytes of a record in the file. */
export function recordSize(payloadLength: number): number {
  return HEADER_SIZE + Math.ceil(payloadLength / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

export function encodeRecord(type: RecordType, region: number, pass: number, payload: Buffer = NOTHING): Buffer {
  const record = Buffer.alloc(recordSize(payload.length));
  record.writeUInt8(type, 0);
  MAGIC.copy(record, 1);
  record.writeUInt32LE(region, 4);
  record.writeUInt32LE(pass, 8);
  record.writeUInt32LE(payload.length, 12);
  record.writeUInt32LE(crc32(payload), 16);
  record.writeUInt32LE(crc32(record.subarray(0, 20)), 20);
  payload.copy(record, HEADER_SIZE);
  return record;
}

/** The header at the front of `data`, or undefined when none is there. */
export function decodeHeader(data: Buffer): RecordHeader | undefined {
  if (data.length < HEADER_SIZE || !data.subarray(1, 4).equals(MAGIC)) return undefined;
  if (data.readUInt32LE(20) !== crc32(data.subarray(0, 20))) return undefined;
  const type = data.readUInt8(0);
  if (!isRecordType(type)) return undefined;
  return {
    type,
    region: data.readUInt32LE(4),
    pass: data.readUInt32LE(8),
    length: data.readUInt32LE(12),
    payloadCrc: data.readUInt32LE(16),
  };
}

function isRecordType(type: number): type is RecordType {
  return Object.values<number>(RECORD_TYPE).includes(type);
}
