import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { commonCpuModel, parseCpuinfo } from "../../cluster/setup/facts/processor.js";
import type { Host } from "../../lib/host/types.js";
import type { GuestRecord, GuestStore } from "../guest-store.js";

/** What a guest may have of the hosts that it was looked for on. */
export interface CommonHardware {
  readonly hypervisor: Hypervisor;
  readonly cpuModel: string;
  /** Names of the hosts that have it. */
  readonly hosts: readonly string[];
}

/** What a guest may have so that every one of the hosts can run it. */
export async function commonHardware(hosts: readonly Host[]): Promise<CommonHardware> {
  const hypervisors = await Promise.all(hosts.map((host) => probeHypervisor(host)));
  const cpus = await Promise.all(
    hosts.map(async (host) => parseCpuinfo((await host.readFile("/proc/cpuinfo")).toString())),
  );
  return {
    hypervisor: commonHypervisor(hypervisors),
    cpuModel: commonCpuModel(cpus),
    hosts: hosts.map(({ name }) => name),
  };
}

/** Finds out what both hosts have, and remembers it for when one of them is away. */
export async function rememberHardware(store: GuestStore, hosts: readonly Host[]): Promise<CommonHardware> {
  const hardware = await commonHardware(hosts);
  await store.append({ type: "hardware", at: Date.now(), hardware });
  return hardware;
}

/** What was remembered last. */
export function hardwareOf(records: readonly GuestRecord[]): CommonHardware | undefined {
  return records.findLast((record) => record.type === "hardware")?.hardware;
}

/** Emulated where one host cannot do better; the machine types of the older QEMU, which newer ones have too. Pure. */
export function commonHypervisor(hypervisors: readonly Hypervisor[]): Hypervisor {
  const oldest = (firmware: "bios" | "uefi"): string =>
    hypervisors.map(({ machines }) => machines[firmware]).toSorted(byVersion)[0] ?? "";
  return {
    type: hypervisors.every(({ type }) => type === "kvm") ? "kvm" : "qemu",
    machines: { bios: oldest("bios"), uefi: oldest("uefi") },
  };
}

/** `pc-q35-7.2` before `pc-q35-10.0`. */
function byVersion(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}
