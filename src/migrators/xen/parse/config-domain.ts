import type { Domain, DomainNic } from "../types.js";
import { parseConfigFile, type ConfigFile, type ConfigValue } from "./config-file.js";
import { parseDiskSpec } from "./disk-spec.js";
import { bootOf, commandLineOf, given, macOf, typeOf, type BootFacts } from "./facts.js";

const MIB = 1024 ** 2;
/** xl.cfg(5) "memory" is in MiB, and vcpus is 1 without it. */
const DEFAULT_MEMORY = 128;

export interface ParsedDomain {
  readonly domain: Domain;
  /** What the file has that was not understood. */
  readonly unknown: readonly string[];
}

/**
 * The domain of a configuration file of xl or xm, as it is when it is off.
 * @returns undefined when the file names no domain
 */
export function parseConfigDomain(path: string, text: string): ParsedDomain | undefined {
  const file = parseConfigFile(text);
  const name = textOf(file, "name");
  if (name === undefined) return undefined;
  const unknown = file.problems.map(({ line, text: what }) => `${path}:${line}: ${what.slice(0, 60)}`);
  const disks = listOf(file, "disk").flatMap((spec) => {
    const disk = typeof spec === "string" ? parseDiskSpec(spec) : undefined;
    if (disk === undefined) unknown.push(`${path}: a disk that is not understood: ${JSON.stringify(spec)}`);
    return disk ?? [];
  });
  const boot = bootFacts(file);
  const domain: Domain = {
    name,
    uuid: textOf(file, "uuid")?.toLowerCase(),
    id: undefined,
    state: "off",
    type: typeOf(boot),
    vcpus: numberOf(file, "vcpus") ?? numberOf(file, "maxvcpus") ?? 1,
    memory: (numberOf(file, "memory") ?? numberOf(file, "maxmem") ?? DEFAULT_MEMORY) * MIB,
    boot: bootOf(boot),
    disks,
    nics: listOf(file, "vif").map((spec) => parseNicSpec(typeof spec === "string" ? spec : "")),
    autostart: undefined,
    configPath: path,
  };
  return { domain, unknown };
}

function bootFacts(file: ConfigFile): BootFacts {
  const cmdline = textOf(file, "cmdline");
  return {
    type: textOf(file, "type"),
    builder: textOf(file, "builder"),
    kernel: textOf(file, "kernel"),
    ramdisk: textOf(file, "ramdisk"),
    commandLine: cmdline ?? commandLineOf(textOf(file, "root"), textOf(file, "extra")),
    bootloader: textOf(file, "bootloader"),
    firmware: textOf(file, "firmware") ?? textOf(file, "bios"),
  };
}

/** One network card: xl-network-configuration(5), `key=value,…`. */
export function parseNicSpec(spec: string): DomainNic {
  const fields = new Map<string, string>();
  for (const part of spec.split(",")) {
    const equals = part.indexOf("=");
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return { mac: macOf(fields.get("mac")), bridge: given(fields.get("bridge")), model: given(fields.get("model")) };
}

function textOf({ values }: ConfigFile, name: string): string | undefined {
  const value = values.get(name);
  return typeof value === "string" ? given(value) : undefined;
}

function numberOf(file: ConfigFile, name: string): number | undefined {
  const number = Number(textOf(file, name) ?? NaN);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

function listOf({ values }: ConfigFile, name: string): readonly ConfigValue[] {
  const value = values.get(name);
  if (value === undefined || value === "") return [];
  return typeof value === "string" ? [value] : value;
}
