import { dirname } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { makeFolder } from "../../lib/folder.js";
import { chunksIn, geometryOf, type Geometry } from "./geometry.js";
import { encodeBinding, openExisting, reasonForDistrust, refuseOtherDisk, type MapBinding } from "./map-binding.js";
import { replaceMapFile, type MapFile } from "./map-file.js";
import { encodeRecord, HEADER_SIZE, RECORD_TYPE, recordSize } from "./map-records.js";
import { readPayload, type ScannedRecord } from "./map-scan.js";
import { DIGEST_SIZE } from "./types.js";

/** What is known of the target's copy of one region. */
interface Region {
  state: "zero" | "unknown" | "known";
  /** The record that holds the digests of a known region. */
  record: Pick<ScannedRecord, "payloadOffset" | "length" | "payloadCrc"> | undefined;
  /** One bit a chunk: read back since it was written, or never written. */
  verified: Buffer;
  /** The last pass that went over the region. */
  pass: number;
}

export interface OpenedMap {
  readonly map: DigestMap;
  /** Why nothing is known of a volume that has been used; undefined when the map could be believed. */
  readonly distrust: string | undefined;
  /** Whether there was one before. */
  readonly existed: boolean;
}

const NOTHING = Buffer.alloc(0);
/** Bytes of records that nobody needs any more before the file is written anew. */
const COMPACT_SLACK = 1024 * 1024;

/**
 * Which digest every chunk on the target has: an append-only file with one state a region, bound to a disk and a volume.
 * The order that makes a crash harmless is the caller's: `invalidate` → write data → flush it → `record`.
 */
export class DigestMap {
  readonly geometry: Geometry;
  private readonly regions: Region[];
  /** The pass that the last `beginPass` began, 0 before the first. */
  pass = 0;
  private bootId = "";
  private passOpen = false;

  private constructor(
    private file: MapFile,
    private readonly binding: MapBinding,
  ) {
    this.geometry = geometryOf(binding.disk.size);
    const state = binding.fresh ? "zero" : "unknown";
    this.regions = Array.from({ length: this.geometry.regions }, () => ({
      state,
      record: undefined,
      verified: NOTHING,
      pass: 0,
    }));
  }

  /**
   * Opens the map at `path`, and begins one when there is none or the one there cannot be believed.
   * @throws RehomeError disk-changed when the map was made for another disk
   */
  static async open(path: string, binding: MapBinding): Promise<OpenedMap> {
    await makeFolder(dirname(path), 0o700);
    const found = await openExisting(path);
    if (found === undefined) {
      return {
        map: await DigestMap.begin(path, binding),
        distrust: binding.fresh ? undefined : "it has no digest map",
        existed: false,
      };
    }
    const { file, scan, start } = found;
    try {
      if (start?.volume === binding.volume) refuseOtherDisk(path, start.disk, binding.disk);
      const distrust = reasonForDistrust(scan, start, binding);
      if (distrust === undefined && start !== undefined) {
        const map = new DigestMap(file, start);
        await map.replay(scan.records);
        if (map.wasteful()) await map.compact();
        return { map, distrust, existed: true };
      }
      await file.close();
      const map = await DigestMap.begin(path, binding);
      return { map, distrust: binding.fresh ? undefined : distrust, existed: true };
    } catch (thrown) {
      await file.close().catch(() => undefined);
      throw thrown;
    }
  }

  private static async begin(path: string, binding: MapBinding): Promise<DigestMap> {
    const file = await replaceMapFile(path, (fresh) => {
      fresh.append(encodeRecord(RECORD_TYPE.start, 0, 0, encodeBinding(binding)));
      return Promise.resolve();
    });
    return new DigestMap(file, binding);
  }

  private async replay(records: readonly ScannedRecord[]): Promise<void> {
    for (const record of records) {
      const region = this.regions[record.region];
      if (region === undefined) continue;
      if (record.type === RECORD_TYPE.unknown) Object.assign(region, { state: "unknown", record: undefined });
      if (record.type === RECORD_TYPE.known) {
        Object.assign(region, { state: "known", record, verified: await this.bitmapOf(record) });
      }
      if (record.type === RECORD_TYPE.verified) {
        region.verified = (await readPayload(this.file.handle, record)) ?? region.verified;
      }
      if (record.type === RECORD_TYPE.known || record.type === RECORD_TYPE.seen) region.pass = record.pass;
      if (record.type === RECORD_TYPE.pass) {
        this.pass = record.pass;
        this.passOpen = true;
        this.bootId = ((await readPayload(this.file.handle, record)) ?? NOTHING).toString();
      }
      if (record.type === RECORD_TYPE.passEnd) this.passOpen = false;
    }
  }

  /** The bitmap at the end of a known record; a damaged one proves nothing. */
  private async bitmapOf(record: ScannedRecord): Promise<Buffer> {
    const bytes = this.bitmapSize(record.region);
    const bitmap = Buffer.alloc(bytes);
    await this.file.handle.read(bitmap, 0, bytes, record.payloadOffset + record.length - bytes);
    return bitmap;
  }

  private bitmapSize(region: number): number {
    return Math.ceil(chunksIn(this.geometry, region) / 8);
  }

  /**
   * Begins a pass, or goes on with one that was interrupted while the source's boot id was the same.
   * @returns whether regions of it are done already
   */
  async beginPass(bootId: string, mayResume: boolean): Promise<"begun" | "resumed"> {
    if (mayResume && this.passOpen && this.bootId === bootId) return "resumed";
    this.pass += 1;
    this.bootId = bootId;
    this.passOpen = true;
    this.file.append(encodeRecord(RECORD_TYPE.pass, 0, this.pass, Buffer.from(bootId)));
    await this.file.commit();
    return "begun";
  }

  async endPass(): Promise<void> {
    this.passOpen = false;
    this.file.append(encodeRecord(RECORD_TYPE.passEnd, 0, this.pass));
    await this.file.commit();
  }

  /** Whether the current pass went over the region already. */
  isDone(region: number): boolean {
    return this.at(region).pass === this.pass && this.at(region).state !== "unknown";
  }

  /** Whether the region was never written and is all zeros. */
  isZero(region: number): boolean {
    return this.at(region).state === "zero";
  }

  isUnknown(region: number): boolean {
    return this.at(region).state === "unknown";
  }

  /** Digests of the region's chunks as the target has them, ZERO_MARK for zeros; undefined when they are not known. */
  async digests(region: number): Promise<Buffer | undefined> {
    const { state, record } = this.at(region);
    const bytes = chunksIn(this.geometry, region) * DIGEST_SIZE;
    if (state === "zero") return Buffer.alloc(bytes);
    if (state === "unknown" || record === undefined) return undefined;
    const payload = await readPayload(this.file.handle, record as ScannedRecord);
    return payload?.length === bytes + this.bitmapSize(region) ? payload.subarray(0, bytes) : undefined;
  }

  /** One bit a chunk, set when the chunk needs no reading back. */
  verified(region: number): Buffer {
    const { state, verified } = this.at(region);
    const all = state === "zero" ? 0xff : 0;
    return verified.length > 0 && state === "known"
      ? Buffer.from(verified)
      : Buffer.alloc(this.bitmapSize(region), all);
  }

  /** To be awaited before the first byte of the region is written: a crash from then on makes it unknown. */
  async invalidate(region: number): Promise<void> {
    this.file.append(encodeRecord(RECORD_TYPE.unknown, region, this.pass));
    Object.assign(this.at(region), { state: "unknown", record: undefined });
    await this.file.commit();
  }

  /** Notes what the region holds, after that was flushed. @param verified one bit a chunk, as `verified` returns it */
  async record(region: number, digests: Buffer, verified: Buffer, done: boolean): Promise<void> {
    const payload = Buffer.concat([digests, verified]);
    const pass = done ? this.pass : this.at(region).pass;
    const record = encodeRecord(RECORD_TYPE.known, region, pass, payload);
    const offset = this.file.append(record);
    await this.file.commit();
    const payloadCrc = record.readUInt32LE(16);
    Object.assign(this.at(region), {
      state: "known",
      record: { payloadOffset: offset + HEADER_SIZE, length: payload.length, payloadCrc },
      verified,
      pass,
    });
  }

  /** Notes that the pass went over the region and found it as it was. Durable with the next record. */
  seen(region: number): void {
    this.file.append(encodeRecord(RECORD_TYPE.seen, region, this.pass));
    this.at(region).pass = this.pass;
  }

  /** Notes what was read back and found right. Durable with the next record or `sync`. */
  setVerified(region: number, verified: Buffer): void {
    this.file.append(encodeRecord(RECORD_TYPE.verified, region, this.pass, verified));
    this.at(region).verified = verified;
  }

  sync(): Promise<void> {
    return this.file.commit();
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private at(region: number): Region {
    const found = this.regions[region];
    if (found === undefined) throw new RehomeError("internal", `there is no region ${region}`);
    return found;
  }

  private wasteful(): boolean {
    const live = this.regions.reduce(
      (sum, { record }) => sum + (record === undefined ? 0 : recordSize(record.length)),
      0,
    );
    return this.file.size > 2 * live + COMPACT_SLACK;
  }

  /** Writes the file anew with what is still true. */
  private async compact(): Promise<void> {
    const old = this.file;
    this.file = await replaceMapFile(old.path, async (file) => {
      file.append(encodeRecord(RECORD_TYPE.start, 0, 0, encodeBinding(this.binding)));
      if (this.pass > 0) file.append(encodeRecord(RECORD_TYPE.pass, 0, this.pass, Buffer.from(this.bootId)));
      for (const [index, region] of this.regions.entries()) {
        const digests = region.state === "known" ? await this.digests(index) : undefined;
        if (digests !== undefined) {
          const payload = Buffer.concat([digests, region.verified]);
          const record = encodeRecord(RECORD_TYPE.known, index, region.pass, payload);
          const payloadOffset = file.append(record) + HEADER_SIZE;
          region.record = { payloadOffset, length: payload.length, payloadCrc: record.readUInt32LE(16) };
        } else if (region.state === "zero") {
          if (region.pass > 0) file.append(encodeRecord(RECORD_TYPE.seen, index, region.pass));
        } else {
          Object.assign(region, { state: "unknown", record: undefined });
          file.append(encodeRecord(RECORD_TYPE.unknown, index, region.pass));
        }
        if (index % 64 === 0) await file.commit();
      }
      if (!this.passOpen) file.append(encodeRecord(RECORD_TYPE.passEnd, 0, this.pass));
    });
    await old.close();
  }
}
