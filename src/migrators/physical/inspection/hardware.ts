import { recordOf, section, type NoteUnknown, type Sections } from "./sections.js";

/** Processors of /proc/cpuinfo. */
export function parseCpus(sections: Sections, unknown: NoteUnknown): { cpus: number; cpuModel: string } {
  const lines = section(sections, "cpuinfo").lines;
  const cpus = lines.filter((line) => /^processor\s*:/.test(line)).length;
  if (cpus === 0) unknown("number of processors: /proc/cpuinfo does not tell");
  const model = lines.map((line) => /^(?:model name|Processor|cpu)\s*:\s*(.+)$/.exec(line)?.[1]).find(Boolean);
  return { cpus, cpuModel: model?.trim() ?? "unknown" };
}

/**
 * Memory in bytes: what is plugged in, where the kernel tells (memory blocks, since 2.6.20 or so); otherwise what it
 * uses (MemTotal), a few percent less.
 */
export function parseMemory(sections: Sections, unknown: NoteUnknown): number {
  const lines = section(sections, "memory").lines;
  const total = Number(lines.map((line) => /^MemTotal:\s*(\d+) kB/.exec(line)?.[1]).find(Boolean) ?? 0) * 1024;
  if (total === 0) unknown("memory: /proc/meminfo does not tell");
  const record = recordOf([], lines);
  const blocks = Number.parseInt(record.value("block-size") ?? "", 16) * Number(record.value("blocks-online"));
  // blocks may be larger than the memory in them: believe them only when they come out a little above MemTotal
  return blocks >= total && blocks < total * 1.15 ? blocks : total;
}

const CONTAINERS = ["docker", "podman", "lxc", "lxc-libvirt", "openvz", "systemd-nspawn", "wsl", "container-other"];

export interface Virtualization {
  readonly hypervisor: string | undefined;
  /** `docker`, `lxc`, `openvz` …: there is no machine to move, only a container in one. */
  readonly container: string | undefined;
  /** The control domain of a Xen host (dom0), on which other domains depend. */
  readonly xenHost?: true;
}

/** What the machine runs under: systemd's word first, then what firmware and kernel give away. */
export function parseVirtualization(sections: Sections): Virtualization {
  const record = recordOf([], section(sections, "hypervisor").lines);
  const value = record.value.bind(record);
  return {
    hypervisor: hypervisorOf(value),
    container: containerOf(value),
    ...(isXenHost(value) && { xenHost: true as const }),
  };
}

type Value = (key: string) => string | undefined;

function isXenHost(value: Value): boolean {
  return value("xen-capabilities")?.includes("control_d") === true;
}

function hypervisorOf(value: Value): string | undefined {
  if (isXenHost(value)) return undefined; // it owns the hardware
  const told = value("vm");
  if (told === "none") return undefined;
  if (told !== undefined) return told;
  const guess = value("virt-what") ?? byFirmware(`${value("dmi-vendor") ?? ""} ${value("dmi-product") ?? ""}`);
  if (guess !== undefined) return guess;
  if (value("hypervisor-type") === "xen" || value("proc-xen") !== undefined) return "xen";
  return value("cpu-flag") === undefined ? undefined : "unknown";
}

/** Vendors and products as DMI has them. */
const FIRMWARE: readonly (readonly [RegExp, string])[] = [
  [/VMware/i, "vmware"],
  [/innotek|VirtualBox/i, "oracle"],
  [/\bXen\b|HVM domU/, "xen"],
  [/Microsoft Corporation Virtual Machine/, "microsoft"],
  [/Amazon EC2/, "amazon"],
  [/Google/, "google"],
  [/\bKVM\b|RHEV|oVirt|OpenStack/, "kvm"],
  [/QEMU|Bochs/, "qemu"],
  [/Parallels/, "parallels"],
];

function byFirmware(text: string): string | undefined {
  return FIRMWARE.find(([pattern]) => pattern.test(text))?.[1];
}

function containerOf(value: Value): string | undefined {
  const told = value("container");
  if (told !== undefined && CONTAINERS.includes(told)) return told;
  if (value("proc-vz") !== undefined) return "openvz";
  return told === undefined && value("docker") !== undefined ? "docker" : undefined;
}
