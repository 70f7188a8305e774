import type { Firmware } from "../../types.js";
import type { DomainBoot, DomainType } from "../types.js";

/** What tools and files of every age say of how a domain starts, by the names of xl.cfg(5). */
export interface BootFacts {
  readonly type: string | undefined;
  readonly builder?: string | undefined;
  readonly kernel: string | undefined;
  readonly ramdisk: string | undefined;
  readonly commandLine: string;
  readonly bootloader: string | undefined;
  /** Of an HVM domain: `ovmf`, `uefi`, `seabios`, `rombios`. */
  readonly firmware: string | undefined;
}

/** hvmloader is what HVM domains of Xen before 4.10 name as their kernel. */
const HVM_LOADER = /(^|\/)hvmloader$/;

export function typeOf({ type, builder, kernel }: BootFacts): DomainType {
  if (type === "pvh") return "pvh";
  if (type === "hvm" || builder === "hvm" || HVM_LOADER.test(kernel ?? "")) return "hvm";
  return "pv";
}

export function bootOf(facts: BootFacts): DomainBoot {
  const { kernel, ramdisk, commandLine, bootloader } = facts;
  const isFirmware = typeOf(facts) === "hvm" && (kernel === undefined || HVM_LOADER.test(kernel));
  if (!isFirmware && kernel !== undefined) return { kind: "kernel", kernel, ramdisk, commandLine };
  if (!isFirmware && bootloader !== undefined) return { kind: "bootloader", program: bootloader };
  const firmware: Firmware = ["ovmf", "uefi", "efi"].includes(facts.firmware ?? "") ? "uefi" : "bios";
  return { kind: "firmware", firmware };
}

/** The root and the rest of a kernel's command line, as xm and xl put them together. */
export function commandLineOf(root: string | undefined, extra: string | undefined): string {
  return [root === undefined || root === "" ? "" : `root=${root}`, extra ?? ""].filter(Boolean).join(" ");
}

/** Empty means that there is none. */
export function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** `00:16:3E:…` in lower case; undefined when it is none. */
export function macOf(text: string | undefined): string | undefined {
  const mac = text?.trim().toLowerCase();
  return mac !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? mac : undefined;
}
