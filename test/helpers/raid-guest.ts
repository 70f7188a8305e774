import { open, rm, truncate, writeFile } from "node:fs/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { startGuestfish } from "../../src/migrators/conversion/guestfs/session.js";
import { tinyGuest, type TinyTree } from "./tiny-guest.js";

const MIB = 1024 * 1024;
const TIMEOUT_MS = 180_000;

/** Two disks that mirror each other, with the group `vg0` on the mirror and a root in it. Made in libguestfs's appliance. */
export async function raidGuest(paths: readonly [string, string], tree: TinyTree): Promise<void> {
  const root = `${paths[0]}.root`;
  await tinyGuest(root, tree, { size: 64 * MIB, withoutGrub: true });
  for (const path of paths) {
    await writeFile(path, "");
    await truncate(path, 128 * MIB);
  }
  const session = await startGuestfish({ host: localHost(), kvm: false });
  try {
    for (const [index, path] of paths.entries()) {
      await session.run("add", [path, "format:raw", `label:disk${String.fromCharCode(97 + index)}`]);
    }
    await session.run("add", [root, "format:raw", "label:root"]);
    await session.run("run", [], TIMEOUT_MS);
    const disks = "/dev/disk/guestfs/diska /dev/disk/guestfs/diskb";
    const script = [
      "set -e",
      "udevadm settle",
      `mdadm --create /dev/md0 --level=1 --raid-devices=2 --metadata=1.2 --assume-clean --run ${disks}`,
      "lvm vgcreate vg0 /dev/md0",
      "lvm lvcreate --yes --size 64M --name root vg0",
      "dd if=/dev/disk/guestfs/root of=/dev/mapper/vg0-root bs=1M",
      "lvm vgchange --activate n vg0",
      "mdadm --stop /dev/md0",
      "sync",
    ].join("\n");
    await session.run("debug", ["sh", script], TIMEOUT_MS);
    await session.run("shutdown");
  } finally {
    await session.kill();
    await rm(root, { force: true });
  }
  for (const path of paths) {
    const disk = await open(path, "r+"); // the metadata begin behind the first 4 KiB
    try {
      await disk.write(Buffer.from("GRUB"), 0, 4, 0x180);
      await disk.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
    } finally {
      await disk.close();
    }
  }
}
