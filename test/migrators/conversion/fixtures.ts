import type { GuestPlan, Machine } from "../../../src/migrators/types.js";

/** A plan with these volumes as vda, vdb … (sda, sdb … on the source) and one NIC. */
export function guestPlan(volumes: readonly string[], changes: Partial<GuestPlan> = {}): GuestPlan {
  return {
    name: "web1",
    source: "web1",
    vcpus: 1,
    memory: 1024 ** 3,
    firmware: "bios",
    volumes: volumes.map((path, index) => {
      const letter = String.fromCharCode(97 + index);
      return {
        disk: `sd${letter}`,
        sourcePath: `/dev/sd${letter}`,
        size: 1024 ** 3,
        identity: { size: 1024 ** 3, serial: `SERIAL${index}`, tableId: undefined },
        path,
        device: `vd${letter}`,
      };
    }),
    nics: [{ name: "enp3s0", mac: "52:54:00:12:34:56", bridge: "br0" }],
    concerns: [],
    ...changes,
  };
}

export function machine(changes: Partial<Machine> = {}): Machine {
  return {
    hostname: "web1",
    bootId: "b0c0ffee-0000-4000-8000-000000000000",
    architecture: "x86_64",
    cpus: 1,
    cpuModel: "QEMU Virtual CPU",
    memory: 1024 ** 3,
    firmware: "bios",
    bootLoader: { name: "grub-pc", disk: "sda" },
    distribution: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
    kernels: [],
    disks: [],
    volumeGroups: [],
    raidArrays: [],
    network: { nics: [], routes: [], nameservers: [] },
    hypervisor: undefined,
    container: undefined,
    inspectedAsRoot: true,
    clockSkewMs: 0,
    unknown: [],
    ...changes,
  };
}
