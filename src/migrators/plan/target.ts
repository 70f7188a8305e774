import { dirname } from "node:path";
import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { TargetConfig } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { runChecked } from "../../lib/host/run.js";
import { childOf, childrenOf, parseXml } from "../../lib/xml.js";

/** The machine that guests land on, as far as plans need it. */
export interface TargetFacts {
  readonly cpus: number;
  readonly memory: number;
  /** `kvm` when a processor really runs under it, `qemu` when guests are emulated. */
  readonly hypervisor: "kvm" | "qemu" | undefined;
  /** Free for volumes, in bytes. */
  readonly freeBytes: number | undefined;
  /** The host of the cluster that has no more than that. */
  readonly freeOn?: string;
  /** Space that volumes already take, by path. */
  readonly allocatedBytes: ReadonlyMap<string, number>;
  readonly bridges: readonly string[] | undefined;
  /** libvirt's domains. */
  readonly domains: readonly Domain[] | undefined;
  readonly missingTools: readonly Tool[];
  /** What could not be found out, and why. */
  readonly unknown: readonly string[];
}

export interface Domain {
  readonly name: string;
  readonly macs: readonly string[];
}

export interface Tool {
  readonly name: string;
  /** The Debian package that has it. */
  readonly package: string;
  /** Only needed for guests that their hypervisor starts without a boot loader. */
  readonly paravirtual?: true;
}

/** What the conversion needs on the machine that rehome runs on. */
export const CONVERSION_TOOLS: readonly Tool[] = [
  { name: "qemu-img", package: "qemu-utils" },
  { name: "guestfish", package: "libguestfs-tools" },
  { name: "grub-mkimage", package: "grub-common", paravirtual: true },
  { name: "/usr/lib/grub/i386-pc/grub-bios-setup", package: "grub-pc-bin", paravirtual: true },
  { name: "busybox", package: "busybox-static", paravirtual: true },
];

/** What guests need on a machine that runs them. */
export const HOSTING_TOOLS: readonly Tool[] = [
  { name: "qemu-system-x86_64", package: "qemu-system-x86" },
  { name: "virsh", package: "libvirt-clients" },
  { name: "/usr/lib/ocf/resource.d/heartbeat/VirtualDomain", package: "resource-agents" },
];

const LIMIT_MS = 15_000;

/** Tries to find something out; what fails is noted, and is no reason to stop. */
export type Attempt = <T>(what: string, work: () => Promise<T>) => Promise<T | undefined>;

/** @param unknown collects what could not be found out @param where begins each of them */
export function factsAttempt(unknown: string[], where = ""): Attempt {
  return async (what, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RehomeError) || ["connection-lost", "cancelled", "internal"].includes(error.code))
        throw error;
      unknown.push(
        `${where}${what}: ${[error.message, ...(error.output ?? "").trim().split("\n")].filter((line) => line !== "").join(": ")}`,
      );
      return undefined;
    }
  };
}

/** Finds out what the target has; changes nothing there. @throws RehomeError connection-lost, cancelled */
export async function gatherTarget(host: Host, config: TargetConfig): Promise<TargetFacts> {
  const unknown: string[] = [];
  const attempt = factsAttempt(unknown);
  const missingTools = await findMissing(host, [...HOSTING_TOOLS, ...CONVERSION_TOOLS]);
  const [hosting, freeBytes, allocatedBytes] = await Promise.all([
    gatherHosting(host, config.libvirt, missingTools, attempt),
    attempt("free space", () => readFree(host, config.volumes)),
    attempt("volumes", () => readVolumes(host, config.volumes)),
  ]);
  const { cpus = 0, memory = 0 } = hosting;
  return { ...hosting, cpus, memory, freeBytes, allocatedBytes: allocatedBytes ?? new Map(), missingTools, unknown };
}

/** What a machine has to run guests with; undefined where that could not be found out. */
export interface HostingFacts extends Pick<TargetFacts, "hypervisor" | "bridges" | "domains"> {
  readonly cpus: number | undefined;
  readonly memory: number | undefined;
}

export async function gatherHosting(
  host: Host,
  libvirt: string,
  missingTools: readonly Tool[],
  attempt: Attempt,
): Promise<HostingFacts> {
  const missing = (name: string) => missingTools.some((tool) => tool.name === name);
  const [cpus, memory, hypervisor, bridges, domains] = await Promise.all([
    attempt("processors", async () => Number(await runChecked(host, ["nproc"]))),
    attempt("memory", () => readMemory(host)),
    missing("qemu-system-x86_64") ? undefined : attempt("KVM", async () => (await probeHypervisor(host)).type),
    attempt("bridges", () => readBridges(host)),
    missing("virsh") ? undefined : attempt("libvirt's domains", () => readDomains(host, libvirt)),
  ]);
  return { cpus, memory, hypervisor, bridges, domains };
}

export async function findMissing(host: Host, tools: readonly Tool[]): Promise<readonly Tool[]> {
  const found = await Promise.all(
    tools.map(async (tool) => (await host.run(["sh", "-c", 'command -v -- "$1"', "sh", tool.name])).exitCode === 0),
  );
  return tools.filter((_, index) => found[index] === false);
}

async function readMemory(host: Host): Promise<number> {
  const text = (await host.readFile("/proc/meminfo")).toString();
  const kib = /^MemTotal:\s*(\d+) kB/m.exec(text)?.[1];
  if (kib !== undefined) return Number(kib) * 1024;
  throw new RehomeError("output-unreadable", "no MemTotal", { machine: host.name, path: "/proc/meminfo" });
}

/** Of the file system that the folder is on, or will be made on. */
async function readFree(host: Host, folder: string): Promise<number> {
  const result = await host.run(["df", "-kP", "--", folder]);
  if (result.exitCode !== 0 && folder !== "/") return readFree(host, dirname(folder));
  const available = /\s\d+\s+\d+\s+(\d+)\s+\d+%\s+\/[^\n]*\s*$/.exec(result.stdout)?.[1];
  if (available !== undefined) return Number(available) * 1024;
  throw new RehomeError("output-unreadable", "df does not tell", { machine: host.name, output: result.stderr });
}

/** What the files in the volumes folder take; none when there is no such folder. */
async function readVolumes(host: Host, folder: string): Promise<ReadonlyMap<string, number>> {
  if ((await host.run(["test", "-d", folder])).exitCode !== 0) return new Map();
  const output = await runChecked(host, ["find", folder, "-type", "f", "-printf", "%b %p\\0"]);
  return new Map(
    output.split("\0").flatMap((entry) => {
      const match = /^(\d+) (.+)$/s.exec(entry);
      return match?.[2] === undefined ? [] : [[match[2], Number(match[1]) * 512] as const];
    }),
  );
}

async function readBridges(host: Host): Promise<readonly string[]> {
  const output = await runChecked(host, ["ip", "-j", "link", "show", "type", "bridge"]);
  const links = JSON.parse(output === "" ? "[]" : output) as readonly { ifname?: string }[];
  return links.flatMap((link) => link.ifname ?? []);
}

async function readDomains(host: Host, libvirt: string): Promise<readonly Domain[]> {
  const limit = { timeoutMs: LIMIT_MS };
  const names = await runChecked(host, ["virsh", "-q", "-c", libvirt, "list", "--all", "--name"], limit);
  const domains: Domain[] = [];
  for (const name of names.split("\n").filter((line) => line !== "")) {
    const xml = await runChecked(host, ["virsh", "-q", "-c", libvirt, "dumpxml", "--domain", name], limit);
    const devices = childOf(parseXml(xml, `domain ${name}`), "devices");
    const nics = devices === undefined ? [] : childrenOf(devices, "interface");
    domains.push({
      name,
      macs: nics.flatMap((nic) => childOf(nic, "mac")?.attributes["address"]?.toLowerCase() ?? []),
    });
  }
  return domains;
}
