import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { contentKey } from "../../helpers/cache.js";
import { DOCUMENTATION, installDebian } from "../../helpers/debian.js";
import { cachedImage } from "../../helpers/image-cache.js";

/**
 * A Debian 12 with all that a node of a cluster or its tie-breaker runs, and nothing of it configured. It is booted by
 * QEMU with the kernel outside; what makes it a particular machine comes with the initramfs (files/etc/initramfs-tools).
 */
export interface NodeImage {
  /** Raw, sparse: one ext4 file system; never changed: put an overlay over it. */
  readonly rootDisk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Private key that root logs in with. */
  readonly identity: string;
}

const SOURCES = fileURLToPath(new URL("node", import.meta.url));
/** KiB; what is not used takes no room. */
const ROOT_FS = 4 * 1024 * 1024;

const PACKAGES = [
  ["systemd-sysv", "udev", "kmod", "dbus", "procps", "psmisc", "iproute2", "bridge-utils", "ethtool"],
  ["openssh-server", "openssh-client", "rsync", "iputils-ping", "netcat-openbsd", "python3-minimal", "chrony"],
  ["linux-image-cloud-amd64", "initramfs-tools", "zstd", "cpio", "busybox-static"],
  ["lvm2", "thin-provisioning-tools", "mdadm", "drbd-utils", "xfsprogs"],
  ["libvirt-daemon-system", "libvirt-clients", "qemu-system-x86", "qemu-utils"],
  ["corosync", "corosync-qdevice", "corosync-qnetd", "libnss3-tools"],
  ["pacemaker", "pacemaker-cli-utils", "crmsh", "resource-agents", "pacemaker-resource-agents"],
  ["fence-agents", "ipmitool"],
].flat();

/** Documentation, and what is large and never used: the catalogues of the clouds that fence-agents can speak to. */
const LEFT_OUT = [
  ...DOCUMENTATION,
  "/usr/lib/python3/dist-packages/botocore/data/*",
  "/usr/lib/python3/dist-packages/googleapiclient/discovery_cache/documents/*",
];

/** The image from the cache; built first when it is not there, which takes some minutes. Needs root to build. */
export async function nodeImage(log: (line: string) => void): Promise<NodeImage> {
  const key = await contentKey([JSON.stringify([PACKAGES, LEFT_OUT, ROOT_FS])], [SOURCES]);
  const folder = await cachedImage(`node-${key}`, (work) => build(work, log));
  const path = (name: string): string => join(folder, name);
  return { rootDisk: path("root.raw"), kernel: path("vmlinuz"), initrd: path("initrd"), identity: path("id_ed25519") };
}

async function build(work: string, log: (line: string) => void): Promise<void> {
  const host = localHost();
  log("building the image of the nodes: installing Debian 12 into a folder");
  const keyPath = join(work, "id_ed25519");
  await runChecked(host, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", keyPath]);
  const root = join(work, "rootfs");
  await installDebian(root, {
    packages: PACKAGES,
    leftOut: LEFT_OUT,
    configure: join(SOURCES, "configure.sh"),
    env: { REHOME_IMAGE_FILES: join(SOURCES, "files"), REHOME_IMAGE_KEY: keyPath },
  });
  for (const name of await readdir(join(root, "boot"))) {
    if (name.startsWith("initrd.img-")) await rename(join(root, "boot", name), join(work, "initrd"));
    if (name.startsWith("vmlinuz-")) await runChecked(host, ["cp", join(root, "boot", name), join(work, "vmlinuz")]);
  }
  log("building the image of the nodes: making its disk");
  const mke2fs = ["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "1", "-L", "root", "-d", root];
  await runChecked(host, [...mke2fs, join(work, "root.raw"), `${ROOT_FS}k`]);
  await rm(root, { recursive: true });
}
