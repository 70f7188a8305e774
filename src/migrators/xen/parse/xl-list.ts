import { RehomeError } from "../../../lib/errors.js";
import type { Domain, DomainDisk, DomainNic, DomainState } from "../types.js";
import { backendOf } from "./disk-spec.js";
import { bootOf, commandLineOf, given, macOf, typeOf, type BootFacts } from "./facts.js";

/**
 * The domains that `xl list -l` tells of, without dom0 itself. Its JSON is libxl's own structures (xen's
 * tools/libs/light/libxl_types.idl) without what is at its default; older ones put the kernel below `type.pv` or `u`.
 * @throws RehomeError output-unreadable
 */
export function parseXlList(output: string, machine: string): readonly Domain[] {
  let found: unknown;
  try {
    found = JSON.parse(output);
  } catch (cause) {
    throw unreadable(machine, output, cause);
  }
  if (!Array.isArray(found)) throw unreadable(machine, output);
  return found.flatMap((entry) => {
    const domain = object(entry);
    const id = number(domain["domid"]);
    return id === 0 ? [] : [parseDomain(object(domain["config"]), id)];
  });
}

function parseDomain(config: Json, id: number | undefined): Domain {
  const create = object(config["c_info"]);
  const build = object(config["b_info"]);
  const boot = bootFacts(text(create["type"]) ?? text(build["type"]), build);
  return {
    name: text(create["name"]) ?? `domain ${id ?? "without a name"}`,
    uuid: text(create["uuid"])?.toLowerCase(),
    id,
    state: "running",
    type: typeOf(boot),
    vcpus: vcpusOf(build),
    memory: (number(build["target_memkb"]) ?? number(build["max_memkb"]) ?? 0) * 1024,
    boot: bootOf(boot),
    disks: array(config["disks"]).map((disk) => parseDisk(object(disk))),
    nics: array(config["nics"]).map((nic) => parseNic(object(nic))),
    autostart: undefined,
    configPath: undefined,
  };
}

function bootFacts(type: string | undefined, build: Json): BootFacts {
  const places = [
    build,
    object(build["type.pv"]),
    object(build["type.hvm"]),
    object(build["type.pvh"]),
    object(build["u"]),
  ];
  const first = (name: string): string | undefined => places.map((place) => text(place[name])).find(Boolean);
  return {
    type,
    kernel: first("kernel"),
    ramdisk: first("ramdisk"),
    commandLine: commandLineOf(undefined, first("cmdline")),
    bootloader: first("bootloader"),
    firmware: first("bios"),
  };
}

/** Those that are switched on at its start, or else all that it may have. */
function vcpusOf(build: Json): number {
  const available = array(build["avail_vcpus"]).length;
  return available > 0 ? available : (number(build["max_vcpus"]) ?? 1);
}

function parseDisk(disk: Json): DomainDisk {
  const path = text(disk["pdev_path"]) ?? "";
  const script = text(disk["script"]);
  const cdrom = number(disk["is_cdrom"]) === 1;
  return {
    device: text(disk["vdev"]) ?? "",
    path,
    backend: script === undefined ? backendOf(text(disk["format"]) ?? "raw", path) : "other",
    writable: !cdrom && number(disk["readwrite"]) === 1,
    cdrom,
  };
}

function parseNic(nic: Json): DomainNic {
  return { mac: macOf(text(nic["mac"])), bridge: text(nic["bridge"]), model: text(nic["model"]) };
}

/**
 * States by name from `xl list` or `xm list`: the columns are Name, ID, Mem, VCPUs, State and Time(s), and the state is a
 * letter or a hyphen for each of running, blocked, paused, shutdown, crashed and dying (xl(1)). A name may have blanks.
 */
export function parseStates(output: string): ReadonlyMap<string, DomainState> {
  const states = new Map<string, DomainState>();
  for (const line of output.split("\n")) {
    const [, name, letters = ""] = /^(.+?)\s+\d+\s+\d+\s+\d+\s+([rbpscd-]{6})\s+[\d.]+\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    states.set(name, letters.includes("c") ? "crashed" : letters.includes("p") ? "paused" : "running");
  }
  return states;
}

function unreadable(machine: string, output: string, cause?: unknown): RehomeError {
  return new RehomeError("output-unreadable", "xl list -l printed no list of domains", {
    machine,
    output: output.slice(0, 500),
    cause,
  });
}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? given(value) : undefined;
}

/** libxl writes booleans as 1 or as "True". */
function number(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : undefined;
}
