import { readFile } from "node:fs/promises";
import { RehomeError } from "../../../lib/errors.js";
import type { GuestFilesystem } from "../types.js";
import { writeCpio, type CpioEntry } from "./cpio.js";
import { appendix, findModule, readModules, type Modules } from "./drivers.js";

const INIT = new URL("../../../../templates/initramfs-init.sh", import.meta.url);

/** What file systems need besides what they depend on: checksums are looked for by name when they are mounted. */
const CHECKSUMS = ["crc32c_generic", "crc32c_intel", "crc32c"];

/**
 * An initramfs that does what a guest with its root on a partition needs and no more: virtio drivers, the root's file
 * system, a shell that mounts it (templates/initramfs-init.sh). It comes from the kernel's modules and from a busybox, so
 * neither the guest's age nor its packages matter, and nothing of it is run.
 * @param format of the root file system: `ext4`
 * @param busybox a statically linked one
 * @throws RehomeError guest-unsupported when the kernel lacks a driver, or has them compressed
 */
export async function composeInitramfs(
  files: GuestFilesystem,
  release: string,
  format: string,
  busybox: Buffer,
): Promise<Buffer> {
  const modules = await readModules(files, release);
  // an ext4 that serves ext2 and ext3 too, where these have no driver of their own
  const roots = /^ext[23]$/.test(format) ? [format, "ext4"] : [format];
  if (!roots.some((name) => has(modules, name))) throw lacking(release, `no driver for ${format}`);
  for (const name of ["virtio_pci", "virtio_blk"]) {
    if (!has(modules, name)) throw lacking(release, `no ${name}`);
  }
  const order = loadOrder(modules, ["virtio_pci", "virtio_blk", ...CHECKSUMS, ...roots]);
  const packed = order.find((path) => !path.endsWith(".ko"));
  if (packed !== undefined) throw lacking(release, `compressed modules (${packed})`);
  const contents: CpioEntry[] = [];
  for (const path of order) {
    const content = await files.read(`/lib/modules/${release}/${path}`);
    if (content === undefined) throw lacking(release, `no ${path}, which modules.dep names`);
    contents.push({ path: `modules/${nameOf(path)}`, content });
  }
  const archive = writeCpio([
    ...["bin", "modules"].map((path) => ({ path, content: undefined })),
    { path: "init", content: await readFile(INIT), executable: true },
    { path: "bin/busybox", content: busybox, executable: true },
    { path: "modules/order", content: Buffer.from(order.map((path) => `${nameOf(path)}\n`).join("")) },
    ...contents,
  ]);
  return appendix(archive, 0, true);
}

function has({ paths, builtin }: Modules, name: string): boolean {
  return findModule([...paths.keys(), ...builtin], name) !== undefined;
}

/** Paths of the modules with what they need, each after what it needs; those that are built in are left out. */
export function loadOrder({ paths }: Modules, names: readonly string[]): readonly string[] {
  const order = new Set<string>();
  const seen = new Set<string>(); // the guest's own index may go round in circles
  function add(path: string): void {
    if (seen.has(path)) return;
    seen.add(path);
    for (const needed of paths.get(path) ?? []) add(needed);
    order.add(path);
  }
  for (const name of names) {
    const path = findModule([...paths.keys()], name);
    if (path !== undefined) add(path);
  }
  return [...order];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function lacking(release: string, what: string): RehomeError {
  return new RehomeError("guest-unsupported", `no initramfs can be made for the kernel ${release}: ${what}`, {
    remedy:
      "install a kernel of the distribution on the source, or give another one with kernelPackages in rehome.yaml",
  });
}

/** Whether a program needs no libraries: an ELF file without an interpreter (elf(5)). */
export function isStatic(program: Buffer): boolean {
  if (program.toString("latin1", 0, 4) !== "\x7fELF" || program[4] !== 2) return false;
  const [table, size, count] = [
    Number(program.readBigUInt64LE(32)),
    program.readUInt16LE(54),
    program.readUInt16LE(56),
  ];
  const types = Array.from({ length: count }, (_, index) => program.readUInt32LE(table + index * size));
  return !types.includes(PT_INTERP);
}

const PT_INTERP = 3;
