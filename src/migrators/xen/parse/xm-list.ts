import { RehomeError } from "../../../lib/errors.js";
import type { Domain, DomainDisk, DomainNic } from "../types.js";
import { backendOf, parseDiskSpec } from "./disk-spec.js";
import { bootOf, commandLineOf, given, macOf, typeOf, type BootFacts } from "./facts.js";
import { parseSxp, type Sxp } from "./sxp.js";

const MIB = 1024 ** 2;

/**
 * The domains that `xm list -l` tells of (xend, until Xen 4.4), without dom0 itself; those that xend keeps while they are
 * off are among them, without an id. Older ones of `xl list -l` print the same.
 * @throws RehomeError output-unreadable
 */
export function parseXmList(output: string, machine: string): readonly Domain[] {
  const domains = (parseSxp(output) ?? []).filter((entry) => entry[0] === "domain");
  if (domains.length === 0) {
    throw new RehomeError("output-unreadable", "xm list -l printed no list of domains", {
      machine,
      output: output.slice(0, 500),
    });
  }
  return domains.flatMap((entry) => {
    const id = numberOf(entry, "domid");
    return id === 0 || textOf(entry, "name") === "Domain-0" ? [] : [parseDomain(entry, id)];
  });
}

function parseDomain(entry: Sxp, id: number | undefined): Domain {
  const image = [...child(entry, "image")].find((part): part is Sxp => typeof part !== "string") ?? [];
  const boot = bootFacts(entry, image);
  const devices = [...children(entry, "device")].map(
    (device) => device.find((part): part is Sxp => typeof part !== "string") ?? [],
  );
  return {
    name: textOf(entry, "name") ?? `domain ${id ?? "without a name"}`,
    uuid: textOf(entry, "uuid")?.toLowerCase(),
    id,
    state: id === undefined ? "off" : stateOf(textOf(entry, "state")),
    type: typeOf(boot),
    vcpus: numberOf(entry, "online_vcpus") ?? numberOf(entry, "vcpus") ?? 1,
    memory: (numberOf(entry, "memory") ?? numberOf(entry, "maxmem") ?? 0) * MIB,
    boot: bootOf(boot),
    disks: devices.filter(([kind]) => kind === "vbd" || kind === "tap" || kind === "tap2").map(parseDisk),
    nics: devices.filter(([kind]) => kind === "vif").map(parseNic),
    autostart: { start: true, ignore: false }[textOf(entry, "on_xend_start") ?? ""],
    configPath: undefined,
  };
}

function bootFacts(entry: Sxp, image: Sxp): BootFacts {
  return {
    type: image[0] === "hvm" ? "hvm" : undefined,
    kernel: textOf(image, "kernel") ?? textOf(image, "loader"),
    ramdisk: textOf(image, "ramdisk"),
    commandLine: commandLineOf(textOf(image, "root"), textOf(image, "args")),
    bootloader: textOf(entry, "bootloader"),
    firmware: undefined,
  };
}

function parseDisk(device: Sxp): DomainDisk {
  const [name = "", kind] = (textOf(device, "dev") ?? "").split(":");
  const uname = textOf(device, "uname") ?? "";
  const spec = parseDiskSpec(`${uname},${name},${textOf(device, "mode") ?? "r"}`);
  const cdrom = kind === "cdrom";
  if (spec !== undefined) return { ...spec, cdrom, writable: spec.writable && !cdrom };
  return { device: name, path: uname, backend: backendOf("unknown", uname), writable: false, cdrom };
}

function parseNic(device: Sxp): DomainNic {
  return { mac: macOf(textOf(device, "mac")), bridge: textOf(device, "bridge"), model: textOf(device, "model") };
}

function stateOf(letters = ""): Domain["state"] {
  return letters.includes("c") ? "crashed" : letters.includes("p") ? "paused" : "running";
}

function children(list: Sxp, name: string): readonly Sxp[] {
  return list.filter((entry): entry is Sxp => typeof entry !== "string" && entry[0] === name);
}

function child(list: Sxp, name: string): Sxp {
  return children(list, name)[0] ?? [];
}

function textOf(list: Sxp, name: string): string | undefined {
  const words = child(list, name).slice(1);
  return given(words.filter((word): word is string => typeof word === "string").join(" "));
}

function numberOf(list: Sxp, name: string): number | undefined {
  const text = textOf(list, name);
  return text === undefined || !/^\d+(\.\d+)?$/.test(text) ? undefined : Number(text);
}
