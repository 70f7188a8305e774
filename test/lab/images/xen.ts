import { mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { contentKey } from "../../helpers/cache.js";
import { DOCUMENTATION, installDebian, UNUSED_DRIVERS } from "../../helpers/debian.js";
import { cachedImage } from "../../helpers/image-cache.js";

/**
 * A dom0: Debian 12 with its Xen 4.17, and with the disks of two paravirtual guests, which are put onto logical volumes of
 * the second disk at the first boot (files/usr/local/lib/lab-xen): web1, a file system directly on xvda1 with the kernel
 * outside, and db1, a whole disk with pygrub. Both hand out sequence numbers, as the physical server does.
 */
export interface XenImage {
  /** Raw, sparse: one ext4 file system; never changed: put an overlay over it. */
  readonly rootDisk: string;
  readonly hypervisor: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Private key that root of the dom0 and of its guests logs in with. */
  readonly identity: string;
}

export interface XenGuest {
  readonly name: string;
  readonly address: string;
  readonly volume: string;
  readonly boot: "pygrub" | "outside";
}

/** As in xen/files/etc/xen. */
export const XEN_GUESTS: readonly XenGuest[] = [
  { name: "web1", address: "192.0.2.21", volume: "web1-root", boot: "outside" },
  { name: "db1", address: "192.0.2.22", volume: "db1-disk", boot: "pygrub" },
];

const folderOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const [DOM0, GUEST, NODE] = ["xen", "xen-guest", "node"].map(folderOf) as [string, string, string];
const SERVICE = fileURLToPath(new URL("../../helpers/server-image/files", import.meta.url));
const IDENTITY = join(NODE, "files/etc/initramfs-tools/scripts/init-bottom/identity");
const MIB = 1024 * 1024;
const GUEST_FS = 640 * MIB;
/** Before the only partition of db1's disk. */
const PARTITION_START = MIB;
const ROOT_FS = 4096 * MIB;
/** Label of the dom0's root; its fstab has it too. */
export const DOM0_ROOT = "dom0-root";

const DOM0_PACKAGES = [
  ["systemd-sysv", "udev", "kmod", "dbus", "procps", "iproute2", "bridge-utils", "openssh-server", "python3-minimal"],
  ["linux-image-amd64", "initramfs-tools", "zstd", "busybox-static", "lvm2"],
  ["xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xen-utils-common"],
].flat();

const GUEST_PACKAGES = [
  ["systemd-sysv", "udev", "kmod", "procps", "iproute2", "ifupdown", "openssh-server", "python3-minimal"],
  ["linux-image-cloud-amd64", "initramfs-tools", "zstd"],
].flat();

const LEFT_OUT = [...DOCUMENTATION, ...UNUSED_DRIVERS];

/** The image from the cache; built first when it is not there, which takes some minutes. Needs root to build. */
export async function xenImage(log: (line: string) => void): Promise<XenImage> {
  const parts = [JSON.stringify([DOM0_PACKAGES, GUEST_PACKAGES, LEFT_OUT, GUEST_FS, ROOT_FS, DOM0_ROOT, XEN_GUESTS])];
  const service = await readFile(join(SERVICE, "usr/local/sbin/ledger"), "utf8");
  const key = await contentKey([...parts, service, await readFile(IDENTITY, "utf8")], [DOM0, GUEST]);
  const folder = await cachedImage(`xen-${key}`, (work) => build(work, log));
  const path = (name: string): string => join(folder, name);
  return {
    rootDisk: path("root.raw"),
    hypervisor: path("xen"),
    kernel: path("vmlinuz"),
    initrd: path("initrd"),
    identity: path("id_ed25519"),
  };
}

async function build(work: string, log: (line: string) => void): Promise<void> {
  const host = localHost();
  const key = join(work, "id_ed25519");
  await runChecked(host, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key]);
  log("building the image of dom0: installing Debian 12 with Xen into a folder");
  const root = join(work, "rootfs");
  await installDebian(root, {
    packages: DOM0_PACKAGES,
    leftOut: LEFT_OUT,
    configure: join(DOM0, "configure.sh"),
    env: { REHOME_IMAGE_FILES: join(DOM0, "files"), REHOME_IMAGE_IDENTITY: IDENTITY, REHOME_IMAGE_KEY: key },
  });
  log("building the image of dom0: installing Debian 12 for its guests");
  await buildGuests(work, root, key);
  const boot = join(root, "boot");
  for (const name of await readdir(boot)) {
    if (name.startsWith("initrd.img-")) await rename(join(boot, name), join(work, "initrd"));
    if (name.startsWith("vmlinuz-")) await rename(join(boot, name), join(work, "vmlinuz"));
    // QEMU takes a multiboot kernel only as it is unpacked
    if (/^xen-.*-amd64\.gz$/.test(name)) {
      await runChecked(host, ["sh", "-c", 'gzip -dc "$1" >"$2"', "sh", join(boot, name), join(work, "xen")]);
    }
  }
  log("building the image of dom0: making its disk");
  await makeExt4(join(work, "root.raw"), root, ROOT_FS);
  await runChecked(host, ["e2label", join(work, "root.raw"), DOM0_ROOT]);
  await rm(root, { recursive: true });
}

/** Puts the disks of the guests, and the kernel of those whose kernel is outside, into the tree of the dom0. */
async function buildGuests(work: string, dom0: string, key: string): Promise<void> {
  const host = localHost();
  const tree = join(work, "guest");
  await installDebian(tree, {
    packages: GUEST_PACKAGES,
    leftOut: LEFT_OUT,
    configure: join(GUEST, "configure.sh"),
    env: { REHOME_IMAGE_KEY: key, REHOME_IMAGE_SERVICE: SERVICE },
  });
  const [release = ""] = await readdir(join(tree, "lib/modules"));
  await mkdir(join(dom0, "var/lib/lab-xen"), { recursive: true });
  for (const guest of XEN_GUESTS) {
    const disk = join(dom0, "var/lib/lab-xen", `${guest.volume}.raw`);
    const dress = [join(GUEST, "dress.sh"), tree, guest.name, guest.address, "/dev/xvda1", guest.boot];
    await runChecked(host, ["sh", ...dress]);
    if (guest.boot === "outside") {
      const kernels = join(dom0, "var/lib/xen/kernels", guest.name);
      await mkdir(kernels, { recursive: true });
      for (const name of ["vmlinuz", "initrd.img"]) {
        await runChecked(host, ["cp", join(tree, "boot", `${name}-${release}`), join(kernels, name)]);
      }
      await makeExt4(disk, tree, GUEST_FS);
    } else {
      await writeFile(disk, "");
      await truncate(disk, PARTITION_START + GUEST_FS);
      await runChecked(host, ["sfdisk", "--quiet", disk], {
        input: `start=${PARTITION_START / 512}, type=83, bootable\n`,
      });
      await makeExt4(disk, tree, GUEST_FS, PARTITION_START);
    }
  }
  await rm(tree, { recursive: true });
}

async function makeExt4(path: string, tree: string, size: number, offset = 0): Promise<void> {
  const mke2fs = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-d", tree, "-E", `offset=${offset}`];
  await runChecked(localHost(), [...mke2fs, path, `${size / 1024}k`]);
}
