import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RehomeError } from "../../../lib/errors.js";
import { makeFolder } from "../../../lib/folder.js";
import { localHost } from "../../../lib/host/local-host.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { GuestStore } from "../../guest-store.js";
import type { SuppliedKernel } from "../types.js";
import type { KernelChoice } from "./choose.js";

/** Names in the folder: the release as text, the kernel, and what there is besides. */
const [RELEASE, IMAGE, RAMDISK, MODULES] = ["release", "vmlinuz", "initrd", "modules.tar"] as const;

/** Where a guest's prepared kernel is. */
export function kernelFolder({ folder }: Pick<GuestStore, "folder">): string {
  return join(folder, "kernel");
}

/**
 * Brings the kernel of a guest that has none onto the machine that rehome runs on, before anything is copied: what would
 * fail then must not fail in the window. What was there before is replaced at once.
 * @param source connects to the hypervisor's host; called only when the kernel comes from there
 * @throws RehomeError guest-unsupported, file-unreadable, command-failed
 */
export async function prepareKernel(choice: KernelChoice, folder: string, source: () => Promise<Host>): Promise<void> {
  if (choice.from !== "host" && choice.from !== "packages") {
    await rm(folder, { recursive: true, force: true });
    return;
  }
  await makeFolder(dirname(folder), 0o700);
  const work = await mkdtemp(`${folder}.new-`);
  try {
    const made = join(work, "kernel");
    await mkdir(made, { mode: 0o700 });
    if (choice.from === "host") await fromHost(choice, made, source);
    else await fromPackages(choice.paths, made, join(work, "unpacked"));
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fromHost(
  { release, kernel, ramdisk }: KernelChoice & { readonly from: "host" },
  made: string,
  source: () => Promise<Host>,
): Promise<void> {
  const host = await source();
  try {
    await writeFile(join(made, IMAGE), await host.readFile(kernel));
    if (ramdisk !== undefined) await writeFile(join(made, RAMDISK), await host.readFile(ramdisk));
    await writeFile(join(made, RELEASE), release);
  } finally {
    await host.close();
  }
}

/** Debian's linux-image, or Ubuntu's linux-image with its linux-modules: unpacked here, not installed. */
async function fromPackages(paths: readonly string[], made: string, root: string): Promise<void> {
  const host = localHost();
  await mkdir(root);
  for (const path of paths) await runChecked(host, ["dpkg-deb", "-x", path, root]);
  const names = await readdir(join(root, "boot")).catch(() => []);
  const releases = names.flatMap((name) => /^vmlinuz-([A-Za-z0-9][A-Za-z0-9._+~-]*)$/.exec(name)?.[1] ?? []);
  const [release] = releases;
  if (release === undefined || releases.length > 1) {
    throw unfit(paths, releases.length === 0 ? "there is no kernel in them" : `they have ${releases.length} kernels`);
  }
  const folders = [join(root, "lib/modules"), join(root, "usr/lib/modules")];
  const modules = await firstWith(folders, release);
  if (modules === undefined) throw unfit(paths, `the modules of ${release} are not in them`);
  if (modules !== folders[0]) {
    await mkdir(join(root, "lib"), { recursive: true });
    await rename(modules, join(root, "lib/modules"));
  }
  await runChecked(host, ["depmod", "-b", root, release]);
  await runChecked(host, [
    ...["tar", "--owner=0", "--group=0", "-C", join(root, "lib/modules"), "-cf", join(made, MODULES), "--", release],
  ]);
  await rename(join(root, "boot", `vmlinuz-${release}`), join(made, IMAGE));
  await writeFile(join(made, RELEASE), release);
}

async function firstWith(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isDirectory() === true) return folder;
  }
  return undefined;
}

function unfit(paths: readonly string[], why: string): RehomeError {
  return new RehomeError("guest-unsupported", `kernelPackages give no kernel: ${why}`, {
    path: paths.join(", "),
    remedy:
      "name the package with the kernel of the guest's release, such as linux-image-6.1.0-9-amd64_….deb (not linux-image-amd64, " +
      "which is empty), and with Ubuntu linux-modules-… as well",
  });
}

/** What prepareKernel left in a folder; undefined when the guest needed nothing. */
export async function readKernel(folder: string | undefined): Promise<SuppliedKernel | undefined> {
  if (folder === undefined) return undefined;
  const release = await readOr(join(folder, RELEASE));
  if (release === undefined) return undefined;
  return {
    release: release.toString("utf8").trim(),
    image: await readFile(join(folder, IMAGE)),
    ramdisk: await readOr(join(folder, RAMDISK)),
    modules: await readOr(join(folder, MODULES)),
  };
}

async function readOr(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RehomeError("file-unreadable", "cannot read what was prepared for the guest", { path, cause });
  }
}
