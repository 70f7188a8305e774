import { cameFromXen, isVolatile, resolveDevice, type DeviceFacts } from "./devices.js";
import type { StepContext } from "./types.js";

/** The serial port that libvirt gives the guest; the last console= is where the system's messages go. */
const SERIAL = "console=ttyS0,115200n8";

/** What only means something, or does harm, when Xen starts the kernel. */
const XEN_ONLY =
  /^(?:console=(?:hvc|xvc)\d.*|xencons=.*|clocksource=(?:xen|jiffies)|independent_wallclock=.*|xen[_-]\S+)$/;

/**
 * A kernel's command line as it must be in the guest: devices by UUID, a console on the serial port, and `extra` when
 * it is not there; what is meant for Xen is left out. Unchanged when nothing has to change.
 */
export function convertParameters(line: string, facts: DeviceFacts, extra?: string): string {
  const meant = (word: string): boolean => !cameFromXen(facts.machine) || !XEN_ONLY.test(word);
  const words = line
    .split(" ")
    .filter(meant)
    .map((word) => convertDevice(word, facts));
  for (const parameter of extra === undefined ? [] : [extra]) {
    const key = parameter.split("=")[0];
    if (!words.some((word) => word.split("=")[0] === key)) words.push(parameter);
  }
  return words.join(" ");
}

/** Names the root file system where the command line does not: Xen's host may have told the kernel of it. */
export function withRoot(line: string, { mounts }: Pick<StepContext, "mounts">): string {
  const words = line.split(" ").filter((word) => word !== "");
  const uuid = mounts.get("/")?.uuid;
  if (uuid === undefined || words.some((word) => word.startsWith("root="))) return words.join(" ");
  const mode = words.some((word) => word === "ro" || word === "rw") ? [] : ["ro"];
  return [`root=UUID=${uuid}`, ...mode, ...words].join(" ");
}

/** Adds the serial console. Without any console= the screen, which was the only one, is named as well. */
export function withSerialConsole(line: string): string {
  const words = line.split(" ");
  if (words.some((word) => /^console=ttyS0(?:,|$)/.test(word))) return line;
  const screen = words.some((word) => /^console=tty\d/.test(word)) ? [] : ["console=tty0"];
  return [...words.filter((word, index) => word !== "" || index === 0), ...screen, SERIAL].join(" ").trimStart();
}

function convertDevice(word: string, facts: DeviceFacts): string {
  const match = /^(root|resume)=(.+)$/.exec(word);
  if (match?.[1] === undefined || match[2] === undefined || !isVolatile(match[2])) return word;
  const uuid = resolveDevice(match[2], facts)?.uuid;
  return uuid === undefined ? word : `${match[1]}=UUID=${uuid}`;
}
