import { inflateSync } from "node:zlib";
import { RehomeError } from "../../lib/errors.js";
import type { SourceDisk } from "../types.js";
import { readFailed } from "./agent-process.js";
import type { HelloDisk } from "./protocol.js";

/**
 * Makes sure that a source disk is the one that the guest was planned with.
 * @throws RehomeError disk-missing, disk-changed
 */
export function checkIdentity(machine: string, source: SourceDisk, disk: HelloDisk | undefined): void {
  const path = source.sourcePath;
  if (disk === undefined || disk.error !== undefined) {
    throw readFailed(machine, path, undefined, disk?.error ?? "ENOENT", "the disk cannot be opened");
  }
  const { size, serial, tableId } = source.identity;
  const differences: string[] = [];
  if (disk.size !== size) differences.push(`it has ${disk.size} bytes instead of ${size}`);
  if (serial !== undefined && disk.serials.length > 0 && !disk.serials.some((found) => sameSerial(found, serial))) {
    differences.push(`its serial is ${disk.serials.join(" or ")} instead of ${serial}`);
  }
  if (tableId !== undefined && !headHasId(inflateSync(Buffer.from(disk.head, "base64")), tableId)) {
    differences.push(`its partition table or file system is not ${tableId}`);
  }
  if (differences.length === 0) return;
  throw new RehomeError(
    "disk-changed",
    `disk ${source.disk} is not the one that was planned: ${differences.join(", ")}`,
    {
      machine,
      path,
      remedy: "look at the source; when the change is meant, remove the disk's volume and its mark, and plan again",
    },
  );
}

/** udev replaces white space by underscores. */
function sameSerial(one: string, other: string): boolean {
  const plain = (serial: string): string => serial.trim().replaceAll(/[\s_]+/g, "_");
  return plain(one) === plain(other);
}

/** The fields of a GUID that GPT stores little-endian. */
const GUID_LITTLE_ENDIAN = [
  [0, 4],
  [4, 6],
  [6, 8],
] as const;

/**
 * Whether an id is where partition tables and file systems have theirs: an MBR's disk signature (8 hexadecimal digits at
 * byte 440, little-endian), a GPT's GUID (first fields little-endian, in the second sector), or, for a disk without a
 * table, a file system's or LVM's UUID anywhere in the first 68 KiB. An id of another shape cannot be looked for.
 */
export function headHasId(head: Buffer, id: string): boolean {
  const hex = id.replaceAll("-", "").toLowerCase();
  if (/^[0-9a-f]{8}$/.test(id)) return head.length >= 444 && head.readUInt32LE(440) === Number.parseInt(id, 16);
  if (/^[0-9a-f]{32}$/.test(hex)) {
    const straight = Buffer.from(hex, "hex");
    const mixed = Buffer.from(straight);
    for (const [start, end] of GUID_LITTLE_ENDIAN) mixed.subarray(start, end).reverse();
    return head.includes(straight) || head.includes(mixed);
  }
  return id.length < 16 || head.includes(id.replaceAll("-", ""));
}
