import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decodeHeader, HEADER_SIZE, RECORD_ALIGNMENT, recordSize, type RecordHeader } from "./map-records.js";

export interface ScannedRecord extends RecordHeader {
  /** Where the payload begins in the file. */
  readonly payloadOffset: number;
}

export interface MapScan {
  readonly records: readonly ScannedRecord[];
  /** Bytes of whole records at the front of the file. */
  readonly validBytes: number;
  /**
   * `clean`; `torn`: the end is what a crash leaves of a record that nobody relied on yet; `damaged`: whole records come
   * after a broken place, so that records that somebody did rely on may be lost.
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
  while (offset < size) {
    const header = decodeHeader(await window.at(offset, HEADER_SIZE));
    if (header === undefined || offset + recordSize(header.length) > size) break;
    records.push({ ...header, payloadOffset: offset + HEADER_SIZE });
    offset += recordSize(header.length);
  }
  if (offset >= size) return { records, validBytes: offset, end: "clean" };
  const damaged = await recordAfter(window, offset + RECORD_ALIGNMENT, size);
  return { records, validBytes: offset, end: damaged ? "damaged" : "torn" };
}

/** The payload of a record, or undefined when it is not what was written. */
export async function readPayload(file: FileHandle, record: ScannedRecord): Promise<Buffer | undefined> {
  const payload = Buffer.allocUnsafe(record.length);
  const { bytesRead } = await file.read(payload, 0, record.length, record.payloadOffset);
  return bytesRead === record.length && crc32(payload) === record.payloadCrc ? payload : undefined;
}

async function recordAfter(window: Window, from: number, size: number): Promise<boolean> {
  for (let offset = from; offset + HEADER_SIZE <= size; offset += RECORD_ALIGNMENT) {
    if (decodeHeader(await window.at(offset, HEADER_SIZE)) !== undefined) return true;
  }
  return false;
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
