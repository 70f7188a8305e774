import type { ConcernCode } from "../../../src/migrators/plan/concerns.js";
import { planGuest, type PlanInput } from "../../../src/migrators/plan/plan.js";
import type { TargetFacts } from "../../../src/migrators/plan/target.js";
import type { GuestPlan, HostedBoot, Machine, Nic } from "../../../src/migrators/types.js";
import { configOf, device, disk, GOOD_DISK, GOOD_MACHINE, GOOD_TARGET } from "./good-server.js";

const GIB = 1024 ** 3;

/** One thing that is not as on the good server, and the concern that it must give. */
export interface Case {
  readonly code: ConcernCode;
  readonly when: string;
  readonly machine?: Partial<Machine>;
  readonly target?: Partial<TargetFacts>;
  readonly guest?: Record<string, unknown>;
  readonly input?: Partial<PlanInput>;
  /** What the message must name. */
  readonly names?: RegExp;
}

/** The good server's plan, with something changed. */
export function plan({ machine, target, guest, input }: Omit<Case, "code" | "when">): GuestPlan {
  return planGuest({
    name: "web1",
    config: configOf(guest),
    machine: { ...GOOD_MACHINE, ...machine },
    target: { ...GOOD_TARGET, ...target },
    others: [],
    state: "planned",
    ...input,
  });
}

export const nic = (fields: Partial<Nic>): Nic => ({ ...GOOD_MACHINE.network.nics[0]!, ...fields });
export const nics = (...more: Nic[]): Partial<Machine> => ({ network: { ...GOOD_MACHINE.network, nics: more } });
const withDisks = (...disks: Machine["disks"]): Partial<Machine> => ({ disks });
const other = { ...plan({}), name: "web2", source: "old2" };
export const luksRoot = disk("sda", {
  contents: [
    device("sda1", { format: "ext4", mountPoint: "/boot" }),
    device("sda2", { format: "crypto_LUKS" }, [
      device("sda2_crypt", { type: "crypt", format: "LVM2_member" }, [
        device("vg0-root", { type: "lvm", format: "ext4", mountPoint: "/" }),
      ]),
    ]),
  ],
});

/** A guest whose kernel is a file of its host. */
const OUTSIDE: HostedBoot = {
  how: "outside",
  kernel: "/var/lib/xen/vmlinuz",
  ramdisk: undefined,
  commandLine: "root=/dev/xvda1 ro",
  release: "6.1.0-9-amd64",
  hasModules: true,
};

export const CASES: readonly Case[] = [
  { code: "source-not-root", when: "nobody became root", machine: { inspectedAsRoot: false } },
  {
    code: "inspection-incomplete",
    when: "something is not known",
    machine: { unknown: ["routes: ip is not installed"] },
    names: /routes/,
  },
  { code: "source-xen-host", when: "it is a dom0", machine: { xenHost: true }, names: /host of Xen domains/ },
  { code: "source-container", when: "it is a container", machine: { container: "openvz" }, names: /openvz/ },
  { code: "architecture-unsupported", when: "it is an ARM", machine: { architecture: "aarch64" }, names: /aarch64/ },
  {
    code: "distribution-unsupported",
    when: "it is a CentOS",
    machine: { distribution: { id: "centos", version: "6.10", name: "CentOS release 6.10 (Final)" } },
    names: /CentOS release 6\.10/,
  },
  { code: "clock-skew", when: "its clock is behind", machine: { clockSkewMs: -61_000 }, names: /61 s behind/ },
  {
    code: "firmware-unsupported",
    when: "it starts with UEFI",
    machine: { firmware: "uefi", bootLoader: { name: "grub-efi" } },
  },
  { code: "boot-loader-missing", when: "no boot loader was found", machine: { bootLoader: undefined } },
  {
    code: "boot-loader-unsupported",
    when: "it starts with LILO",
    machine: { bootLoader: { name: "lilo", disk: "sda" } },
    names: /lilo/,
  },
  {
    code: "boot-loader-no-room",
    when: "pygrub's disk has its partition at sector 63",
    machine: {
      ...withDisks(disk("xvda", { contents: [device("xvda1", { format: "ext3", mountPoint: "/", start: 63 * 512 })] })),
      ...{ bootLoader: undefined, boot: { how: "menu" } },
    },
    names: /xvda begins at 31\.5 KiB/,
  },
  {
    code: "kernel-missing",
    when: "the guest has neither a kernel nor modules of its host's",
    machine: { bootLoader: undefined, boot: { ...OUTSIDE, hasModules: false }, kernels: [] },
    names: /no modules of 6\.1\.0-9-amd64/,
  },
  {
    code: "kernel-given",
    when: "its host's kernel fits the guest's modules",
    machine: {
      ...{ bootLoader: undefined, boot: OUTSIDE },
      kernels: [{ release: "6.1.0-9-amd64", running: true, hasVirtio: undefined, modulesOnly: true }],
    },
    names: /6\.1\.0-9-amd64 from its host/,
  },
  {
    code: "kernel-given",
    when: "packages are named",
    machine: { bootLoader: undefined, boot: { ...OUTSIDE, hasModules: false }, kernels: [] },
    guest: { kernelPackages: ["/srv/linux-image.deb"] },
    names: /\/srv\/linux-image\.deb/,
  },
  {
    code: "virtio-missing",
    when: "a kernel cannot see virtio disks",
    machine: { kernels: [{ release: "2.6.32-5-amd64", running: true, hasVirtio: false }] },
    names: /2\.6\.32-5-amd64/,
  },
  { code: "disk-none", when: "it has no disk", machine: withDisks() },
  { code: "disk-none", when: "all disks are excluded", guest: { excludeDisks: ["sda"] } },
  { code: "disk-too-large", when: "beta is full", target: { freeBytes: 9, freeOn: "beta" }, names: /9 B.* on beta$/ },
  {
    code: "disk-space-shared",
    when: "two guests do not fit together",
    target: { freeBytes: 30 * GIB },
    input: { others: [{ ...other, nics: [], volumes: other.volumes.map((volume) => ({ ...volume, path: "/x" })) }] },
  },
  {
    code: "disk-without-serial",
    when: "a disk has no serial",
    machine: withDisks({ ...GOOD_DISK, serial: undefined }),
    names: /sda/,
  },
  {
    code: "disk-serial-duplicate",
    when: "two disks have the same serial",
    machine: withDisks(GOOD_DISK, disk("sdb", { serial: "SERIAL-sda" })),
    names: /\/dev\/sda and \/dev\/sdb .* SERIAL-sda/,
  },
  {
    code: "disk-sector-size",
    when: "a disk has 4096-byte sectors",
    machine: withDisks({ ...GOOD_DISK, logicalSectorSize: 4096 }),
    names: /4096/,
  },
  ...(["qcow2", "vhd", "tap", "other"] as const).map((backend): Case => ({
    code: "disk-backend-unsupported",
    when: `a disk's backend is ${backend}`,
    machine: withDisks(GOOD_DISK, disk("xvdb", { backend, path: "/srv/data.img" })),
    names: {
      qcow2: /xvdb is .*\/srv\/data\.img .*qcow2/,
      vhd: /xvdb .*vhd/,
      tap: /xvdb .*blktap/,
      other: /xvdb .*script/,
    }[backend],
  })),
  {
    code: "disk-not-there",
    when: "a disk's image was moved away on its host",
    machine: withDisks(GOOD_DISK, disk("xvdb", { backend: "file", path: "/srv/data.img", size: 0 })),
    names: /xvdb .*\/srv\/data\.img/,
  },
  {
    code: "drive-not-moved",
    when: "a CD is in its drive",
    machine: { drives: [{ name: "hdc", medium: "/srv/tools.iso" }] },
    names: /hdc \(\/srv\/tools\.iso\)/,
  },
  {
    code: "disk-excluded-needed",
    when: "an excluded disk is mounted",
    guest: { excludeDisks: ["sdb"] },
    machine: withDisks(GOOD_DISK, disk("sdb", { format: "ext4", mountPoint: "/srv" })),
    names: /sdb .*\/srv/,
  },
  {
    code: "disk-excluded-needed",
    when: "an excluded disk has a part of a volume group",
    guest: { excludeDisks: ["sdb"] },
    machine: {
      ...withDisks(GOOD_DISK, disk("sdb", { contents: [device("sdb1", { format: "LVM2_member" })] })),
      volumeGroups: [{ ...GOOD_MACHINE.volumeGroups[0]!, physicalVolumes: ["sda2", "sdb1"] }],
    },
    names: /vg0/,
  },
  {
    code: "disk-excluded-unknown",
    when: "an excluded disk does not exist",
    guest: { excludeDisks: ["sdz; reboot"] },
    names: /sdz; reboot/,
  },
  { code: "root-missing", when: "the root is on NFS", machine: withDisks(disk("sda")) },
  {
    code: "encrypted-root",
    when: "the root is encrypted",
    machine: withDisks(luksRoot),
    names: /^\/ is .*\/dev\/sda2/,
  },
  {
    code: "encrypted-disk",
    when: "a data disk is encrypted",
    machine: withDisks(GOOD_DISK, disk("sdb", { format: "crypto_LUKS" })),
    names: /sdb/,
  },
  {
    code: "raid-unsupported",
    when: "there is a software RAID",
    machine: { raidArrays: [{ name: "md0", level: "raid1", members: ["sda1", "sdb1"], degraded: true }] },
    names: /md0 \(raid1\).*degraded/,
  },
  {
    code: "file-system-unsupported",
    when: "the root is btrfs",
    machine: withDisks(disk("sda", { contents: [device("sda1", { format: "btrfs", mountPoint: "/" })] })),
    names: /\/dev\/sda1 \(\/\) is btrfs/,
  },
  {
    code: "file-system-unchecked",
    when: "data is on jfs",
    machine: withDisks(GOOD_DISK, disk("sdb", { format: "jfs", mountPoint: "/srv" })),
    names: /jfs/,
  },
  {
    code: "volume-group-incomplete",
    when: "a physical volume is lost",
    machine: { volumeGroups: [{ ...GOOD_MACHINE.volumeGroups[0]!, physicalVolumes: ["sda2", "missing"] }] },
  },
  {
    code: "volume-group-full",
    when: "a volume group is full",
    machine: { volumeGroups: [{ ...GOOD_MACHINE.volumeGroups[0]!, free: 0 }] },
    names: /vg0/,
  },
  {
    code: "swap-copied",
    when: "there is swap on the disk",
    machine: withDisks({ ...GOOD_DISK, contents: [...GOOD_DISK.contents, device("sda3", { format: "swap" })] }),
    names: /sda3/,
  },
  {
    code: "mac-duplicate",
    when: "two cards have one MAC",
    machine: nics(nic({}), nic({ name: "eth1" })),
    names: /52:54:00:00:00:01 of eth0 .*eth1/,
  },
  { code: "mac-duplicate", when: "another guest has the MAC", input: { others: [other] }, names: /guest web2/ },
  {
    code: "mac-duplicate",
    when: "a domain has the MAC",
    target: { domains: [{ name: "vm7", macs: ["52:54:00:00:00:01"] }] },
    names: /domain vm7/,
  },
  { code: "bridge-missing", when: "the target has no br0", target: { bridges: ["virbr0"] }, names: /br0 for eth0/ },
  { code: "bridge-missing", when: "a bridge is misspelt", guest: { bridges: { eth0: "br9" } }, names: /br9/ },
  { code: "nic-none", when: "no card is up", machine: nics(nic({ up: false, addresses: [] })) },
  {
    code: "nic-unused",
    when: "a card is down",
    machine: nics(nic({}), nic({ name: "eth1", mac: "52:54:00:00:00:02", up: false, addresses: [] })),
    names: /eth1/,
  },
  { code: "nic-unknown", when: "a bridge is given for no card", guest: { bridges: { ens3: "br0" } }, names: /ens3/ },
  {
    code: "nic-not-ethernet",
    when: "a card is InfiniBand",
    machine: nics(nic({}), nic({ name: "ib0", mac: "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:00:00:01" })),
    names: /ib0/,
  },
  {
    code: "nic-bonded",
    when: "cards are bonded",
    machine: nics(nic({}), nic({ name: "bond0", physical: false })),
    names: /bond0/,
  },
  {
    code: "guest-name-invalid",
    when: "the name has metacharacters",
    input: { name: "a;b", config: { ...configOf(), guests: { "a;b": configOf().guests["web1"]! } } },
    names: /a;b/,
  },
  {
    code: "guest-exists",
    when: "the target has such a domain",
    target: { domains: [{ name: "web1", macs: [] }] },
    names: /web1/,
  },
  {
    code: "tools-missing",
    when: "the target lacks guestfish",
    target: { missingTools: [{ name: "guestfish", package: "libguestfs-tools" }] },
    names: /guestfish/,
  },
  { code: "hypervisor-emulated", when: "KVM does not work", target: { hypervisor: "qemu" } },
  { code: "vcpus-exceed-target", when: "more vCPUs are asked for", guest: { vcpus: 16 }, names: /16 vCPUs/ },
  { code: "memory-exceeds-target", when: "more memory is asked for", guest: { memory: "128G" }, names: /128 GiB/ },
  {
    code: "target-incomplete",
    when: "libvirt does not answer",
    target: { domains: undefined, unknown: ["libvirt's domains: no socket"] },
    names: /no socket/,
  },
];
