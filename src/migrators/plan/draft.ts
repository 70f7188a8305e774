import { entryOf } from "../../lib/entry-of.js";
import type { GuestConfig } from "../../lib/config/schema.js";
import { parseSize } from "../../lib/units.js";
import type { Landing } from "../landing/landing.js";
import type { Disk, Machine, Nic, NicPlan, SourceDisk, VolumePlan } from "../types.js";
import { allDevices, grouped, movedDisks, type Draft } from "./context.js";
import { layOut, partitionName, useOf } from "./wrapping.js";

const MIB = 1024 * 1024;

/** What becomes of a machine by rehome.yaml, before anyone asks whether that is a good idea. */
export function draftGuest(name: string, guest: GuestConfig, landing: Landing, machine: Machine): Draft {
  const memory = guest.memory === undefined ? machine.memory : parseSize(guest.memory);
  return {
    name,
    source: guest.source,
    vcpus: guest.vcpus ?? machine.cpus,
    memory: Math.ceil(memory / MIB) * MIB,
    firmware: machine.firmware,
    volumes: draftVolumes(name, guest, landing, machine),
    nics: draftNics(guest, landing, machine),
  };
}

/** The disk that boots comes first, because a guest's BIOS starts from its first disk. */
function draftVolumes(name: string, guest: GuestConfig, landing: Landing, machine: Machine): readonly VolumePlan[] {
  const disks = grouped(movedDisks({ machine, guest }), wrapperOf);
  const all = [...disks].map(([wrapper, same]) => ({ wrapper, disks: same, boots: same.some(bootsFrom(machine)) }));
  return [...all.filter(({ boots }) => boots), ...all.filter(({ boots }) => !boots)].flatMap((one, index) => {
    const device = deviceName(index);
    const place = { path: landing.volumePath(name, index, device), device };
    const [disk] = one.disks;
    if (disk === undefined) return [];
    return isWrapped(disk, machine)
      ? [wrapped(one.wrapper, one.disks, place, name)]
      : [{ ...sourceDisk(disk), ...place }];
  });
}

/** Where the boot loader is; and for a guest that has none, where its system is. */
function bootsFrom({ bootLoader, boot }: Machine): (disk: Disk) => boolean {
  if (bootLoader?.disk !== undefined || boot === undefined) return ({ name }) => name === bootLoader?.disk;
  return (disk) => allDevices([disk]).some(({ device }) => device.mountPoint === "/");
}

/** The name of the disk of the guest's that a disk of the source becomes, or a part of. */
function wrapperOf(disk: Disk): string {
  return partitionName(disk.name)?.disk ?? disk.name;
}

/** A single partition as a paravirtual guest has it; and a root file system straight on a disk, before which no boot loader fits. */
function isWrapped(disk: Disk, { boot }: Machine): boolean {
  if (disk.partitionTable !== undefined || disk.contents.some(({ type }) => type === "partition")) return false;
  return partitionName(disk.name) !== undefined || (boot !== undefined && disk.mountPoint === "/");
}

function sourceDisk(disk: Disk): SourceDisk {
  return {
    disk: disk.name,
    sourcePath: disk.stablePath ?? disk.path,
    size: disk.size,
    identity: { size: disk.size, serial: disk.serial, tableId: disk.tableId ?? disk.uuid },
  };
}

function wrapped(
  name: string,
  disks: readonly Disk[],
  place: Pick<VolumePlan, "path" | "device">,
  guest: string,
): VolumePlan {
  const payloads = disks.map((disk) => ({
    ...sourceDisk(disk),
    number: partitionName(disk.name)?.number ?? 1,
    use: useOf(disk.format),
  }));
  const { size, wrapping } = layOut(payloads, `${guest} ${name}`);
  const identity = { size, serial: undefined, tableId: wrapping.tableId };
  return { disk: name, sourcePath: wrapping.parts[0]?.sourcePath ?? "", size, identity, ...place, wrapping };
}

/** `vda` … `vdz`, `vdaa` …, as the kernel counts. */
export function deviceName(index: number): string {
  const letter = String.fromCharCode("a".charCodeAt(0) + (index % 26));
  return index < 26 ? `vd${letter}` : `${deviceName(Math.floor(index / 26) - 1)}${letter}`;
}

function draftNics(guest: GuestConfig, landing: Landing, machine: Machine): readonly NicPlan[] {
  return machine.network.nics
    .filter((nic) => isMoved(nic, guest))
    .map((nic) => ({
      name: nic.name,
      mac: nic.mac.toLowerCase(),
      bridge: entryOf(guest.bridges, nic.name) ?? landing.bridge,
    }));
}

/** Real Ethernet cards that do something, and those that rehome.yaml names. */
function isMoved(nic: Nic, guest: GuestConfig): boolean {
  if (!nic.physical || !isEthernet(nic)) return false;
  return nic.up || nic.addresses.length > 0 || entryOf(guest.bridges, nic.name) !== undefined;
}

export function isEthernet(nic: Nic): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(nic.mac) && nic.mac !== "00:00:00:00:00:00";
}
