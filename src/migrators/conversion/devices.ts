import { RehomeError } from "../../lib/errors.js";
import { dmNameOf } from "../../lib/dm-name.js";
import type { BlockDevice, GuestPlan, Machine } from "../types.js";
import type { GuestDevice } from "./types.js";

/** Where the appliance has the disks under the labels that they were added with (guestfs(3), "disk labels"). */
export const DISKS = "/dev/disk/guestfs";

/** The partition `number` of a disk: sda1, nvme0n1p1. */
export function partitionPath(disk: string, number: string): string {
  return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
}

/**
 * Reads what DEVICES_SCRIPT prints. The appliance numbers its disks in the order in which it found them, which is not
 * always that of the volumes; the links are by the names that rehome gave them.
 */
export function parseDevices(output: string, plan: GuestPlan): readonly GuestDevice[] {
  const links = new Map<string, string>();
  for (const match of output.matchAll(/ (\S+) -> \.\.\/\.\.\/(\S+)$/gm))
    links.set(`/dev/${match[2] ?? ""}`, match[1] ?? "");
  for (const { device } of plan.volumes) {
    if ([...links.values()].includes(device)) continue;
    throw new RehomeError("appliance-failed", `the appliance does not show the disk ${device}`, {
      machine: plan.name,
      output,
    });
  }
  const devices: GuestDevice[] = [];
  for (const block of output.split(/\n\n+/)) {
    const values = new Map<string, string>();
    for (const line of block.split("\n")) {
      const equals = line.indexOf("=");
      if (equals > 0) values.set(line.slice(0, equals), unescape(line.slice(equals + 1)));
    }
    const path = values.get("DEVNAME") ?? "";
    const name = links.get(path);
    if (name === undefined && !path.startsWith("/dev/mapper/")) continue; // the appliance's own disk
    devices.push({
      path: name === undefined ? path : `/dev/${name}`,
      sourcePath: name === undefined ? undefined : sourcePath(name, plan),
      format: values.get("TYPE"),
      uuid: values.get("UUID"),
      label: values.get("LABEL"),
      partUuid: values.get("PARTUUID"),
    });
  }
  return devices;
}

/** Run in the appliance: which of its disks are which of the guest's, and what is on them. */
export const DEVICES_SCRIPT = `ls -l ${DISKS}; echo; blkid -o export`;

/** vda1 as the source names it. */
function sourcePath(name: string, plan: GuestPlan): string | undefined {
  const [, disk, number = ""] = /^([a-z]+)(\d*)$/.exec(name) ?? [];
  const volume = plan.volumes.find((candidate) => candidate.device === disk);
  if (volume === undefined) return undefined;
  if (volume.wrapping !== undefined) {
    const part = volume.wrapping.parts.find((candidate) => `${candidate.number}` === number);
    return part && `/dev/${part.disk}`;
  }
  const path = `/dev/${volume.disk.replaceAll("!", "/")}`; // sysfs's name of /dev/cciss/c0d0
  return number === "" ? path : partitionPath(path, number);
}

/** blkid escapes what a shell would read as something else with a backslash. */
function unescape(value: string): string {
  return value.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(parseInt(escaped.slice(1), 16)) : escaped,
  );
}

/** The appliance's path of a device of the guest. @throws RehomeError internal */
export function appliancePath(path: string): string {
  if (path.startsWith("/dev/mapper/")) return path;
  const name = /^\/dev\/(vd[a-z]+\d*)$/.exec(path)?.[1];
  if (name !== undefined) return `${DISKS}/${name}`;
  throw new RehomeError("internal", `${path} is no device of a guest`);
}

/** What a device is looked up in. */
export interface DeviceFacts {
  readonly devices: readonly GuestDevice[];
  readonly plan: GuestPlan;
  readonly machine: Machine;
}

/**
 * The device that fstab, the kernel's command line and others mean by a name of the source: `UUID=…`, `LABEL=…`,
 * `/dev/sda1`, `/dev/mapper/vg-root`, `/dev/vg/root`, `/dev/disk/by-…`.
 * @returns undefined when no such device is on the staged disks, or when that cannot be told
 */
export function resolveDevice(name: string, facts: DeviceFacts): GuestDevice | undefined {
  const { devices } = facts;
  const tag = /^(UUID|LABEL|PARTUUID)="?([^"]*)"?$/i.exec(name) ?? byLink(name);
  if (tag !== null) {
    const [, kind = "", value = ""] = tag;
    return devices.find((device) => hasTag(device, kind.toUpperCase(), value));
  }
  const byName = devices.find((device) => device.sourcePath === name || device.path === name);
  if (byName !== undefined) return byName;
  const alias = cameFromXen(facts.machine) ? xenAlias(name) : undefined;
  if (alias !== undefined) return devices.find((device) => device.sourcePath === alias);
  const volume = /^\/dev\/([^/]+)\/([^/]+)$/.exec(name);
  if (volume?.[1] !== undefined && volume[2] !== undefined) {
    const path = `/dev/mapper/${dmNameOf(volume[1], volume[2])}`;
    return devices.find((device) => device.path === path);
  }
  return bySerial(name, facts);
}

/** Whether the machine was a guest of Xen's, which has names for disks and consoles that no other hypervisor has. */
export function cameFromXen({ hypervisor, boot }: Machine): boolean {
  return hypervisor === "xen" || boot !== undefined;
}

/** Old kernels of Xen's have a disk that is configured as sda1 as sda1, newer ones as xvda1. */
function xenAlias(name: string): string | undefined {
  const match = /^\/dev\/(xvd|sd|hd)([a-z]+\d*)$/.exec(name);
  if (match === null) return undefined;
  return match[1] === "xvd" ? `/dev/sd${match[2] ?? ""}` : `/dev/xvd${match[2] ?? ""}`;
}

function hasTag(device: GuestDevice, kind: string, value: string): boolean {
  if (kind === "LABEL") return device.label === value;
  const uuid = kind === "UUID" ? device.uuid : device.partUuid;
  return uuid?.toLowerCase() === value.toLowerCase();
}

function byLink(name: string): [string, string, string] | null {
  const match = /^\/dev\/disk\/by-(uuid|label|partuuid)\/(.+)$/.exec(name);
  return match?.[1] === undefined ? null : [name, match[1], unescape(match[2] ?? "")];
}

/** /dev/disk/by-id/ata-MODEL_SERIAL-part1, by the serial of the source's disk. */
function bySerial(name: string, { devices, plan, machine }: DeviceFacts): GuestDevice | undefined {
  const match = /^\/dev\/disk\/by-id\/(.+?)(?:-part(\d+))?$/.exec(name);
  const id = match?.[1];
  if (id === undefined) return undefined;
  const volumes = plan.volumes.filter((volume) => {
    if (volume.wrapping !== undefined) return false; // a hypervisor's partitions have no serial numbers
    const serial = machine.disks.find((disk) => disk.name === volume.disk)?.serial;
    return serial !== undefined && serial.length >= 4 && id.endsWith(serial.trim().replaceAll(" ", "_"));
  });
  const volume = only(volumes);
  if (volume === undefined) return undefined;
  const disk = `/dev/${volume.device}`;
  const path = match?.[2] === undefined ? disk : partitionPath(disk, match[2]);
  return devices.find((device) => device.path === path);
}

/** The device that was mounted there when the machine was inspected. */
export function deviceMountedAt(mountPoint: string, { devices, machine }: DeviceFacts): GuestDevice | undefined {
  const uuid = machine.disks
    .flatMap((disk) => [disk, ...flatten(disk.contents)])
    .find((device) => device.mountPoint === mountPoint)?.uuid;
  return uuid === undefined ? undefined : only(devices.filter((device) => device.uuid === uuid));
}

function flatten(devices: readonly BlockDevice[]): readonly BlockDevice[] {
  return devices.flatMap((device) => [device, ...flatten(device.contents)]);
}

/** The one element; undefined when there are more, because then nobody knows which was meant. */
function only<T>(found: readonly T[]): T | undefined {
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Whether a name depends on what the disk hangs on, so that it means something else, or nothing, on virtio.
 * Names of volumes, UUIDs and labels stay the same.
 */
export function isVolatile(name: string): boolean {
  if (/^\/dev\/disk\/by-id\/(?:dm-|md-|lvm-)/.test(name)) return false;
  return /^\/dev\/(?:sd|hd|vd|xvd|nvme|mmcblk|cciss\/|ida\/|rd\/|disk\/by-(?:id|path)\/)/.test(name);
}
