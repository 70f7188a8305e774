/**
 * The model of the conversion: what a guest's disks need to boot on KVM. Read this first.
 *
 * A conversion works on qcow2 overlays, so that the staged volumes stay as they are until it has succeeded:
 * prepareOverlays → convertGuest → commitOverlays, or discardOverlays at any time before the commit.
 */
import type { Host } from "../../lib/host/types.js";
import type { Report } from "../../lib/report.js";
import type { Distribution, GuestPlan, Machine } from "../types.js";
import type { WaitingAppliance } from "./guestfs/waiting.js";

/** The guest whose disks are converted, and where. */
export interface ConversionTarget {
  readonly plan: GuestPlan;
  /** The target: it has the volumes, qemu-img and libguestfs. */
  readonly host: Host;
  /** Folder of this guest's conversion on the target; made when missing. It needs some hundred MiB of free space. */
  readonly workFolder: string;
  /** On the machine that rehome runs on: what prepareKernel put there, if the guest needed it. */
  readonly kernelFolder?: string;
  /** On the same machine: what earlier conversions of the guest made, to be used again; nothing is kept without it. */
  readonly productsFolder?: string;
  readonly signal?: AbortSignal;
}

/** One disk of the guest as the conversion sees it. */
export interface OverlayDisk {
  /** The guest's device: `vda`. */
  readonly device: string;
  /** qcow2 image over the volume. */
  readonly overlayPath: string;
}

export interface ConversionOptions extends ConversionTarget {
  /** The machine as it was inspected. */
  readonly machine: Machine;
  /** What prepareOverlays returned. */
  readonly disks: readonly OverlayDisk[];
  /** What this host runs virtual machines with, by probeHypervisor: the appliance is one too. */
  readonly hypervisor: "kvm" | "qemu";
  /** An appliance that was started ahead; a new one is started without it. It has ended when the conversion has. */
  readonly waiting?: WaitingAppliance | undefined;
  readonly report: Report;
  /** Id of the reported task that the conversion is a part of. */
  readonly parentTask?: string;
}

/** What a conversion did, or would do. */
export interface ConversionReport {
  readonly changes: readonly Change[];
  /** What the administrator should know, and what could not be fixed. */
  readonly warnings: readonly string[];
  /** Where the time went, in order; downtime is made of it. */
  readonly phases: readonly Phase[];
  /** Without the start of the appliance, in ms. */
  readonly durationMs: number;
  /** The start of the appliance, in ms; one that was waiting started before. */
  readonly startMs: number;
}

/** One thing that was changed inside the guest. */
export interface Change {
  /** Name of the step. */
  readonly step: string;
  /** In a few words: `/dev/sda1 is now UUID=…`. */
  readonly what: string;
  /** Paths inside the guest. */
  readonly files: readonly string[];
}

export interface Phase {
  readonly name: string;
  readonly durationMs: number;
}

/**
 * The guest's mounted file systems. Everything in them is untrusted: paths are resolved inside the appliance, where a
 * link cannot leave the guest. All paths are absolute.
 */
export interface GuestFilesystem {
  /** A regular file's content; undefined when there is none. @throws RehomeError conversion-failed above 8 MiB */
  read(path: string): Promise<Buffer | undefined>;
  /** Up to `length` bytes (1 MiB at most) of a regular file of any size. */
  readPart(path: string, offset: number, length: number): Promise<Buffer>;
  /** Writes a file, which keeps its owner and mode; a new one is root's with mode 0644. @throws RehomeError guest-disk-full */
  write(path: string, content: string | Buffer): Promise<void>;
  append(path: string, content: Buffer): Promise<void>;
  /** Undefined when there is nothing; links are followed. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Names in a folder, sorted; none when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** Unpacks a tar archive into a folder that is there. @throws RehomeError guest-disk-full */
  unpack(archive: Buffer, folder: string): Promise<void>;
  link(target: string, path: string): Promise<void>;
  /**
   * Runs a program of the guest inside the appliance, without network.
   * @returns its standard output
   * @throws RehomeError command-failed, command-timeout
   */
  command(argv: readonly string[], timeoutMs?: number): Promise<string>;
  /** The sha256 digest of a regular file's content, in hexadecimal. */
  digest(path: string): Promise<string>;
  /**
   * The same for the same programs, drivers and configuration, as far as files can tell; undefined when that cannot be
   * found out.
   */
  fingerprint(): Promise<string | undefined>;
  /** Bytes of one of the guest's disks: `vda`. */
  readDisk(device: string, offset: number, length: number): Promise<Buffer>;
  /** Writes to a disk outside of its partitions, for boot loaders. */
  writeDisk(device: string, offset: number, content: Buffer): Promise<void>;
}

export interface FileStatus {
  readonly type: "file" | "folder" | "other";
  readonly size: number;
  readonly mode: number;
}

/** What blkid sees on a partition or volume of the staged disks. */
export interface GuestDevice {
  /** In the guest: `/dev/vda1`, `/dev/vg0/root`. */
  readonly path: string;
  /** As the source names it, for disks and partitions: `/dev/sda1`. */
  readonly sourcePath: string | undefined;
  /** `ext4`, `xfs`, `swap`, `crypto_LUKS` …; undefined when nothing is known on it. */
  readonly format: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  /** Of the partition that it is. */
  readonly partUuid: string | undefined;
}

/** GRUB for a BIOS, with all that it needs inside: the guest's file systems need not have any of its modules. */
export interface GrubImages {
  /** The boot sector as GRUB ships it (boot.img). */
  readonly boot: Buffer;
  /** What the boot sector loads (core.img). */
  readonly core: Buffer;
}

/** What a guest may need that it does not have itself. */
export interface Supplies {
  /**
   * GRUB that reads `folder`/grub.cfg on the file system with this UUID; made on the target.
   * @throws RehomeError tool-missing, command-failed
   */
  grub(uuid: string, folder: string): Promise<GrubImages>;
  /** The kernel that prepareKernel found for the guest; undefined when it was thought to have one. */
  kernel(): Promise<SuppliedKernel | undefined>;
  readonly products: Products;
  /** A statically linked busybox. @throws RehomeError tool-missing */
  busybox(): Promise<Buffer>;
}

/** What conversions of a guest made and took long for. A name tells all that it was made from. */
export interface Products {
  /** The files of a product, as they were kept. */
  find(name: string): Promise<readonly Buffer[] | undefined>;
  /** @param replaces what begins with this goes: it was made from what is no more */
  keep(name: string, files: readonly Buffer[], replaces?: string): Promise<void>;
}

/** Files that a command makes; one that is not there is kept as an empty one. */
export interface ProductEdit {
  readonly name: string;
  readonly paths: readonly string[];
  readonly replaces: string;
}

/** A kernel from outside of the guest. */
export interface SuppliedKernel {
  readonly release: string;
  readonly image: Buffer;
  /** Made by its hypervisor's host for that guest or for all of them. */
  readonly ramdisk: Buffer | undefined;
  /** A tar archive with the folder RELEASE of modules; undefined where the guest has them. */
  readonly modules: Buffer | undefined;
}

/** What a step may look at. */
export interface StepContext {
  readonly files: GuestFilesystem;
  /** What is mounted where: `/` always, `/boot` where it is a file system of its own, and so on. */
  readonly mounts: ReadonlyMap<string, GuestDevice>;
  readonly supplies: Supplies;
  readonly plan: GuestPlan;
  readonly machine: Machine;
  /** From the guest's os-release. */
  readonly distribution: Distribution;
  readonly devices: readonly GuestDevice[];
}

/**
 * One concern of the conversion. `check` says as data what has to change; applyEdit carries it out; a second check must
 * then find nothing more to change. To add a step: write it, and list it in steps/index.ts.
 */
export interface Step {
  readonly name: string;
  check(context: StepContext): Promise<Finding>;
}

export interface Finding {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

/** A change inside the guest, as data. */
export type Edit = { readonly what: readonly string[] } & (
  | { readonly kind: "write"; readonly path: string; readonly content: string | Buffer }
  | { readonly kind: "append"; readonly path: string; readonly content: Buffer }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "unpack"; readonly path: string; readonly archive: Buffer }
  | { readonly kind: "disk"; readonly device: string; readonly offset: number; readonly content: Buffer }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      readonly kind: "command";
      readonly argv: readonly string[];
      readonly files: readonly string[];
      readonly timeoutMs: number;
      /** What it makes, which is kept for the next conversion. */
      readonly product?: ProductEdit;
    }
);
