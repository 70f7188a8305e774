import { open, type FileHandle } from "node:fs/promises";
import type { Volume } from "../../cluster/volumes/types.js";
import { DIGEST_SIZE, putMarks } from "../../lib/digest.js";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";

/** A range of a volume that an overlay holds in its place. */
export interface OverlayExtent {
  readonly start: number;
  readonly length: number;
  /** Where its bytes are in the overlay's file; undefined for zeros. */
  readonly offset: number | undefined;
}

/** Bytes moved at once. */
const PIECE = 1024 * 1024;
/** What has one digest when it is read back; every extent begins on such a border. */
const UNIT = 65_536;

interface MapEntry {
  readonly start: number;
  readonly length: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
}

/**
 * What an overlay (qcow2) changes, without opening what it lies on.
 * @throws RehomeError output-unreadable, command-failed
 */
export async function overlayExtents(host: Host, path: string): Promise<readonly OverlayExtent[]> {
  const image = { driver: "qcow2", file: { driver: "file", filename: path }, backing: null };
  const text = await runChecked(host, ["qemu-img", "map", "--output=json", `json:${JSON.stringify(image)}`]);
  return (JSON.parse(text) as readonly MapEntry[])
    .filter(({ present }) => present)
    .map(({ start, length, zero, data, offset }) => {
      if (zero && !data) return { start, length, offset: undefined };
      if (offset !== undefined) return { start, length, offset };
      throw new RehomeError("output-unreadable", `qemu-img does not tell where byte ${start} is in the overlay`, {
        machine: host.name,
        path,
      });
    });
}

/**
 * Writes what an overlay changes into its volume, and proves it by reading it back. May be done again.
 * @throws RehomeError verify-mismatch, target-full, target-write-failed, connection-lost …
 */
export async function writeOverlay(overlay: string, extents: readonly OverlayExtent[], volume: Volume): Promise<void> {
  const file = await open(overlay, "r");
  try {
    for (const extent of extents) await writeExtent(file, extent, volume);
    await volume.flush();
    const readBack = await volume.openReadBack();
    try {
      for (const { start, length, offset } of extents) {
        const found = await readBack.digests(start, length, UNIT);
        const expected = offset === undefined ? Buffer.alloc(found.length) : await digests(file, offset, length);
        if (found.equals(expected)) continue;
        throw new RehomeError("verify-mismatch", `the volume does not hold the conversion at byte ${start}`, {
          path: volume.path,
          remedy: "look at the target's disks (dmesg, smartctl); then run the cutover again",
        });
      }
    } finally {
      await readBack.close();
    }
  } finally {
    await file.close();
  }
}

async function writeExtent(file: FileHandle, { start, length, offset }: OverlayExtent, volume: Volume): Promise<void> {
  if (offset === undefined) return volume.zero(start, length);
  for (let done = 0; done < length; done += PIECE) {
    await volume.write([await piece(file, offset + done, Math.min(PIECE, length - done))], start + done);
  }
}

async function digests(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const found = Buffer.alloc(Math.ceil(length / UNIT) * DIGEST_SIZE);
  for (let done = 0; done < length; done += PIECE) {
    putMarks(found, done / UNIT, await piece(file, offset + done, Math.min(PIECE, length - done)), UNIT);
  }
  return found;
}

/** Bytes of the overlay's file; one that ends within its last cluster has zeros there. */
async function piece(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const data = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(data, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return data;
}
