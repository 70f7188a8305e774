import { open, truncate } from "node:fs/promises";
import { RehomeError } from "../../lib/errors.js";
import type { DiskIdentity } from "../types.js";
import { mapFile, type MapFile } from "./map-file.js";
import { RECORD_TYPE } from "./map-records.js";
import { readPayload, scanMap, type MapScan } from "./map-scan.js";

/** What a digest map belongs to; nothing in it is believed of anything else. */
export interface MapBinding {
  readonly version: 1;
  readonly disk: DiskIdentity;
  /** Of the volume's mark, which itself is bound to the file. */
  readonly volume: string;
  /** First byte of the disk's copy in the volume; 0 where it is not there. */
  readonly offset?: number;
  /** Whether the volume was proven zero when the map began. */
  readonly fresh: boolean;
}

/** A map as it was found. */
interface Existing {
  readonly file: MapFile;
  readonly scan: MapScan;
  /** Undefined when its beginning cannot be read. */
  readonly start: MapBinding | undefined;
}

/**
 * Opens the map that is there, without what a crash left half-written at its end.
 * @throws RehomeError file-unreadable
 */
export async function openExisting(path: string): Promise<Existing | undefined> {
  const handle = await open(path, "r+").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RehomeError("file-unreadable", "cannot open the digest map", { path, cause });
  });
  if (handle === undefined) return undefined;
  const scan = await scanMap(handle);
  if (scan.end === "torn") {
    await truncate(path, scan.validBytes);
    await handle.sync();
  }
  const [first] = scan.records;
  const payload = first?.type === RECORD_TYPE.start ? await readPayload(handle, first) : undefined;
  const start = payload === undefined ? undefined : (JSON.parse(payload.toString()) as MapBinding);
  return { file: mapFile(path, handle, scan.validBytes), scan, start };
}

/** Why nothing of a map is believed for this volume; undefined when all is. */
export function reasonForDistrust(
  scan: MapScan,
  start: MapBinding | undefined,
  binding: MapBinding,
): string | undefined {
  if (start === undefined) return "its digest map has no readable beginning";
  if (start.volume !== binding.volume) return "its digest map belongs to another volume";
  if ((start.offset ?? 0) !== (binding.offset ?? 0)) return "its digest map belongs to another place in the volume";
  if (scan.end === "damaged") return "its digest map is damaged";
  return undefined;
}

/** @throws RehomeError disk-changed */
export function refuseOtherDisk(path: string, known: DiskIdentity, disk: DiskIdentity): void {
  const differences = (["size", "serial", "tableId"] as const).filter((key) => known[key] !== disk[key]);
  if (differences.length === 0) return;
  const texts = differences.map((key) => `${key} ${String(disk[key])} instead of ${String(known[key])}`);
  throw new RehomeError("disk-changed", `the volume was staged from another disk: ${texts.join(", ")}`, {
    path,
    remedy: "check that the right disk is meant; to stage this one, remove the volume, its mark and this file",
  });
}

/** The payload of a map's first record. */
export function encodeBinding(binding: MapBinding): Buffer {
  return Buffer.from(JSON.stringify(binding));
}
