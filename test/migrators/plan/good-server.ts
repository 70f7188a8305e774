import { configSchema, type Config } from "../../../src/lib/config/schema.js";
import type { TargetFacts } from "../../../src/migrators/plan/target.js";
import type { BlockDevice, Disk, Machine } from "../../../src/migrators/types.js";

const GIB = 1024 ** 3;

export function device(
  name: string,
  fields: Partial<BlockDevice> & Pick<BlockDevice, "format">,
  contents: readonly BlockDevice[] = [],
): BlockDevice {
  return {
    name,
    path: name.includes("-") ? `/dev/mapper/${name}` : `/dev/${name}`,
    type: "partition",
    size: GIB,
    uuid: `uuid-${name}`,
    label: undefined,
    mountPoint: undefined,
    contents,
    ...fields,
  };
}

export function disk(name: string, fields: Partial<Disk> = {}): Disk {
  return {
    name,
    path: `/dev/${name}`,
    stablePath: `/dev/disk/by-id/ata-${name}`,
    size: 20 * GIB,
    logicalSectorSize: 512,
    model: "Model",
    serial: `SERIAL-${name}`,
    rotational: false,
    partitionTable: "dos",
    tableId: `0000${name}`,
    format: undefined,
    uuid: undefined,
    mountPoint: undefined,
    contents: [],
    ...fields,
  };
}

/** /boot on a partition, the root on LVM: a server that nobody has any concern about. */
export const GOOD_DISK = disk("sda", {
  contents: [
    device("sda1", { format: "ext4", mountPoint: "/boot" }),
    device("sda2", { format: "LVM2_member" }, [device("vg0-root", { type: "lvm", format: "ext4", mountPoint: "/" })]),
  ],
});

export const GOOD_MACHINE: Machine = {
  hostname: "web1",
  bootId: "6a7c34c2-70bc-4df2-9f03-93c8c9567a6b",
  architecture: "x86_64",
  cpus: 2,
  cpuModel: "Model",
  memory: 4 * GIB,
  firmware: "bios",
  bootLoader: { name: "grub-pc", disk: "sda" },
  distribution: { id: "debian", version: "11", name: "Debian GNU/Linux 11 (bullseye)" },
  kernels: [{ release: "5.10.0-30-amd64", running: true, hasVirtio: true }],
  disks: [GOOD_DISK],
  volumeGroups: [
    {
      name: "vg0",
      uuid: "uuid-vg0",
      size: 19 * GIB,
      free: 5 * GIB,
      extentSize: 4 * 1024 ** 2,
      physicalVolumes: ["sda2"],
      logicalVolumes: [{ name: "root", path: "/dev/vg0/root", size: 14 * GIB, kind: "linear" }],
    },
  ],
  raidArrays: [],
  network: {
    nics: [{ name: "eth0", mac: "52:54:00:00:00:01", addresses: ["192.0.2.10/24"], up: true, physical: true }],
    routes: [{ destination: "default", gateway: "192.0.2.1", nic: "eth0" }],
    nameservers: ["192.0.2.53"],
  },
  hypervisor: undefined,
  container: undefined,
  clockSkewMs: 120,
  inspectedAsRoot: true,
  unknown: [],
};

export const GOOD_TARGET: TargetFacts = {
  cpus: 8,
  memory: 64 * GIB,
  hypervisor: "kvm",
  freeBytes: 500 * GIB,
  allocatedBytes: new Map(),
  bridges: ["br0", "br1"],
  domains: [],
  missingTools: [],
  unknown: [],
};

/** rehome.yaml with one guest, `web1`. */
export function configOf(guest: Record<string, unknown> = {}): Config {
  return configSchema.parse({
    version: 1,
    sources: { old: { address: "root@192.0.2.10" } },
    guests: { web1: { source: "old", ...guest } },
  });
}
