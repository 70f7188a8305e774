import type { BlockDevice, Disk } from "../types.js";

/** Formats that only hold other devices: what is in them counts. */
const CONTAINERS = ["LVM2_member", "linux_raid_member"];

/**
 * Bytes of a disk that are likely not zeros: used space of mounted file systems, and all of what nobody can look into.
 * A file system's free space is often not zero, so this is the least, not the most.
 * @param size of the disk, the answer when nothing is known of it
 */
export function expectedBytes(disk: Disk | undefined, size: number): number {
  if (disk === undefined) return 0;
  if (disk.contents.length === 0) return disk.partitionTable === undefined ? straightOn(disk) : size;
  return Math.min(
    size,
    disk.contents.reduce((sum, device) => sum + bytesOf(device), 0),
  );
}

/** A file system (or swap, or nothing) straight on a disk. */
function straightOn({ format, usedBytes, size }: Disk): number {
  if (usedBytes !== undefined) return usedBytes;
  return format === undefined || format === "swap" || CONTAINERS.includes(format) ? 0 : size;
}

function bytesOf(device: BlockDevice): number {
  if (device.usedBytes !== undefined) return device.usedBytes;
  if (device.contents.length > 0) return device.contents.reduce((sum, inner) => sum + bytesOf(inner), 0);
  if (device.format === "swap" || device.format === undefined) return 0;
  return CONTAINERS.includes(device.format) ? 0 : device.size;
}
