/**
 * The model: what a machine is, what becomes of it, and how far that is. Read this first.
 * Sizes are bytes, times are ms since the epoch or durations in ms, unless a name says otherwise.
 */

import type { Concern } from "../lib/concern.js";
import type { RaidArray } from "../lib/mdstat.js";

export type { Concern, RaidArray };

/** How a machine starts. */
export type Firmware = "bios" | "uefi";

/** Kinds of sources; each has a folder in src/migrators and an entry in registry.ts. */
export type SourceKind = "physical" | "xen";

/** A machine as `rehome inspect` finds it. */
export interface Machine {
  readonly hostname: string;
  /** systemd's or the kernel's boot id: another one means that the machine was restarted. */
  readonly bootId: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memory: number;
  readonly firmware: Firmware;
  readonly bootLoader: BootLoader | undefined;
  readonly distribution: Distribution;
  readonly kernels: readonly Kernel[];
  readonly disks: readonly Disk[];
  /** CD-ROM and empty drives of a hypervisor's guest. */
  readonly drives?: readonly Drive[];
  readonly volumeGroups: readonly VolumeGroup[];
  readonly raidArrays: readonly RaidArray[];
  readonly network: Network;
  /** What it already runs under (`kvm`, `xen`, `vmware` …), undefined on bare metal. */
  readonly hypervisor: string | undefined;
  /** How its hypervisor starts it; absent where the machine starts from a boot sector or the firmware by itself. */
  readonly boot?: HostedBoot;
  /** `docker`, `lxc`, `openvz` … when this is no machine but a container in one. */
  readonly container: string | undefined;
  /** It is the control domain of a Xen host (dom0), on which other domains depend. */
  readonly xenHost?: true;
  /** The machine's clock minus ours, in ms. */
  readonly clockSkewMs: number;
  /** Without root's rights much stays unknown, and disks cannot be read. */
  readonly inspectedAsRoot: boolean;
  /** What `inspect` could not find out, and why; unknown never means absent. */
  readonly unknown: readonly string[];
}

export interface BootLoader {
  readonly name: "grub-pc" | "grub-efi" | "lilo" | "extlinux" | "systemd-boot" | "grub-legacy";
  /** The disk whose first sector holds it, on BIOS machines where it was found. */
  readonly disk?: string;
}

/** How a paravirtual guest starts, which needs no boot loader on its disks. */
export type HostedBoot =
  /** The hypervisor's host reads the guest's own GRUB menu (`pygrub`) and takes kernel and initramfs out of its disk. */
  | { readonly how: "menu" }
  /** The kernel is a file of the hypervisor's host. */
  | {
      readonly how: "outside";
      /** Path on the source's host. */
      readonly kernel: string;
      readonly ramdisk: string | undefined;
      /** All of the kernel's command line, root included: `root=/dev/xvda1 ro console=hvc0`. */
      readonly commandLine: string;
      /** As `uname -r` prints it; undefined when it could not be read out of the file. */
      readonly release: string | undefined;
      /** Whether the guest has /lib/modules of that release; undefined when nobody could look. */
      readonly hasModules: boolean | undefined;
    };

/** From os-release(5), or what older distributions have in its place. */
export interface Distribution {
  readonly id: string;
  readonly version: string;
  readonly name: string;
}

export interface Kernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  readonly running: boolean;
  /** Whether its initramfs (or the kernel itself) has virtio_blk or virtio_scsi with virtio_pci; undefined when it could not be read. */
  readonly hasVirtio: boolean | undefined;
  /** Whether it, or its initramfs, has dm-snapshot; absent when that could not be read. */
  readonly hasSnapshots?: boolean;
  /** Only its modules are in /lib/modules; the kernel itself is not in /boot. */
  readonly modulesOnly?: true;
}

/** A whole disk of the source, or what its hypervisor gives a paravirtual guest as a single partition (`xvda1`). */
export interface Disk {
  /** Kernel name on the machine itself, without /dev: `sda`, `xvda`, `xvda1`. */
  readonly name: string;
  /** Where it is read: `/dev/sda`, or on the hypervisor's host `/dev/xenvg/web1-root`. */
  readonly path: string;
  /** How the hypervisor's host keeps it; absent where the machine has the disk itself. */
  readonly backend?: DiskBackend;
  /** A name below /dev/disk/by-id, which stays when kernel names change places; read it by this one where there is one. */
  readonly stablePath: string | undefined;
  readonly size: number;
  readonly logicalSectorSize: number;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  readonly rotational: boolean;
  readonly partitionTable: "dos" | "gpt" | undefined;
  /** The table's id as blkid's PTUUID: `1f2e3d4c` (dos) or a GUID in lower case (gpt). */
  readonly tableId: string | undefined;
  /** File system (or LVM, LUKS, mdraid) straight on the disk, without a partition table. */
  readonly format: string | undefined;
  readonly uuid: string | undefined;
  /** Where a file system straight on the disk is mounted. */
  readonly mountPoint: string | undefined;
  readonly usedBytes?: number;
  readonly freeBytes?: number;
  /** What is on it: partitions, and below them LVM, mdraid, LUKS and file systems. */
  readonly contents: readonly BlockDevice[];
}

/**
 * What stands behind a guest's disk on its host: a block device (`phy`), a raw image (`file`), a raw image behind blktap
 * (`tap`), an image in a format of its own, or what a script of the host makes (`other`).
 */
export type DiskBackend = "phy" | "file" | "tap" | "qcow" | "qcow2" | "qed" | "vhd" | "other";

/** A drive for media that are put in and taken out, or a drive without one; never copied. */
export interface Drive {
  /** As the machine has it: `hdc`. */
  readonly name: string;
  /** What is in it, on the hypervisor's host; undefined when it is empty. */
  readonly medium: string | undefined;
}

/** A node in the tree below a disk. */
export interface BlockDevice {
  /** Kernel or device-mapper name: `sda1`, `vg0-root`. */
  readonly name: string;
  readonly path: string;
  readonly type: "partition" | "lvm" | "raid" | "crypt" | "other";
  readonly size: number;
  /** First byte on the parent, for partitions. */
  readonly start?: number;
  /** What blkid sees on it: `ext4`, `xfs`, `swap`, `LVM2_member`, `crypto_LUKS`, `linux_raid_member` … */
  readonly format: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  readonly mountPoint: string | undefined;
  /** Of the mounted file system. */
  readonly usedBytes?: number;
  readonly freeBytes?: number;
  readonly contents: readonly BlockDevice[];
}

/** An LVM volume group. */
export interface VolumeGroup {
  readonly name: string;
  readonly uuid: string;
  readonly size: number;
  readonly free: number;
  readonly extentSize: number;
  /** Kernel or device-mapper names of its physical volumes: `sda2`; `missing` for one that is not there. */
  readonly physicalVolumes: readonly string[];
  readonly logicalVolumes: readonly LogicalVolume[];
}

export interface LogicalVolume {
  readonly name: string;
  /** `/dev/vg0/root` */
  readonly path: string;
  readonly size: number;
  /** LVM's segment type: `linear`, `striped`, `thin`, `thin-pool`, `snapshot`, `raid1` … */
  readonly kind: string;
}

export interface Network {
  readonly nics: readonly Nic[];
  readonly routes: readonly Route[];
  readonly nameservers: readonly string[];
}

export interface Nic {
  readonly name: string;
  readonly mac: string;
  /** With prefix length: `192.0.2.10/24`. */
  readonly addresses: readonly string[];
  readonly up: boolean;
  /** A real card; bridges, bonds, VLANs and tunnels are not. */
  readonly physical: boolean;
}

export interface Route {
  /** `default` or a network with prefix length. */
  readonly destination: string;
  readonly gateway: string | undefined;
  readonly nic: string;
}

/** What becomes of one source machine: the result of `rehome plan`, the input of everything after it. */
export interface GuestPlan {
  /** The guest's name: a valid libvirt name and XML id. */
  readonly name: string;
  readonly source: string;
  readonly vcpus: number;
  readonly memory: number;
  readonly firmware: Firmware;
  readonly volumes: readonly VolumePlan[];
  readonly nics: readonly NicPlan[];
  readonly concerns: readonly Concern[];
}

/** A disk of the source that is copied. */
export interface SourceDisk {
  /** Its kernel name on the source. */
  readonly disk: string;
  readonly sourcePath: string;
  readonly size: number;
  readonly identity: DiskIdentity;
}

/**
 * One disk of the guest and its volume: the copy of a disk of the source. Or several of them wrapped into one, which have
 * no partition table: then `disk` is the name that they share (`xvda` of `xvda1`), `size` and `identity` are the
 * volume's, and `sourcePath` is that of the first.
 */
export interface VolumePlan extends SourceDisk {
  /** The volume's path on the target. */
  readonly path: string;
  /** The guest's device: `vda`, `vdb` … */
  readonly device: string;
  readonly wrapping?: Wrapping;
}

/** A partition table of rehome's own around disks of the source that have none; boot loader area in front. */
export interface Wrapping {
  readonly table: "dos" | "gpt";
  /** The table's id as blkid's PTUUID: 8 hexadecimal digits (dos) or a GUID (gpt). */
  readonly tableId: string;
  /** By number. */
  readonly parts: readonly WrappedDisk[];
}

/** A disk of the source that becomes a partition. */
export interface WrappedDisk extends SourceDisk {
  /** The partition's number: 3 for `xvda3`, which becomes `vda3`. */
  readonly number: number;
  /** First byte of it in the volume. */
  readonly offset: number;
  readonly use: "linux" | "swap" | "lvm";
}

/** What must be the same for a disk to be the same disk (migration rule 5). */
export interface DiskIdentity {
  readonly size: number;
  readonly serial: string | undefined;
  /** The partition table's id (MBR signature or GPT GUID) or the file system's UUID on an unpartitioned disk. */
  readonly tableId: string | undefined;
}

export interface NicPlan {
  /** The source's name for it, pinned in the guest by MAC. */
  readonly name: string;
  readonly mac: string;
  readonly bridge: string;
}

/** One pass over one disk: what it read and what travelled. */
export interface Pass {
  readonly disk: string;
  /** 1 is the first full copy. */
  readonly number: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly totalBytes: number;
  /** Chunks found all zero. */
  readonly zeroBytes: number;
  /** Chunks found as they already are on the target. */
  readonly unchangedBytes: number;
  /** Bytes written to the target. */
  readonly writtenBytes: number;
  /** Bytes sent over the wire in both directions, protocol included. */
  readonly wireBytes: number;
  /** Bytes read on the source. */
  readonly readBytes?: number;
  /** How what changed was found: by comparing everything, from a snapshot's table, or from the metadata of a thin pool. */
  readonly tracker: "hash" | "snapshot" | "thin";
  /** Whether the source was quiesced, so that the target is a consistent copy afterwards. */
  readonly quiesced: boolean;
}

/**
 * What follows the changes of one disk from pass to pass: a snapshot on the source. Nothing is believed of it unless the
 * machine's boot, the volume's identity and size, the snapshot's own identity and the target's volume are still the same.
 */
export interface Tracking {
  readonly kind: "snapshot" | "thin";
  /** Names the copy on the target: the volume's mark, and its place there. */
  readonly volume: string;
  readonly bootId: string;
  /** The logical volume that is copied. */
  readonly origin: { readonly group: string; readonly name: string; readonly uuid: string; readonly size: number };
  /** Where it lies on the disk that is copied, when it is a part of one; as tracking/places.ts says it. */
  readonly place?: string;
  /** Counts the snapshots made of it, from 1. */
  readonly generation: number;
  /** The target is, or will be after this pass, as the origin was when this was made. */
  readonly snapshot: { readonly name: string; readonly uuid: string };
  /** What is still to be copied from the snapshot: `all`, or extents as packed by tracking/extents.ts. */
  readonly pending: string;
}

/** Where a guest is on its way; only `rehome commit` is final. */
export type GuestState =
  | "planned" // nothing copied yet
  | "staging" // some pass began, none has ended on every disk
  | "staged" // every disk has a complete pass
  | "cutting-over" // the cutover began and neither finished nor was undone
  | "cut-over" // the guest runs here, the source is off and can come back
  | "committed"; // the source is no longer needed
