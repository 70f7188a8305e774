import assert from "node:assert/strict";
import type { Machine } from "../../../src/migrators/types.js";
import { machineFrom, machineFromFile, treeOf } from "./recorded.js";
import { BUSYBOX, CENTOS_5, DEBIAN_6, UBUNTU_UEFI } from "./old-machines.js";

describe("inspection of a machine with LVM, LUKS and RAID (recorded)", () => {
  const machine = machineFromFile("lvm-luks-raid.txt");

  it("sees what stands on what", () => {
    assert.deepEqual(treeOf(machine.disks.slice(0, 3)), [
      "sda -",
      "  sda1 ext4",
      "  sda2 -",
      "  sda5 LVM2_member",
      "    vg--0-root--fs xfs /sysroot/mnt",
      "    vg--0-swap swap",
      "sdb -",
      "  sdb1 LVM2_member",
      "  sdb2 crypto_LUKS",
      "    cdata ext4",
      "  sdb3 -",
      "sdc -",
      "  sdc1 linux_raid_member",
      "    md127 ext4",
      "  sdc2 linux_raid_member",
      "    md127 ext4",
      "  sdc3 vfat",
    ]);
    assert.deepEqual(
      machine.disks[0]?.contents.map(({ type, start }) => [type, start]),
      [
        ["partition", 1_048_576],
        ["other", 105_906_176],
        ["partition", 106_954_752],
      ],
    );
    const root = machine.disks[0].contents[2]?.contents[0];
    assert.equal(root?.type, "lvm");
    assert.equal(root.usedBytes, 17316 * 1024);
    assert.equal(machine.disks[1]?.contents[1]?.contents[0]?.type, "crypt");
    assert.equal(machine.disks[2]?.contents[0]?.contents[0]?.type, "raid");
  });

  it("knows each disk again", () => {
    const [a, b, , out] = machine.disks;
    assert.deepEqual([a?.partitionTable, a?.tableId, a?.serial], ["dos", "bce59860", "a"]);
    assert.equal(a?.stablePath, "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_a");
    assert.equal(b?.partitionTable, "gpt");
    assert.match(b.tableId ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(
      [out?.format, out?.uuid, out?.mountPoint],
      ["ext4", "b7b61272-9314-4db0-b4cc-b96cfaffcd8b", "/sysroot"],
    );
  });

  it("knows volume groups and arrays", () => {
    const [group] = machine.volumeGroups;
    assert.equal(group?.name, "vg-0");
    assert.equal(group.free, 239_075_328);
    assert.deepEqual(group.physicalVolumes, ["sda5", "sdb1"]);
    assert.deepEqual(
      group.logicalVolumes.map(({ name, path, kind }) => [name, path, kind]),
      [
        ["root-fs", "/dev/vg-0/root-fs", "linear"],
        ["swap", "/dev/vg-0/swap", "linear"],
      ],
    );
    assert.deepEqual(machine.raidArrays, [
      { name: "md127", level: "raid1", members: ["sdc2", "sdc1"], degraded: false },
    ]);
  });

  it("takes no partition table's code for a boot loader", () => {
    assert.equal(machine.bootLoader, undefined);
    assert.equal(machine.hypervisor, "qemu");
  });
});

describe("inspection of Debian 12 with its root on LVM (recorded)", () => {
  const machine = machineFromFile("debian-12-lvm.txt");

  it("misses nothing that a migration needs", () => {
    assert.deepEqual(treeOf(machine.disks), [
      "sda -",
      "  sda1 ext4 /boot",
      "  sda2 LVM2_member",
      "    web1-root ext4 /",
      "    web1-swap swap",
      "sdb -",
      "  sdb1 xfs /srv",
    ]);
    assert.deepEqual(machine.bootLoader, { name: "grub-pc", disk: "sda" });
    assert.deepEqual(machine.kernels, [{ release: "6.1.0-56-amd64", running: true, hasVirtio: true }]);
    assert.deepEqual(
      machine.disks.map(({ serial, partitionTable }) => [serial, partitionTable]),
      [
        ["ROOT123", "dos"],
        ["DATA456", "gpt"],
      ],
    );
    assert.equal(machine.memory, 768 * 1024 ** 2);
    assert.deepEqual(machine.unknown, []);
  });
});

describe("inspection of a machine between two passes (recorded)", () => {
  const before = machineFromFile("lvm-snapshot.txt");
  const between = machineFromFile("lvm-snapshot-between-passes.txt");

  it("describes the machine that is there without rehome's snapshots, somebody else's included", () => {
    assert.deepEqual(treeOf(before.disks.slice(0, 1)), [
      "sda -",
      "  sda1 ext4",
      "  sda2 LVM2_member",
      "    vg--0-root--fs ext4 /tmp/mnt",
      "    vg--0-swap swap",
      "    vg--0-srv ext4",
      "    vg--0-data-real -",
      "      vg--0-data ext4 /tmp/srv",
      "      vg--0-before ext4",
      "    vg--0-before-cow -",
      "      vg--0-before ext4",
    ]);
    assert.deepEqual(between.disks[0], before.disks[0]);
    assert.deepEqual(
      before.volumeGroups[0]?.logicalVolumes.map(({ name, kind }) => `${name} ${kind}`),
      ["before snapshot", "data linear", "root-fs linear", "srv linear", "swap linear"],
    );
    assert.deepEqual(between.volumeGroups, before.volumeGroups);
    assert.deepEqual(between.unknown, before.unknown);
  });

  it("takes nothing for rehome's that only has such a name or only such tags", () => {
    const lvs = (row: string): Machine => machineFrom({ vgs: "vg0|u|1048576|0|4096", lvs: row });
    const [ours, byName, byTag] = [
      "vg0|rehome-web1-root-1|4096|linear|root|rehome,rehome.guest.web1",
      "vg0|rehome-web1-root-1|4096|linear|root|",
      "vg0|root-copy|4096|linear||rehome,rehome.guest.web1",
    ];
    assert.deepEqual(lvs(ours).volumeGroups[0]?.logicalVolumes, []);
    assert.equal(lvs(ours).volumeGroups[0]?.free, 4096);
    for (const row of [byName, byTag]) assert.equal(lvs(row).volumeGroups[0]?.logicalVolumes.length, 1, row);
  });
});

describe("inspection of what a kernel needs to find a root that has a snapshot", () => {
  for (const [name, lines, expected] of [
    ["has it in its initramfs", ["initramfs-init yes", "initramfs-snapshots yes"], true],
    ["has it in the kernel", ["CONFIG_DM_SNAPSHOT=y"], true],
    ["lacks it", ["CONFIG_DM_SNAPSHOT=m", "initramfs-init yes", "initramfs-snapshots no"], false],
    ["has an initramfs that was cut short", ["initramfs-snapshots no"], undefined],
    ["was asked by a rehome that did not look", ["initramfs-init yes"], undefined],
  ] as const) {
    it(name, () => {
      const { kernels } = machineFrom({ kernels: ["kernel 6.1.0-9-amd64", ...lines].join("\n") });
      assert.equal(kernels[0]?.hasSnapshots, expected);
    });
  }
});

describe("inspection of CentOS 5", () => {
  const machine = machineFrom(CENTOS_5);

  it("does without mountinfo, lsblk, os-release and dm names in sysfs", () => {
    assert.deepEqual(machine.distribution, { id: "centos", version: "5.11", name: "CentOS release 5.11 (Final)" });
    assert.deepEqual(treeOf(machine.disks), [
      "cciss!c0d0 -",
      "  cciss!c0d0p1 ext3 /boot",
      "  cciss!c0d0p2 LVM2_member",
      "    VolGroup00-LogVol00 ext3 /",
      "    VolGroup00-LogVol01 swap",
    ]);
    assert.equal(machine.disks[0]?.path, "/dev/cciss/c0d0");
    assert.equal(machine.disks[0].tableId, "000a1b2c");
    assert.deepEqual(machine.volumeGroups[0]?.physicalVolumes, ["cciss!c0d0p2"]);
    assert.deepEqual(machine.unknown, []);
  });

  it("finds GRUB legacy, and no virtio in the initrd", () => {
    assert.deepEqual(machine.bootLoader, { name: "grub-legacy", disk: "cciss!c0d0" });
    assert.deepEqual(machine.kernels, [{ release: "2.6.18-398.el5", running: true, hasVirtio: false }]);
  });

  it("measures the clock", () => {
    assert.equal(machine.clockSkewMs, -9500);
    assert.equal(machine.hypervisor, undefined);
  });

  it("keeps addresses and routes of global scope", () => {
    assert.deepEqual(machine.network.nics[0]?.addresses, ["192.0.2.20/24"]);
    assert.deepEqual(
      machine.network.routes.map(({ destination }) => destination),
      ["192.0.2.0/24", "169.254.0.0/16", "default"],
    );
  });
});

describe("inspection of Debian 6 with RAID and a bond", () => {
  const machine = machineFrom(DEBIAN_6);

  it("shows both legs, the one that dropped out too", () => {
    assert.deepEqual(treeOf(machine.disks), [
      "sda -",
      "  sda1 linux_raid_member",
      "    md0 ext3 /",
      "sdb -",
      "  sdb1 linux_raid_member",
    ]);
    assert.deepEqual(machine.raidArrays, [
      { name: "md0", level: "raid1", members: ["sda1"], degraded: true },
      { name: "not assembled", level: "inactive", members: ["sdb1"], degraded: undefined },
    ]);
  });

  it("reads quotes in labels", () => {
    assert.equal(machine.disks[0]?.contents[0]?.contents[0]?.label, 'a "b" \\');
  });

  it("tells cards by their own MACs", () => {
    assert.deepEqual(
      machine.network.nics.map(({ name, mac, physical }) => [name, mac, physical]),
      [
        ["bond0", "00:50:56:00:00:01", false],
        ["eth0", "00:50:56:00:00:01", true],
        ["eth1", "00:50:56:00:00:02", true],
      ],
    );
  });

  it("does not claim what an unlisted initramfs has", () => {
    assert.equal(machine.kernels[0]?.hasVirtio, undefined);
    assert.match(machine.unknown.join("\n"), /initrd\.img-2\.6\.32-5-amd64 could not be listed/);
    assert.deepEqual(machine.bootLoader, { name: "grub-pc", disk: "sda" });
    assert.equal(machine.bootId, "btime-1690000000");
    assert.equal(machine.hypervisor, "vmware");
    assert.equal(machine.disks[0]?.serial, undefined);
    assert.equal(machine.disks[1]?.serial, "6000c29");
  });
});

describe("inspection of Ubuntu with UEFI and an encrypted root", () => {
  const machine = machineFrom(UBUNTU_UEFI);

  it("finds LVM on LUKS on a partition", () => {
    assert.deepEqual(treeOf(machine.disks), [
      "nvme0n1 -",
      "  nvme0n1p1 vfat /boot/efi",
      "  nvme0n1p3 crypto_LUKS",
      "    nvme0n1p3_crypt LVM2_member",
      "      ubuntu--vg-root ext4 /",
    ]);
    assert.equal(machine.disks[0]?.tableId, "00112233-4455-6677-8899-aabbccddeeff");
    assert.equal(machine.disks[0].serial, "S5GXNF0R123456A");
    assert.equal(machine.disks[0].stablePath, "/dev/disk/by-id/nvme-Samsung_SSD_980_S5GXNF0R123456A");
  });

  it("knows firmware, loader, memory and a kernel with virtio built in", () => {
    assert.equal(machine.firmware, "uefi");
    assert.deepEqual(machine.bootLoader, { name: "grub-efi" });
    assert.equal(machine.memory, 16 * 1024 ** 3);
    assert.equal(machine.kernels[0]?.hasVirtio, true);
    assert.deepEqual(machine.distribution, { id: "ubuntu", version: "22.04", name: "Ubuntu 22.04.3 LTS" });
  });

  it("names a lost physical volume, and kinds of volumes", () => {
    assert.deepEqual(machine.volumeGroups[0]?.physicalVolumes, ["nvme0n1p3_crypt", "missing"]);
    assert.deepEqual(
      machine.volumeGroups[0].logicalVolumes.map(({ name, kind }) => [name, kind]),
      [
        ["root", "linear+striped"],
        ["snap", "snapshot"],
      ],
    );
  });

  it("asks systemd-resolved's servers, and says which device it leaves out", () => {
    assert.deepEqual(machine.network.nameservers, ["192.0.2.53", "2001:db8::53"]);
    assert.match(machine.unknown.join("\n"), /device rbd0/);
  });
});

describe("inspection of a machine with little more than busybox", () => {
  const machine = machineFrom(BUSYBOX);

  it("reads ifconfig and /proc/net/route", () => {
    assert.deepEqual(machine.network.nics[0]?.addresses, ["192.0.2.40/24", "2001:db8::40/64", "198.51.100.7/25"]);
    assert.deepEqual(machine.network.routes, [
      { destination: "default", gateway: "192.0.2.1", nic: "eth0" },
      { destination: "192.0.2.0/24", gateway: undefined, nic: "eth0" },
    ]);
  });

  it("names what is not known, instead of leaving it out", () => {
    const text = machine.unknown.join("\n");
    for (const what of [/root/, /blkid is not installed/, /partition table of \/dev\/vda/, /kernel 6\.6\.7-0-lts/]) {
      assert.match(text, what);
    }
    assert.equal(machine.inspectedAsRoot, false);
    assert.equal(machine.bootLoader, undefined);
    assert.equal(machine.hypervisor, "unknown");
    assert.equal(machine.disks[0]?.format, "ext4");
  });
});

describe("what a machine says of itself", () => {
  it("cannot paint on the terminal", () => {
    const identity = "uid 0\nhostname \u001b[2Jweb\u009b1m\u0007";
    assert.doesNotMatch(machineFrom({ identity }).hostname, /[\u0000-\u001f\u007f-\u009f]/);
  });
});

describe("inspection of a Xen host", () => {
  const capabilities = (text: string): ReturnType<typeof machineFrom> =>
    machineFrom({ hypervisor: `vm none\nproc-xen yes\nxen-capabilities ${text}` });

  it("knows it from a domain of one: all domains would stop with it", () => {
    assert.equal(capabilities("control_d").xenHost, true);
    assert.equal(capabilities("control_d").hypervisor, undefined);
    assert.equal(capabilities("").xenHost, undefined);
  });
});
