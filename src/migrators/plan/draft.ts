import { join } from "node:path";
import { entryOf } from "../../lib/config/entries.js";
import type { GuestConfig, TargetConfig } from "../../lib/config/schema.js";
import { parseSize } from "../../lib/units.js";
import type { Disk, Machine, Nic, NicPlan, VolumePlan } from "../types.js";
import { movedDisks, type Draft } from "./context.js";

const MIB = 1024 * 1024;

/** What becomes of a machine by rehome.yaml, before anyone asks whether that is a good idea. */
export function draftGuest(name: string, guest: GuestConfig, target: TargetConfig, machine: Machine): Draft {
  const memory = guest.memory === undefined ? machine.memory : parseSize(guest.memory);
  return {
    name,
    source: guest.source,
    vcpus: guest.vcpus ?? machine.cpus,
    memory: Math.ceil(memory / MIB) * MIB,
    firmware: machine.firmware,
    volumes: draftVolumes(name, guest, target, machine),
    nics: draftNics(guest, target, machine),
  };
}

/** The disk that boots comes first, because a guest's BIOS starts from its first disk. */
function draftVolumes(name: string, guest: GuestConfig, target: TargetConfig, machine: Machine): readonly VolumePlan[] {
  const boots = (disk: Disk) => disk.name === machine.bootLoader?.disk;
  const disks = movedDisks({ machine, guest });
  return [...disks.filter(boots), ...disks.filter((disk) => !boots(disk))].map((disk, index) => {
    const device = deviceName(index);
    return {
      disk: disk.name,
      sourcePath: disk.stablePath ?? disk.path,
      size: disk.size,
      identity: { size: disk.size, serial: disk.serial, tableId: disk.tableId ?? disk.uuid },
      path: join(target.volumes, name, `${device}.raw`),
      device,
    };
  });
}

/** `vda` … `vdz`, `vdaa` …, as the kernel counts. */
export function deviceName(index: number): string {
  const letter = String.fromCharCode("a".charCodeAt(0) + (index % 26));
  return index < 26 ? `vd${letter}` : `${deviceName(Math.floor(index / 26) - 1)}${letter}`;
}

function draftNics(guest: GuestConfig, target: TargetConfig, machine: Machine): readonly NicPlan[] {
  return machine.network.nics
    .filter((nic) => isMoved(nic, guest))
    .map((nic) => ({
      name: nic.name,
      mac: nic.mac.toLowerCase(),
      bridge: entryOf(guest.bridges, nic.name) ?? target.bridge,
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
