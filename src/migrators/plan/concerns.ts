import { concernTable, type ConcernInfo } from "../../lib/concern.js";
import type { Concern } from "../types.js";

/**
 * Every concern that a plan can have. To add one: write it here, return it from a check in checks/ (a new file goes
 * into checks/index.ts), give it a case in test/migrators/plan, run `npm run docs`. Never rename or reuse a code.
 */
export const CONCERNS = {
  // reaching the source
  "host-key-unknown": { severity: "blocker", meaning: "the source's host key was never seen before" },
  "source-unreachable": { severity: "blocker", meaning: "the source cannot be reached or logged in to" },
  "source-not-root": { severity: "blocker", meaning: "the source was inspected without root's rights" },
  "inspection-incomplete": { severity: "warning", meaning: "something could not be found out about the source" },

  "guest-moved": { severity: "info", meaning: "the guest is being moved, or was: there is nothing to plan any more" },

  // what the source is
  "source-xen-host": {
    severity: "blocker",
    meaning: "the source is a Xen host, and all its domains would stop with it",
  },
  "source-container": { severity: "blocker", meaning: "the source is a container, which has no disks and no kernel" },
  "architecture-unsupported": { severity: "blocker", meaning: "the source's processor is no x86" },
  "distribution-unsupported": { severity: "blocker", meaning: "this version cannot convert the distribution" },
  "clock-skew": { severity: "warning", meaning: "the clocks of source and target differ" },

  // how it boots
  "firmware-unsupported": {
    severity: "blocker",
    meaning: "the source starts with UEFI, which this version cannot convert",
  },
  "boot-loader-missing": { severity: "blocker", meaning: "no boot loader was found" },
  "boot-loader-unsupported": { severity: "blocker", meaning: "the boot loader is not GRUB 2 for BIOS" },
  "boot-loader-no-room": {
    severity: "blocker",
    meaning: "a guest without a boot loader has no room for one before its first partition",
  },
  "kernel-missing": { severity: "blocker", meaning: "a guest has no kernel of its own, and none can be given to it" },
  "kernel-given": { severity: "warning", meaning: "a guest without a kernel of its own gets one from outside" },
  "virtio-missing": {
    severity: "info",
    meaning: "a kernel has no virtio drivers at boot; its initramfs will be rebuilt",
  },

  // disks
  "disk-none": { severity: "blocker", meaning: "there is no disk to move" },
  "disk-too-large": { severity: "blocker", meaning: "the disks are larger than the free space on the target" },
  "disk-space-shared": {
    severity: "warning",
    meaning: "the disks of all planned guests together are larger than the free space",
  },
  "disk-without-serial": {
    severity: "warning",
    meaning: "a disk has no serial number, by which it would be known again",
  },
  "disk-serial-duplicate": { severity: "blocker", meaning: "two disks have the same serial number" },
  "disk-sector-size": { severity: "blocker", meaning: "a disk has sectors of another size than the guest's" },
  "disk-backend-unsupported": {
    severity: "blocker",
    meaning: "the source's host keeps a disk in a way that is not copied block by block",
  },
  "disk-not-there": { severity: "blocker", meaning: "the source's host has not got what a disk should be" },
  "drive-not-moved": { severity: "info", meaning: "a CD-ROM or empty drive is left out" },
  "disk-excluded-needed": { severity: "blocker", meaning: "a disk that is not moved holds what the guest needs" },
  "disk-excluded-unknown": { severity: "warning", meaning: "a disk that is not to be moved does not exist" },

  // what is on them
  "root-missing": { severity: "blocker", meaning: "the root file system is on no disk that is moved" },
  "encrypted-root": { severity: "blocker", meaning: "the system is on an encrypted device" },
  "encrypted-disk": { severity: "warning", meaning: "an encrypted device is copied as it is" },
  "raid-unsupported": { severity: "blocker", meaning: "software RAID, of which one leg must never be copied alone" },
  "file-system-unsupported": {
    severity: "blocker",
    meaning: "a file system of the system is none that can be converted",
  },
  "file-system-unchecked": { severity: "warning", meaning: "a file system of data is copied without a look into it" },
  "volume-group-incomplete": { severity: "blocker", meaning: "a volume group lacks a physical volume" },
  "volume-group-full": { severity: "info", meaning: "no free space for snapshots: changes are found by hashing" },
  "swap-copied": { severity: "info", meaning: "swap space is copied like everything else" },

  // network
  "mac-duplicate": { severity: "blocker", meaning: "a MAC address is used twice" },
  "bridge-missing": { severity: "blocker", meaning: "the target has no such bridge" },
  "nic-none": { severity: "warning", meaning: "the guest would have no network card" },
  "nic-unused": { severity: "info", meaning: "a network card that is down and has no address is not moved" },
  "nic-unknown": { severity: "warning", meaning: "a bridge is given for a network card that the source does not have" },
  "nic-not-ethernet": { severity: "warning", meaning: "a network card is no Ethernet card and is not moved" },
  "nic-bonded": { severity: "warning", meaning: "the source bonds network cards" },

  // the target
  "guest-name-invalid": { severity: "blocker", meaning: "the guest's name is none for libvirt or the cluster" },
  "guest-exists": {
    severity: "blocker",
    meaning: "the target has a domain of that name, not made by rehome for this guest",
  },
  "tools-missing": { severity: "blocker", meaning: "the target lacks programs" },
  "hypervisor-emulated": { severity: "warning", meaning: "KVM does not work on the target: guests are emulated" },
  "vcpus-exceed-target": { severity: "warning", meaning: "the guest gets more vCPUs than the target has processors" },
  "memory-exceeds-target": { severity: "blocker", meaning: "the guest gets more memory than the target has" },
  "target-incomplete": { severity: "warning", meaning: "something could not be found out about the target" },
} as const satisfies Record<string, ConcernInfo>;

export type ConcernCode = keyof typeof CONCERNS;

/** A concern of a known code. @param message lower case, no full stop, names what is concerned */
export function concern(code: ConcernCode, message: string, remedy: string): Concern {
  return { code, severity: CONCERNS[code].severity, message, remedy };
}

/** docs/concerns.md */
export function concernsPage(): string {
  return [
    "# Concerns",
    "",
    "What `rehome plan` may have to say about a guest. A blocker must be put right before anything is copied (exit status",
    "5), a warning should be understood, an info needs nothing. Each comes with what to do about it on that machine.",
    "",
    ...concernTable(CONCERNS),
    "",
  ].join("\n");
}
