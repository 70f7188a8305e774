import type { Host } from "../../../lib/host/types.js";
import type { BlockDevice, Disk, Machine } from "../../types.js";
import type { TrackedVolume } from "../types.js";
import { methodOf, type Run } from "./followed-disk.js";
import type { SourceVolume } from "./lvm.js";
import type { Method } from "./method.js";
import { isSound, isWhole, piecesOf, placeOf, type Layout } from "./places.js";

/** A logical volume on the disk that may be followed. */
export interface Candidate {
  /** As the journal has it: `sda/vg0/root`. */
  readonly name: string;
  readonly origin: SourceVolume;
  readonly method: Method;
  readonly place: string;
  readonly volume: TrackedVolume;
}

/** Volumes of which all is known: active, linear, wholly on this disk, where the kernel says so too; and fit for a snapshot. */
export async function candidatesOn(
  run: Run,
  { plan, volume }: TrackedVolume,
  layout: Layout,
): Promise<readonly Candidate[]> {
  const why = !isSound(layout, plan.size)
    ? "what LVM says of it overlaps, or is not on the disk"
    : run.arm && !(await locksInMemory(run.host))
      ? "LVM keeps its locks on a disk, so that no snapshot could be removed at rest"
      : undefined;
  if (why !== undefined && layout.pieces.length > 0) {
    run.report.note({ severity: "warning", text: `all of ${plan.sourcePath} is compared: ${why}` });
  }
  if (why !== undefined) return [];
  const { context, found = [] } = run;
  const disk = context.machine.disks.find(({ name }) => name === plan.disk);
  const unfit = disk === undefined ? [] : unfitOn(disk);
  const early = run.arm && disk !== undefined ? neededEarlyOn(disk) : [];
  return found.flatMap((origin): Candidate[] => {
    const method = methodOf(origin);
    const pieces = piecesOf(layout, origin.group, origin.name);
    if (method?.kind !== "snapshot" || origin.device === undefined || unfit.includes(origin.dmName)) return [];
    if (!isWhole(layout, pieces, origin)) return [];
    const risk = disk && early.includes(origin.dmName) ? riskAtStart(context.machine, disk, origin.group) : undefined;
    if (risk !== undefined) {
      const text = `all of /dev/${origin.group}/${origin.name} is compared: with a snapshot of it the source might not start again, for ${risk}`;
      run.report.note({ severity: "warning", text });
      return [];
    }
    const name = `${plan.disk}/${origin.group}/${origin.name}`;
    const { size } = origin;
    const identity = { size, serial: undefined, tableId: undefined };
    const own = { disk: name, sourcePath: `/dev/${origin.group}/${origin.name}`, size, identity };
    return [{ name, origin, method, place: placeOf(pieces), volume: { plan: own, volume } }];
  });
}

/** Where LVM has its locks (lvm.conf's locking_dir), by default and before /run was there. */
const LOCKS = ["/run/lock/lvm", "/var/lock/lvm"];

/** At rest all file systems on disks are read-only, and LVM refuses to work without its locks. */
async function locksInMemory(host: Host): Promise<boolean> {
  const { stdout } = await host.run(["stat", "-f", "-c", "%T", ...LOCKS]);
  return /^(tmpfs|ramfs)$/.test(stdout.trim().split("\n")[0] ?? "");
}

/**
 * Names of the devices that get no snapshot: swap space, which no copy needs, what is shared with other machines, and what
 * the kernel, LVM or udev take up by its UUID wherever they see it, and would find twice.
 */
function unfitOn({ contents }: Pick<Disk | BlockDevice, "contents">): readonly string[] {
  return contents.flatMap((device) => [...(isUnfit(device) ? [device.name] : []), ...unfitOn(device)]);
}

/**
 * What is looked for on all devices, by blkid's names: by the kernel, or by a service that would write to either of two.
 * Parts of LVM, RAID and ZFS are all called `…_member`.
 */
const LOOKED_FOR: readonly string[] = ["btrfs", "bcache", "bcachefs", "stratis", "oracleasm", "ceph_bluestore"];

/** What other machines may write to, whose writes no snapshot of this one's sees. */
const SHARED: readonly string[] = ["gfs", "gfs2", "ocfs2"];

function isUnfit({ format = "" }: BlockDevice): boolean {
  return format === "swap" || SHARED.includes(format) || LOOKED_FOR.includes(format) || format.endsWith("_member");
}

/**
 * Why a source that is restarted might not find its root when that has a snapshot, in words: LVM activates no origin
 * without dm-snapshot, nor without the disk where the snapshot keeps what was overwritten. Undefined when it would.
 */
function riskAtStart({ kernels, volumeGroups }: Machine, disk: Disk, group: string): string | undefined {
  const bootable = kernels.filter(({ modulesOnly }) => modulesOnly !== true);
  if (bootable.length === 0 || bootable.some(({ hasSnapshots }) => hasSnapshots !== true)) {
    return "not every initramfs there is known to have dm-snapshot";
  }
  const here = [disk.name, ...namesOn(disk)];
  const parts = volumeGroups.find(({ name }) => name === group)?.physicalVolumes ?? ["missing"];
  if (parts.every((name) => here.includes(name))) return undefined;
  return "the snapshot may lie on another disk of its volume group, which an initramfs need not know";
}

function namesOn({ contents }: Pick<Disk | BlockDevice, "contents">): readonly string[] {
  return contents.flatMap((device) => [device.name, ...namesOn(device)]);
}

/** What an initramfs mounts. */
const EARLY: readonly string[] = ["/", "/usr"];

/** Names of the devices that an initramfs has to find, and of those that they are on. */
function neededEarlyOn({ contents }: Pick<Disk | BlockDevice, "contents">): readonly string[] {
  return contents.flatMap((device) => {
    const below = neededEarlyOn(device);
    return EARLY.includes(device.mountPoint ?? "") || below.length > 0 ? [device.name, ...below] : [];
  });
}
