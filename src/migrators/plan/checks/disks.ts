import type { Concern, Disk } from "../../types.js";
import { concern } from "../concerns.js";
import { allDevices, grouped, listed, movedDisks, type PlanContext } from "../context.js";

const GUEST_SECTOR = 512;

/** Whether the disks that are moved can be told apart, and are all that the guest needs. */
export function checkDisks(context: PlanContext): readonly Concern[] {
  const disks = movedDisks(context);
  if (disks.length === 0) {
    return [concern("disk-none", "no disk is left to move", "see rehome inspect, and excludeDisks in rehome.yaml")];
  }
  return [...root(disks), ...excluded(context), ...serials(disks), ...disks.flatMap(sectorSize)];
}

function root(disks: readonly Disk[]): readonly Concern[] {
  if (allDevices(disks).some(({ device }) => device.mountPoint === "/")) return [];
  return [
    concern(
      "root-missing",
      "the root file system is on none of the disks that are moved",
      "take its disk out of excludeDisks; a root on the network cannot be moved",
    ),
  ];
}

function excluded({ guest, machine }: PlanContext): readonly Concern[] {
  return guest.excludeDisks.flatMap((name): Concern[] => {
    const disk = machine.disks.find((candidate) => candidate.name === name);
    if (disk === undefined) {
      const names = machine.disks.map((candidate) => candidate.name);
      return [
        concern("disk-excluded-unknown", `there is no disk ${name} to exclude`, `the disks are ${listed(names)}`),
      ];
    }
    const used = allDevices([disk]).flatMap(({ device }) => device.mountPoint ?? []);
    const group = machine.volumeGroups.find((candidate) => isSplit(candidate.physicalVolumes, disk, machine.disks));
    if (group === undefined && used.length === 0) return [];
    return [
      concern(
        "disk-excluded-needed",
        group === undefined
          ? `disk ${name} is not moved, but holds ${listed([...new Set(used)])}`
          : `disk ${name} is not moved, but holds a part of volume group ${group.name}`,
        `take ${name} out of excludeDisks, or unmount it (and take it out of /etc/fstab) before`,
      ),
    ];
  });
}

/** Whether a volume group is partly on this disk and partly on others. */
function isSplit(physicalVolumes: readonly string[], disk: Disk, disks: readonly Disk[]): boolean {
  const on = (candidate: Disk) => allDevices([candidate]).some(({ device }) => physicalVolumes.includes(device.name));
  return on(disk) && disks.some((other) => other !== disk && on(other));
}

function serials(disks: readonly Disk[]): readonly Concern[] {
  const bySerial = grouped(disks, (disk) => disk.serial);
  return [...bySerial].flatMap(([serial, same]): Concern[] => {
    const names = listed(same.map((disk) => disk.path));
    if (serial === undefined) {
      return [
        concern(
          "disk-without-serial",
          `${names} ${same.length === 1 ? "has no serial number" : "have no serial numbers"}: only size and partition table tell the disk again`,
          "do not change disks or their partitions between staging and cutover",
        ),
      ];
    }
    if (same.length < 2) return [];
    return [
      concern(
        "disk-serial-duplicate",
        `${names} have the same serial number ${serial}`,
        "if they are paths to one disk (multipath), exclude all but one (excludeDisks in rehome.yaml); otherwise give them " +
          "serial numbers of their own",
      ),
    ];
  });
}

/** A partition table counts in sectors: the guest's are of 512 bytes, and it would look in the wrong places. */
function sectorSize(disk: Disk): readonly Concern[] {
  if (disk.logicalSectorSize === GUEST_SECTOR) return [];
  return [
    concern(
      "disk-sector-size",
      `${disk.path} has sectors of ${disk.logicalSectorSize} bytes, the guest's have ${GUEST_SECTOR}`,
      "such disks cannot be moved by this version",
    ),
  ];
}
