import { formatDuration, formatSize } from "../../lib/units.js";
import { table, wrap } from "../../lib/view/table.js";
import type { BlockDevice, Disk, Kernel, Machine } from "../types.js";

/** A machine as lines for people, 80 columns wide as long as its names let them. */
export function describeMachine(machine: Machine): readonly string[] {
  return [
    machine.hostname,
    ...table(["", ""], facts(machine), { indent: 2 }).slice(1),
    ...part("disks", disks(machine)),
    ...part("drives that are not moved", drives(machine)),
    ...part("volume groups", volumeGroups(machine)),
    ...part("software RAID", raid(machine)),
    ...part("network cards", nics(machine)),
    ...part("routes", routes(machine)),
    ...part(
      "not known",
      machine.unknown.flatMap((text) => wrap(text, 76).map((line, index) => `  ${index === 0 ? "- " : "  "}${line}`)),
    ),
  ];
}

function part(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function facts(machine: Machine): readonly (readonly string[])[] {
  return [
    ["distribution", machine.distribution.name],
    ["processors", `${machine.cpus} × ${machine.cpuModel} (${machine.architecture})`],
    ["memory", formatSize(machine.memory)],
    ["firmware", machine.firmware === "uefi" ? "UEFI" : "BIOS"],
    ["boot loader", bootLoader(machine)],
    ["runs under", machine.container ?? machine.hypervisor ?? "no hypervisor"],
    ["kernels", machine.kernels.map(kernel).join(", ") || "none found"],
    ["DNS servers", machine.network.nameservers.join(", ") || "none"],
    ["clock", clock(machine.clockSkewMs)],
  ];
}

function bootLoader({ bootLoader: loader }: Machine): string {
  if (loader === undefined) return "none found";
  return loader.disk === undefined ? loader.name : `${loader.name} on ${loader.disk}`;
}

function kernel({ release, running, hasVirtio }: Kernel): string {
  const virtio = hasVirtio === undefined ? "virtio unknown" : hasVirtio ? "virtio" : "no virtio";
  return `${release} (${running ? "running, " : ""}${virtio})`;
}

function clock(skewMs: number): string {
  if (Math.abs(skewMs) < 1000) return "as here";
  return `${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`;
}

function disks(machine: Machine): readonly string[] {
  const rows = machine.disks.flatMap((disk) => deviceRows(disk, 0));
  if (rows.length === 0) return [];
  return table(["NAME", "SIZE", "CONTENT", "USED", "FREE", "MOUNTED ON"], rows, { indent: 2, right: [1, 3, 4] });
}

function deviceRows(device: Disk | BlockDevice, depth: number): readonly (readonly string[])[] {
  return [
    [
      `${"  ".repeat(depth)}${device.name}`,
      formatSize(device.size),
      content(device),
      device.usedBytes === undefined ? "" : formatSize(device.usedBytes),
      device.freeBytes === undefined ? "" : formatSize(device.freeBytes),
      device.mountPoint ?? "",
    ],
    ...device.contents.flatMap((child) => deviceRows(child, depth + 1)),
  ];
}

function content(device: Disk | BlockDevice): string {
  const format = device.format ?? "-";
  if ("serial" in device) return device.partitionTable === undefined ? format : `${device.partitionTable} table`;
  return device.type === "partition" || device.type === "other" ? format : `${device.type}: ${format}`;
}

function drives({ drives: found = [] }: Machine): readonly string[] {
  return found.map(({ name, medium }) => `  ${name}: ${medium ?? "empty"}`);
}

function volumeGroups({ volumeGroups: groups }: Machine): readonly string[] {
  if (groups.length === 0) return [];
  const rows = groups.map((group) => [
    group.name,
    formatSize(group.size),
    formatSize(group.free),
    group.physicalVolumes.join(", "),
  ]);
  return table(["NAME", "SIZE", "FREE", "ON"], rows, { indent: 2, right: [1, 2] });
}

function raid({ raidArrays }: Machine): readonly string[] {
  if (raidArrays.length === 0) return [];
  const rows = raidArrays.map(({ name, level, degraded, members }) => [
    name,
    level,
    degraded === undefined ? "unknown" : degraded ? "degraded" : "whole",
    members.join(", "),
  ]);
  return table(["NAME", "LEVEL", "STATE", "ON"], rows, { indent: 2 });
}

function nics({ network }: Machine): readonly string[] {
  const rows = network.nics.map((nic) => [
    nic.name,
    nic.mac,
    nic.physical ? "card" : "virtual",
    nic.up ? "up" : "down",
    nic.addresses.join(", "),
  ]);
  return rows.length === 0 ? [] : table(["NAME", "MAC", "KIND", "STATE", "ADDRESSES"], rows, { indent: 2 });
}

function routes({ network }: Machine): readonly string[] {
  const rows = network.routes.map(({ destination, gateway, nic }) => [destination, gateway ?? "direct", nic]);
  return rows.length === 0 ? [] : table(["TO", "BY", "CARD"], rows, { indent: 2 });
}
