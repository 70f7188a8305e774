import type { Role } from "./facts/types.js";

/** Debian packages that a machine needs for what it is in the cluster. */
export const PACKAGES: Readonly<Record<Role, readonly string[]>> = {
  host: [
    ...["corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents", "fence-agents", "drbd-utils", "lvm2"],
    ...["libvirt-daemon-system", "libvirt-clients", "qemu-system-x86", "qemu-utils", "python3-minimal"],
  ],
  member: ["corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents", "fence-agents"],
  qdevice: ["corosync-qnetd"],
};

/** What the members of a cluster with a quorum device need besides. */
export const QDEVICE_PACKAGE = "corosync-qdevice";

/** Packages whose versions should be the same on both hosts: guests move between them, and they speak to each other. */
export const SAME_VERSION = [
  ...["corosync", "pacemaker", "drbd-utils", "libvirt-daemon-system", "qemu-system-x86", "resource-agents"],
];
