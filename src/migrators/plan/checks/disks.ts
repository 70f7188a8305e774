import type { Concern, Disk, DiskBackend } from "../../types.js";
import { concern } from "../concerns.js";
import { allDevices, grouped, listed, movedDisks, type PlanContext } from "../context.js";

const GUEST_SECTOR = 512;

/** Whether the disks that are moved can be told apart, and are all that the guest needs. */
export function checkDisks(context: PlanContext): readonly Concern[] {
  const disks = movedDisks(context);
  if (disks.length === 0) {
    return [concern("disk-none", "no disk is left to move", "see rehome inspect, and excludeDisks in rehome.yaml")];
  }
  return [
    ...root(disks),
    ...disks.flatMap(backend),
    ...drives(context),
    ...excluded(context),
    ...serials(disks),
    ...disks.flatMap(sectorSize),
  ];
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

/** Only of a block device and of a raw image are the bytes on the host those of the disk. */
function backend({ name, path, size, backend: kept }: Disk): readonly Concern[] {
  if (kept === undefined) return [];
  if (kept !== "phy" && kept !== "file") {
    const { what, remedy } = unread(kept, path);
    return [concern("disk-backend-unsupported", `disk ${name} is ${what}`, `${remedy}, or exclude it (excludeDisks)`)];
  }
  if (size > 0) return [];
  return [
    concern(
      "disk-not-there",
      `disk ${name} should be ${path}, which is not there on its host`,
      "bring it back, or take the disk out of the domain's configuration",
    ),
  ];
}

/** Formats of images by the names that qemu-img has for them. */
const IMAGES: Readonly<Partial<Record<DiskBackend, string>>> = { qcow: "qcow", qcow2: "qcow2", qed: "qed", vhd: "vpc" };

function unread(kept: DiskBackend, path: string): { readonly what: string; readonly remedy: string } {
  const format = IMAGES[kept];
  if (format !== undefined) {
    return {
      what: `the image ${path} of format ${kept}, which is not read`,
      remedy:
        `shut the domain down, qemu-img convert -f ${format} -O raw ${path} into a logical volume or a file, and give the ` +
        "domain that (phy: or file:)",
    };
  }
  if (kept === "tap") {
    return {
      what: `kept by blktap (${path}), behind which nothing is read`,
      remedy: "shut the domain down and give it a raw image as file: instead of tap:aio:",
    };
  }
  return {
    what: `made by a script of its host (${path}), behind which nothing is read`,
    remedy: "shut the domain down and give it the block device itself (phy:/dev/…)",
  };
}

function drives({ machine: { drives: found = [] } }: PlanContext): readonly Concern[] {
  return found.map(({ name, medium }) =>
    concern(
      "drive-not-moved",
      medium === undefined ? `drive ${name} is empty and is not moved` : `drive ${name} (${medium}) is not moved`,
      "copy what the guest still needs of it onto a disk before",
    ),
  );
}
