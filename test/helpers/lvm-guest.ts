import { open, rm } from "node:fs/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { startGuestfish } from "../../src/migrators/conversion/guestfs/session.js";
import { tinyGuest, type TinyTree } from "./tiny-guest.js";

const MIB = 1024 * 1024;
const SIZE = 160 * MIB;
const TIMEOUT_MS = 180_000;

/** A snapshot of a tiny guest's root, or of its volume `data`. */
export interface TinySnapshot {
  readonly name: string;
  readonly of: "root" | "data";
  readonly tags: readonly string[];
}

/**
 * A disk with a partition for LVM, and on it the group `vg0` with a root that has these files, and an ext4 without any,
 * both with snapshots as a pass copies them: zeros where they keep what was overwritten. Made in libguestfs's appliance.
 */
export async function lvmGuest(path: string, tree: TinyTree, snapshots: readonly TinySnapshot[]): Promise<void> {
  const root = `${path}.root`;
  await tinyGuest(root, tree, { size: 64 * MIB, withoutGrub: true });
  await writeTable(path);
  const session = await startGuestfish({ host: localHost(), kvm: false });
  try {
    await session.run("add", [path, "format:raw", "label:disk"]);
    await session.run("add", [root, "format:raw", "label:root"]);
    await session.run("run", [], TIMEOUT_MS);
    const made = ({ name, of, tags }: TinySnapshot): readonly string[] => [
      `lvm lvcreate --yes --snapshot --size 4M ${tags.map((tag) => `--addtag ${tag}`).join(" ")} --name ${name} vg0/${of}`,
      `dd if=/dev/zero of=/dev/mapper/vg0-${name.replaceAll("-", "--")}-cow bs=1M count=4`,
    ];
    const script = [
      "set -e",
      "udevadm settle",
      "lvm vgcreate vg0 /dev/disk/guestfs/disk1",
      "lvm lvcreate --yes --size 64M --name root vg0",
      "lvm lvcreate --yes --size 16M --name data vg0",
      "dd if=/dev/disk/guestfs/root of=/dev/mapper/vg0-root bs=1M",
      "mke2fs -q -t ext4 /dev/mapper/vg0-data",
      ...snapshots.flatMap(made),
      "lvm vgchange --activate n vg0",
      "sync",
    ].join("\n");
    await session.run("debug", ["sh", script], TIMEOUT_MS);
    await session.run("shutdown");
  } finally {
    await session.kill();
    await rm(root, { force: true });
  }
}

/** A partition table with one partition for LVM, and a first sector that looks like GRUB's. */
async function writeTable(path: string): Promise<void> {
  const table = Buffer.alloc(512);
  table.write("GRUB", 0x180);
  table.writeUInt32LE(0x1f2e3d4c, 440);
  table.writeUInt8(0x8e, 450);
  table.writeUInt32LE(MIB / 512, 454);
  table.writeUInt32LE((SIZE - MIB) / 512, 458);
  table.writeUInt16LE(0xaa55, 510);
  const disk = await open(path, "w");
  try {
    await disk.write(table, 0, table.length, 0);
    await disk.truncate(SIZE);
  } finally {
    await disk.close();
  }
}
