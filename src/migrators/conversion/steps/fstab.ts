import { deviceMountedAt, isVolatile, resolveDevice } from "../devices.js";
import { parseFstab, replaceField, type FstabEntry } from "../fstab.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Finding, GuestDevice, Step, StepContext } from "../types.js";

const PATH = "/etc/fstab";

/** fstab(5) by UUID; a device that is not on the staged disks must not keep the guest from booting. */
export const fstab: Step = {
  name: "fstab",
  async check(context) {
    const text = await readText(context.files, PATH);
    return text === undefined ? { ...NOTHING, warnings: [`there is no ${PATH}`] } : checkFstab(text, context);
  },
};

function checkFstab(text: string, context: StepContext): Finding {
  const lines = text.split("\n");
  const what: string[] = [];
  const warnings: string[] = [];
  for (const entry of parseFstab(text)) {
    const place = `${PATH}:${entry.index + 1}`;
    const result = checkEntry(entry, context);
    if (result === undefined) continue;
    if ("warning" in result) warnings.push(`${place}: ${result.warning}`);
    if ("line" in result) {
      lines[entry.index] = result.line;
      what.push(result.what);
    }
  }
  return { edits: what.length === 0 ? [] : [writeText(PATH, lines.join("\n"), what)], warnings };
}

type EntryResult =
  { warning: string } | { line: string; what: string } | { line: string; what: string; warning: string };

function checkEntry(entry: FstabEntry, context: StepContext): EntryResult | undefined {
  const { device: name } = entry;
  if (!isLocalDevice(name)) return undefined;
  const device = resolveDevice(name, context) ?? (isVolatile(name) ? byUse(entry, context) : undefined);
  if (device === undefined) return missing(entry, context);
  if (!isVolatile(name)) return undefined;
  if (device.uuid === undefined)
    return { warning: `${name} has no UUID; check that it is ${device.path} in the guest` };
  const spec = `UUID=${device.uuid}`;
  return { line: replaceField(entry.line, 0, spec), what: `${name} on ${entry.mountPoint} is now ${spec}` };
}

/** Disks and volumes, as against tmpfs, NFS, and drives whose medium comes and goes. */
function isLocalDevice(name: string): boolean {
  if (/^(?:UUID|LABEL|PARTUUID)=/i.test(name)) return true;
  return name.startsWith("/dev/") && !/^\/dev\/(?:cdrom|cdrw|dvd|sr\d|scd\d|fd\d|floppy|loop|shm|root$|md)/.test(name);
}

/** What was mounted there when the machine was inspected; for swap, the only one there is. */
function byUse(entry: FstabEntry, context: StepContext): GuestDevice | undefined {
  if (entry.type !== "swap") return deviceMountedAt(entry.mountPoint, context);
  const swaps = context.devices.filter((device) => device.format === "swap");
  return swaps.length === 1 ? swaps[0] : undefined;
}

/** Without nofail, systemd and mountall wait for a missing device and then stop in the emergency shell. */
function missing(entry: FstabEntry, context: StepContext): EntryResult | undefined {
  if (entry.options.some((option) => option === "noauto" || option === "nofail")) return undefined;
  const name = `${entry.device} on ${entry.mountPoint}`;
  const hidden = context.devices.some(
    (device) => device.format === "crypto_LUKS" || device.format === "linux_raid_member",
  );
  if (hidden || entry.mountPoint === "/" || entry.line.trim().split(/\s+/).length < 4) {
    return { warning: `${name} was not found on the staged disks; check it when the guest runs` };
  }
  return {
    line: replaceField(entry.line, 3, [...entry.options, "nofail"].join(",")),
    what: `${name} has the option nofail`,
    warning: `${name} is not on the staged disks; the guest boots without it`,
  };
}
