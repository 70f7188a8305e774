import { gzipSync } from "node:zlib";
import type { GuestFilesystem } from "../types.js";
import { writeCpio, type CpioEntry } from "./cpio.js";

/** What the guest's disks need: virtio-blk on virtio-pci. */
const DRIVERS = ["virtio_blk", "virtio_pci"] as const;

/** An empty file in a last small archive of its own: the last bytes of an initramfs tell whether it was extended. */
const MARK = "conf/rehome-virtio-drivers";

/** kmod finds modules and what they depend on through these (depmod(8)). */
const INDEXES = ["modules.dep.bin", "modules.alias.bin"] as const;

/** Whether a kernel has virtio-blk, from what depmod and the kernel's build left beside its modules. */
export type DriverState = "builtin" | "modules" | "missing";

export async function driverState(files: GuestFilesystem, release: string): Promise<DriverState> {
  const { paths, builtin } = await readModules(files, release);
  if (DRIVERS.every((name) => findModule(builtin, name) !== undefined)) return "builtin";
  const all = [...paths.keys(), ...builtin];
  return DRIVERS.every((name) => findModule(all, name) !== undefined) ? "modules" : "missing";
}

/**
 * An archive with the virtio drivers of a kernel, to be appended to its initramfs: the kernel unpacks one archive after
 * the other, and later files replace earlier ones. Building the initramfs anew takes minutes where the guest's programs
 * are emulated; this takes a second, and what the initramfs does otherwise stays the same.
 */
export async function driverArchive(files: GuestFilesystem, release: string): Promise<Buffer> {
  const folder = `/lib/modules/${release}`;
  const modules = await modulePaths(files, release);
  const wanted = new Set<string>();
  for (const name of DRIVERS) {
    const path = findModule([...modules.keys()], name);
    if (path === undefined) continue; // built in
    wanted.add(path);
    for (const needed of modules.get(path) ?? []) wanted.add(needed);
  }
  const contents: CpioEntry[] = [];
  for (const name of [...wanted, ...INDEXES]) {
    const content = await files.read(`${folder}/${name}`);
    if (content !== undefined) contents.push({ path: `lib/modules/${release}/${name}`, content });
  }
  // `lib` itself must not be in it: in newer initramfs it is a link, which a folder would replace
  const folders = foldersOf(contents.map((entry) => entry.path)).filter((path) => path !== "lib");
  return writeCpio([...folders.map((path) => ({ path, content: undefined })), ...contents]);
}

/**
 * What is appended to an initramfs of this size. Uncompressed archives must begin at a multiple of four bytes; the mark
 * is one, so that it can be seen in the last bytes.
 */
export function appendix(archive: Buffer, size: number, compress: boolean): Buffer {
  const main = compress ? gzipSync(archive) : archive;
  const start = padding(size);
  const mark = writeCpio([{ path: MARK, content: Buffer.alloc(0) }]);
  return Buffer.concat([start, main, padding(size + start.length + main.length), mark]);
}

function padding(size: number): Buffer {
  return Buffer.alloc((4 - (size % 4)) % 4);
}

/** Whether rehome's archive ends this initramfs. */
export async function hasDriverArchive(files: GuestFilesystem, path: string, size: number): Promise<boolean> {
  return (await files.readPart(path, Math.max(0, size - 512), 512)).includes(`${MARK}\0`);
}

/** The drivers of a kernel. */
export interface Modules {
  /** Each module's path below /lib/modules/RELEASE, and those of all that it needs, the one to load last first. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
  /** Paths of what is built into the kernel. */
  readonly builtin: readonly string[];
}

export async function readModules(files: GuestFilesystem, release: string): Promise<Modules> {
  const builtin = (await files.read(`/lib/modules/${release}/modules.builtin`))?.toString("latin1") ?? "";
  return { paths: await modulePaths(files, release), builtin: builtin.split("\n") };
}

/** Every module of a kernel and those it depends on, as modules.dep has them: `kernel/a/b.ko.xz: kernel/c/d.ko`. */
async function modulePaths(files: GuestFilesystem, release: string): Promise<Map<string, readonly string[]>> {
  const text = (await files.read(`/lib/modules/${release}/modules.dep`))?.toString("latin1") ?? "";
  const modules = new Map<string, readonly string[]>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const needs = line
      .slice(colon + 1)
      .split(" ")
      .filter(isPlain);
    if (isPlain(line.slice(0, colon))) modules.set(line.slice(0, colon), needs);
  }
  return modules;
}

/** A path below the folder of modules, and nothing else. */
function isPlain(path: string): boolean {
  return /^[A-Za-z0-9_+.-]+(?:\/[A-Za-z0-9_+.-]+)*$/.test(path) && !path.split("/").includes("..");
}

export function findModule(paths: readonly string[], name: string): string | undefined {
  return paths.find((path) => /\/([^/]+)\.ko(?:\.\w+)?$/.exec(path)?.[1]?.replaceAll("-", "_") === name);
}

function foldersOf(paths: readonly string[]): readonly string[] {
  const folders = paths.flatMap((path) => {
    const parts = path.split("/").slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  });
  return [...new Set(folders)].toSorted();
}
