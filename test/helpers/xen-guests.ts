import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import type { Disk, HostedBoot, Machine } from "../../src/migrators/types.js";
import { xenImage } from "../lab/images/xen.js";
import { machine } from "../migrators/conversion/fixtures.js";

/** The disks of the lab's two paravirtual guests as files, without the dom0 that runs them. */
export interface XenGuests {
  /** web1's xvda1: ext4 straight on the device. */
  readonly web1: string;
  /** web1's kernel and initramfs as its dom0 has them. */
  readonly kernel: string;
  readonly ramdisk: string;
  /** db1's xvda: a whole disk without a boot loader, which pygrub reads. */
  readonly db1: string;
  /** Private key of both. */
  readonly identity: string;
}

/** Takes them out of the dom0's image, into a folder. Needs root where the image is not cached. */
export async function xenGuests(folder: string): Promise<XenGuests> {
  const image = await xenImage((line) => console.log(`      ${line}`));
  await mkdir(folder, { recursive: true });
  const kernels = "/var/lib/xen/kernels/web1";
  const [web1, db1] = [join(folder, "web1.raw"), join(folder, "db1.raw")];
  const [kernel, ramdisk] = [join(folder, "vmlinuz"), join(folder, "initrd.img")];
  for (const [from, to] of [
    ["/var/lib/lab-xen/web1-root.raw", web1],
    ["/var/lib/lab-xen/db1-disk.raw", db1],
    [`${kernels}/vmlinuz`, kernel],
    [`${kernels}/initrd.img`, ramdisk],
  ] as const) {
    await runChecked(localHost(), ["debugfs", "-R", `dump ${from} ${to}`, image.rootDisk]);
  }
  return { web1, kernel, ramdisk, db1, identity: image.identity };
}

/** A disk as a dom0 sees it, by what blkid finds on it. */
export async function xenDisk(name: string, path: string, more: Partial<Disk> = {}): Promise<Disk> {
  const host = localHost();
  const probe = await host.run(["blkid", "-p", "-o", "export", path]);
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, "m").exec(probe.stdout)?.[1];
  const table = value("PTTYPE");
  return {
    name,
    path,
    stablePath: undefined,
    size: Number(await runChecked(host, ["stat", "-c", "%s", path])),
    logicalSectorSize: 512,
    model: undefined,
    serial: undefined,
    rotational: false,
    partitionTable: table === "dos" || table === "gpt" ? table : undefined,
    tableId: table === undefined ? undefined : value("PTUUID"),
    format: value("TYPE"),
    uuid: value("UUID"),
    mountPoint: undefined,
    contents: [],
    ...more,
  };
}

/** A paravirtual guest with these disks, as it is inspected. */
export function xenMachine(
  hostname: string,
  boot: HostedBoot,
  disks: readonly Disk[],
  changes: Partial<Machine> = {},
): Machine {
  return machine({ hostname, boot, disks, bootLoader: undefined, hypervisor: "xen", ...changes });
}
