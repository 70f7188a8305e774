import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decodeHeader, HEADER_SIZE, recordSize, type RecordHeader } from "./map-records.js";

export interface ScannedRecord extends RecordHeader {
  /** Where the payload begins in the file. */
  readonly payloadOffset: number;
}

export interface MapScan {
  readonly records: readonly ScannedRecord[];
  /** Bytes of whole records at the front of the file. */
  readonly validBytes: number;
  /**
   * `clean`; `torn`: the end is what a crash leaves of records that nobody relied on yet, cut short or never written
   * (zeros); `damaged`: anything else, so that records that somebody did rely on may be lost.
   */
  readonly end: "clean" | "torn" | "damaged";
}

const WINDOW = 4 * 1024 * 1024;

/** Reads the headers of all records. Payloads are checked when they are used. */
export async function scanMap(file: FileHandle): Promise<MapScan> {
  const { size } = await file.stat();
  const records: ScannedRecord[] = [];
  const window = new Window(file);
  let offset = 0;
  let cutShort = false;
  while (offset < size) {
    const header = decodeHeader(await window.at(offset, HEADER_SIZE));
    if (header === undefined) break;
    cutShort = offset + recordSize(header.length) > size;
    if (cutShort) break;
    records.push({ ...header, payloadOffset: offset + HEADER_SIZE });
    offset += recordSize(header.length);
  }
  if (offset >= size) return { records, validBytes: offset, end: "clean" };
  const torn = cutShort || size - offset < HEADER_SIZE || (await isZeroFrom(window, offset, size));
  return { records, validBytes: offset, end: torn ? "torn" : "damaged" };
}

/** The payload of a record, or undefined when it is not what was written. */
export async function readPayload(file: FileHandle, record: ScannedRecord): Promise<Buffer | undefined> {
  const payload = Buffer.allocUnsafe(record.length);
  const { bytesRead } = await file.read(payload, 0, record.length, record.payloadOffset);
  return bytesRead === record.length && crc32(payload) === record.payloadCrc ? payload : undefined;
}

async function isZeroFrom(window: Window, from: number, size: number): Promise<boolean> {
  for (let offset = from; offset < size; offset += HEADER_SIZE) {
    const piece = await window.at(offset, Math.min(HEADER_SIZE, size - offset));
    if (piece.some((byte) => byte !== 0)) return false;
  }
  return true;
}

/** Small reads from a file, served from a larger piece of it. */
class Window {
  private data = Buffer.alloc(0);
  private start = 0;

  constructor(private readonly file: FileHandle) {}

  /** Up to `length` bytes; fewer at the end of the file. */
  async at(offset: number, length: number): Promise<Buffer> {
    if (offset < this.start || offset + length > this.start + this.data.length) {
      const data = Buffer.allocUnsafe(WINDOW);
      const { bytesRead } = await this.file.read(data, 0, WINDOW, offset);
      this.data = data.subarray(0, bytesRead);
      this.start = offset;
    }
    return this.data.subarray(offset - this.start, offset - this.start + length);
  }
}
