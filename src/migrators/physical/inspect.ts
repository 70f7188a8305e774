import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import type { Firmware, Machine } from "../types.js";
import { parseBootLoader } from "./inspection/boot-loader.js";
import { parseClockSkew } from "./inspection/clock.js";
import { parseDevices, type Device } from "./inspection/devices.js";
import { buildDisks, nameOf, namesOf, type Findings } from "./inspection/disks.js";
import { parseDistribution } from "./inspection/distribution.js";
import { parseFirstSectors } from "./inspection/first-sectors.js";
import { parseFormats } from "./inspection/formats.js";
import { parseCpus, parseMemory, parseVirtualization } from "./inspection/hardware.js";
import { parseKernels } from "./inspection/kernels.js";
import { parseLvm, parseVolumeRows } from "./inspection/lvm.js";
import { parseMounts } from "./inspection/mounts.js";
import { parseNetwork } from "./inspection/network.js";
import { withoutOwnSnapshots } from "./inspection/own-snapshots.js";
import { parseRaid } from "./inspection/raid.js";
import { recordOf, section, splitSections, type NoteUnknown, type Sections } from "./inspection/sections.js";

const SCRIPT = new URL("../../../templates/inspect.sh", import.meta.url);
const LIMIT_MS = 180_000;

/**
 * Describes a machine. One script runs on it, in one round trip; it only reads (see templates/inspect.sh). What could
 * not be found out is named in `unknown`.
 * @throws RehomeError output-unreadable when the script did not come to its end; what Host.run throws
 */
export async function inspectMachine(host: Host, signal?: AbortSignal): Promise<Machine> {
  const mark = `rehome-${randomBytes(12).toString("hex")}`; // a mark that no output can contain by chance
  const script = `mark=${mark}\n${await readFile(SCRIPT, "utf8")}`;
  const before = Date.now();
  const result = await host.run(["sh", "-s"], { input: script, timeoutMs: LIMIT_MS, ...(signal && { signal }) });
  const after = Date.now();
  if (!result.stdout.trimEnd().endsWith(`${mark} complete`)) {
    throw new RehomeError("output-unreadable", `the inspection ended early, with exit code ${result.exitCode}`, {
      machine: host.name,
      output: result.stderr
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith(mark))
        .slice(-20)
        .join("\n"),
      remedy: "see that sh on that machine is a POSIX shell, and that the login runs no program of its own",
    });
  }
  return describeMachine(splitSections(result.stdout, result.stderr, mark), before, after);
}

/** The machine that the script's sections describe. @param before, after our clock around the run, in ms */
export function describeMachine(sections: Sections, before: number, after: number): Machine {
  const unknown: string[] = [];
  const note: NoteUnknown = (what) => {
    if (!unknown.includes(what)) unknown.push(what);
  };
  const identity = recordOf([], section(sections, "identity").lines);
  const asRoot = identity.value("uid") === "0";
  if (!asRoot) note("much: the inspection did not run as root");
  const volumes = parseVolumeRows(sections);
  const findings: Findings = {
    devices: withoutOwnSnapshots(parseDevices(sections, note), volumes.own),
    sectors: parseFirstSectors(sections),
    formats: parseFormats(sections, note),
    mounts: parseMounts(sections, note),
  };
  const hasLvm = formatted(findings, "LVM2_member").length > 0;
  const disks = buildDisks(sections, findings, note);
  const firmware: Firmware = section(sections, "firmware").lines[0] === "uefi" ? "uefi" : "bios";
  if (section(sections, "firmware").status !== 0) note("firmware: there is no /sys to tell; BIOS is assumed");
  const running = identity.value("kernel") ?? "";
  return {
    hostname: identity.value("hostname") ?? "",
    bootId: identity.value("boot-id") ?? `btime-${identity.value("boot-time") ?? "unknown"}`,
    architecture: identity.value("architecture") ?? "unknown",
    ...parseCpus(sections, note),
    memory: parseMemory(sections, note),
    firmware,
    bootLoader: parseBootLoader(sections, firmware, bootCandidates(findings.devices), findings.sectors),
    distribution: parseDistribution(sections, note),
    kernels: parseKernels(sections, running, note),
    disks,
    volumeGroups: parseLvm(sections, volumes, hasLvm, pathNames(findings.devices), note),
    raidArrays: parseRaid(
      sections,
      formatted(findings, "linux_raid_member").map((device) => device.name),
    ),
    network: parseNetwork(sections, note),
    ...parseVirtualization(sections),
    clockSkewMs: parseClockSkew(sections, before, after, note),
    inspectedAsRoot: asRoot,
    unknown,
  };
}

function bootCandidates(devices: readonly Device[]): readonly { name: string; disk: string }[] {
  const disks = devices.filter((device) => device.kind === "disk");
  const partitions = devices.filter((device) => device.kind === "partition");
  return [
    ...disks.map(({ name }) => ({ name, disk: name })),
    ...partitions.map(({ name, disk }) => ({ name, disk: disk ?? name })),
  ];
}

function formatted({ devices, formats }: Findings, format: string): readonly Device[] {
  return devices.filter((device) => namesOf(device).some((path) => formats.get(path)?.format === format));
}

function pathNames(devices: readonly Device[]): (path: string) => string | undefined {
  const names = new Map(devices.flatMap((device) => namesOf(device).map((path) => [path, nameOf(device)] as const)));
  return (path) => names.get(path);
}
