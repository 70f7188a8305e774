import { createHash } from "node:crypto";
import { RehomeError } from "../../../src/lib/errors.js";
import type { FileStatus, GuestDevice, GuestFilesystem, StepContext } from "../../../src/migrators/conversion/types.js";
import { guestPlan, machine } from "./fixtures.js";

/** A guest's file system in memory: files by path, the folders above them are there by themselves. */
export interface MemoryFilesystem extends GuestFilesystem {
  readonly files: Map<string, Buffer>;
  readonly links: Map<string, string>;
  /** Programs that were run. */
  readonly commands: string[][];
  text(path: string): string | undefined;
}

export interface MemoryOptions {
  readonly disks?: Readonly<Record<string, Buffer>>;
  /** What programs of the guest print. */
  readonly command?: (argv: readonly string[]) => string;
  readonly fingerprint?: () => string | undefined;
}

export function memoryFilesystem(
  content: Readonly<Record<string, string | Buffer>>,
  options: MemoryOptions = {},
): MemoryFilesystem {
  const files = new Map(Object.entries(content).map(([path, data]) => [path, Buffer.from(data)]));
  const links = new Map<string, string>();
  const commands: string[][] = [];
  const written = new Map<string, Buffer>();
  const diskOf = (device: string): Buffer | undefined => written.get(device) ?? options.disks?.[device];
  const names = (folder: string): string[] => {
    const below = [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].toSorted();
  };
  function stat(path: string): FileStatus | undefined {
    const file = files.get(path);
    if (file !== undefined) return { type: "file", size: file.length, mode: 0o644 };
    if (links.has(path)) return { type: "file", size: 0, mode: 0o644 };
    return names(path).length > 0 ? { type: "folder", size: 0, mode: 0o755 } : undefined;
  }
  return {
    files,
    links,
    commands,
    text: (path) => files.get(path)?.toString("latin1"),
    read: (path) => Promise.resolve(files.get(path)),
    readPart(path, offset, length) {
      const file = files.get(path);
      if (file === undefined) return Promise.reject(new RehomeError("conversion-failed", "no such file", { path }));
      return Promise.resolve(file.subarray(offset, offset + length));
    },
    write(path, data) {
      files.set(path, Buffer.from(data));
      return Promise.resolve();
    },
    append(path, data) {
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), data]));
      return Promise.resolve();
    },
    digest: (path) => Promise.resolve(digest(files.get(path) ?? Buffer.alloc(0))),
    fingerprint: () => Promise.resolve(options.fingerprint?.()),
    stat: (path) => Promise.resolve(stat(path)),
    list: (path) => Promise.resolve(names(path)),
    remove(path) {
      files.delete(path);
      return Promise.resolve();
    },
    unpack(archive, folder) {
      files.set(`${folder}/unpacked`, Buffer.from(archive));
      return Promise.resolve();
    },
    makeFolder: () => Promise.resolve(),
    link(target, path) {
      links.set(path, target);
      return Promise.resolve();
    },
    command(argv) {
      commands.push([...argv]);
      if (options.command === undefined) {
        return Promise.reject(new RehomeError("command-failed", `${argv[0] ?? ""} failed inside the guest`));
      }
      return Promise.resolve(options.command(argv));
    },
    writeDisk(device, offset, data) {
      const before = diskOf(device) ?? Buffer.alloc(0);
      const disk = Buffer.alloc(Math.max(before.length, offset + data.length));
      before.copy(disk);
      data.copy(disk, offset);
      written.set(device, disk);
      return Promise.resolve();
    },
    readDisk: (device, offset, length) =>
      Promise.resolve((diskOf(device) ?? Buffer.alloc(length)).subarray(offset, offset + length)),
  };
}

export const UUIDS = {
  boot: "0b007000-0000-4000-8000-000000000001",
  root: "70070000-0000-4000-8000-000000000002",
  swap: "5a500000-0000-4000-8000-000000000003",
  data: "da7a0000-0000-4000-8000-000000000004",
} as const;

/** Two disks: sda with /boot, swap and a PV that has vg0-root; sdb with one file system of data. */
export const DEVICES: readonly GuestDevice[] = [
  device("/dev/vda1", "/dev/sda1", "ext4", UUIDS.boot, "boot"),
  device("/dev/vda2", "/dev/sda2", "swap", UUIDS.swap),
  device("/dev/vda3", "/dev/sda3", "LVM2_member", "pv"),
  device("/dev/vdb1", "/dev/sdb1", "xfs", UUIDS.data, "my data"),
  device("/dev/mapper/vg0-root", undefined, "ext4", UUIDS.root),
];

function device(
  path: string,
  sourcePath: string | undefined,
  format: string,
  uuid: string,
  label?: string,
): GuestDevice {
  return { path, sourcePath, format, uuid, label, partUuid: undefined };
}

/** A target without anything to give. */
export const NO_SUPPLIES: StepContext["supplies"] = {
  grub: () => Promise.reject(new RehomeError("tool-missing", "the test has no GRUB")),
  kernel: () => Promise.resolve(undefined),
  busybox: () => Promise.reject(new RehomeError("tool-missing", "the test has no busybox")),
  products: { find: () => Promise.resolve(undefined), keep: () => Promise.resolve() },
};

function digest(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

export function stepContext(files: GuestFilesystem, changes: Partial<StepContext> = {}): StepContext {
  return {
    files,
    mounts: new Map(DEVICES.flatMap((found) => (found.uuid === UUIDS.root ? [["/", found] as const] : []))),
    supplies: NO_SUPPLIES,
    plan: guestPlan(["/volumes/a", "/volumes/b"]),
    machine: machine(),
    distribution: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
    devices: DEVICES,
    ...changes,
  };
}
