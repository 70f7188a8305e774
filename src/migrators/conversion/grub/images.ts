import { join } from "node:path";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { GrubImages } from "../types.js";

/** GRUB's files for BIOS machines, from Debian's package grub-pc-bin. */
const MODULES_FOLDER = "/usr/lib/grub/i386-pc";

/**
 * What a menu may ask for. All of it is inside, because modules of another version in the guest's /boot/grub would not
 * fit; together they are a quarter of a MiB.
 */
const MODULES = [
  ["biosdisk", "part_msdos", "part_gpt", "lvm", "ext2", "xfs", "btrfs"],
  ["search", "search_fs_uuid", "search_label", "search_fs_file"],
  ["normal", "configfile", "linux", "linux16", "gzio", "xzio", "zstd"],
  ["serial", "terminal", "all_video", "gfxterm", "font"],
  ["echo", "test", "true", "regexp", "sleep", "loadenv", "minicmd", "ls", "cat", "reboot", "halt"],
].flat();

/**
 * Makes GRUB for one guest on the target, out of the target's own packages: nothing of the guest's is run, and its age
 * does not matter.
 * @param workFolder is there, and is the guest's
 * @param uuid of the file system with the menu
 * @param folder of grub.cfg on that file system: `/boot/grub`
 * @throws RehomeError tool-missing, command-failed
 */
export async function makeGrub(host: Host, workFolder: string, uuid: string, folder: string): Promise<GrubImages> {
  await requireGrub(host);
  const [config, core] = [join(workFolder, "grub-start.cfg"), join(workFolder, "core.img")];
  await host.writeFile(config, startConfig(uuid, folder), 0o600);
  const argv = ["grub-mkimage", "-O", "i386-pc", "-d", MODULES_FOLDER, "-p", folder, "-c", config, "-o", core];
  await runChecked(host, [...argv, ...MODULES]);
  return { boot: await host.readFile(join(MODULES_FOLDER, "boot.img")), core: await host.readFile(core) };
}

/** @throws RehomeError tool-missing */
async function requireGrub(host: Host): Promise<void> {
  const found = await host.run([
    "sh",
    "-c",
    'command -v grub-mkimage && test -e "$1"',
    "sh",
    `${MODULES_FOLDER}/boot.img`,
  ]);
  if (found.exitCode === 0) return;
  throw new RehomeError("tool-missing", "the target has no GRUB for BIOS machines to give to the guest", {
    machine: host.name,
    path: MODULES_FOLDER,
    remedy: "apt-get install grub-common grub-pc-bin on the target (neither touches the target's own boot loader)",
  });
}

/** Run before the menu: wherever the disk is, the file system is found by its UUID. */
function startConfig(uuid: string, folder: string): string {
  if (!/^[0-9A-Fa-f-]+$/.test(uuid)) throw new RehomeError("internal", `"${uuid}" is no UUID of a file system`);
  return [
    `search --no-floppy --fs-uuid --set=root ${uuid}`,
    `set prefix=($root)${folder}`,
    "configfile $prefix/grub.cfg",
    "",
  ].join("\n");
}
