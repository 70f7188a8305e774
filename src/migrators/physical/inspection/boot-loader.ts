import type { BootLoader, Firmware } from "../../types.js";
import type { BootCode, FirstSectors } from "./first-sectors.js";
import { section, type Sections } from "./sections.js";

/** A disk or partition whose first sector may hold a boot loader. */
export interface BootCandidate {
  readonly name: string;
  /** The disk that it is, or is on. */
  readonly disk: string;
}

/**
 * The boot loader: on BIOS machines what is really in a first sector, disks before partitions; files below /boot only
 * tell versions apart. On UEFI machines the programs on the EFI system partition.
 */
export function parseBootLoader(
  sections: Sections,
  firmware: Firmware,
  candidates: readonly BootCandidate[],
  sectors: ReadonlyMap<string, FirstSectors>,
): BootLoader | undefined {
  const files = section(sections, "boot-files").lines;
  if (firmware === "uefi") return efiLoader(files);
  for (const { name, disk } of candidates) {
    const code = sectors.get(name)?.bootCode;
    if (code !== undefined) return { name: nameOf(code, files), disk };
  }
  return undefined;
}

function efiLoader(files: readonly string[]): BootLoader | undefined {
  if (files.some((file) => /\/EFI\/[^/]+\/grub[^/]*\.efi$/i.test(file))) return { name: "grub-efi" };
  if (files.some((file) => /\/systemd-boot[^/]*\.efi$/i.test(file))) return { name: "systemd-boot" };
  return undefined;
}

function nameOf(code: BootCode, files: readonly string[]): BootLoader["name"] {
  if (code === "lilo") return "lilo";
  if (code === "syslinux") return "extlinux";
  if (code === "grub2") return "grub-pc";
  // the oldest GRUB 2 looks like GRUB legacy in its first sector
  const hasLegacy = files.some((file) => /\/(stage2|menu\.lst|grub\.conf)$/.test(file));
  const hasGrub2 = files.some((file) => /\/(grub\.cfg|core\.img)$/.test(file));
  return hasGrub2 && !hasLegacy ? "grub-pc" : "grub-legacy";
}
