import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { libguestfsEnv } from "./accelerator.js";
import { contentKey } from "./cache.js";
import { DOCUMENTATION, installDebian, UNUSED_DRIVERS } from "./debian.js";
import { cachedImage } from "./image-cache.js";

/**
 * A real server: Debian 12 with BIOS and grub-pc, /boot on its own partition, root (ext4) and swap on LVM, a second
 * disk with XFS at /srv, sshd, a static address bound to its NIC's name, and two services (ledger, churn). It expects
 * SATA disks and an e1000 at PCI address 3 of a q35 machine. Its files are in server-image/files.
 */
export interface ServerImage {
  /** Raw, sparse; never changed: put an overlay over it. */
  readonly rootDisk: string;
  readonly dataDisk: string;
  /** Private key that root logs in with. */
  readonly identity: string;
  /** The server's ed25519 host key as sshd has it: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

export interface ServerVariant {
  /** Whether the initramfs has virtio drivers, as Debian's usually has. */
  readonly virtio: boolean;
}

/** Address and NIC, as in server-image/files/etc/network/interfaces. */
export const SERVER_ADDRESS = "192.0.2.10";
export const SERVER_GATEWAY = "192.0.2.1";
export const SERVER_NIC = "enp0s3";
export const LEDGER_PORT = 7000;
export const LEDGER_FILE = "/srv/numbers";

const SOURCES = fileURLToPath(new URL("server-image", import.meta.url));
const MIB = 1024 * 1024;
const ROOT_DISK = 2048 * MIB;
const DATA_DISK = 512 * MIB;
/** As the partition and the logical volume in layout.guestfish. */
const BOOT_FS = 255 * MIB;
const ROOT_FS = 1280 * MIB;

const PACKAGES = [
  ["systemd-sysv", "udev", "kmod", "dbus", "procps", "iproute2", "ifupdown", "openssh-server", "python3-minimal"],
  ["linux-image-amd64", "initramfs-tools", "zstd", "grub-pc", "lvm2", "xfsprogs", "qemu-guest-agent"],
].flat();

/** Half of the image. */
const LEFT_OUT = [...DOCUMENTATION, ...UNUSED_DRIVERS];

/** The image from the cache; built first when it is not there, which takes two to four minutes. Needs root. */
export async function serverImage(
  variant: ServerVariant = { virtio: true },
  log: (line: string) => void = () => undefined,
): Promise<ServerImage> {
  const key = await contentKey([JSON.stringify([PACKAGES, LEFT_OUT, ROOT_DISK, DATA_DISK, variant])], [SOURCES]);
  const folder = await cachedImage(`server-${key}`, (work) => build(work, variant, log));
  return {
    rootDisk: join(folder, "root.raw"),
    dataDisk: join(folder, "data.raw"),
    identity: join(folder, "id_ed25519"),
    hostKey: (await readFile(join(folder, "host_key.pub"), "utf8")).trim(),
  };
}

async function build(work: string, variant: ServerVariant, log: (line: string) => void): Promise<void> {
  log("installing Debian 12 into a folder");
  const keyPath = join(work, "id_ed25519");
  await runChecked(localHost(), ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehome", "-f", keyPath]);
  const root = join(work, "rootfs");
  await installDebian(root, {
    packages: PACKAGES,
    leftOut: LEFT_OUT,
    configure: join(SOURCES, "configure.sh"),
    env: {
      REHOME_IMAGE_FILES: join(SOURCES, "files"),
      REHOME_IMAGE_KEY: keyPath,
      REHOME_IMAGE_VIRTIO: variant.virtio ? "yes" : "no",
    },
  });
  await writeFile(join(work, "host_key.pub"), await readFile(join(root, "etc/ssh/ssh_host_ed25519_key.pub")));
  log("laying out its disks");
  await layOut(work, root);
  await rm(root, { recursive: true });
}

/** File systems are filled outside (mke2fs -d, seconds) and copied whole: one appliance start, no slow small files. */
async function layOut(work: string, root: string): Promise<void> {
  const path = (name: string): string => join(work, name);
  await makeExt4(path("boot.ext4"), join(root, "boot"), "boot", BOOT_FS);
  await rm(join(root, "boot"), { recursive: true });
  await mkdir(join(root, "boot"));
  await makeExt4(path("root.ext4"), root, "root", ROOT_FS);
  await makeSparse(path("root.raw"), ROOT_DISK);
  await makeSparse(path("data.raw"), DATA_DISK);
  const disks = ["root.raw", "data.raw", "root.ext4", "boot.ext4"].flatMap((name) => ["-a", path(name)]);
  await runChecked(localHost(), ["guestfish", "--format=raw", ...disks, "-f", join(SOURCES, "layout.guestfish")], {
    env: await libguestfsEnv(),
  });
  await Promise.all(["root.ext4", "boot.ext4"].map((name) => rm(path(name))));
}

/** Without the two newest features, which the server's own grub (2.06) cannot read. */
async function makeExt4(path: string, contents: string, label: string, size: number): Promise<void> {
  const features = "^orphan_file,^metadata_csum_seed";
  const argv = ["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "1", "-O", features, "-L", label, "-d", contents];
  await runChecked(localHost(), [...argv, path, `${size / 1024}k`]);
}

async function makeSparse(path: string, size: number): Promise<void> {
  await writeFile(path, "");
  await truncate(path, size);
}
