import { RehomeError } from "../../lib/errors.js";
import { localHost } from "../../lib/host/local-host.js";
import { nearest } from "../../lib/nearest.js";
import type { Host } from "../../lib/host/types.js";
import type { BootLoader, Drive, HostedBoot, Machine } from "../types.js";
import { gatherXenHost } from "./gather.js";
import { lookAtDisks, type LookDisk } from "./look/appliance.js";
import { buildDisks, type HostDisk } from "./look/disks.js";
import type { Contents } from "./look/contents.js";
import { readGuest, type GuestFacts } from "./look/guest.js";
import { kernelRelease } from "./look/kernel-file.js";
import { isIntact, removeLostSnapshots, takeSnapshot, type DiskSnapshot } from "./look/snapshot.js";
import { askHost, type HostFacts } from "./look/host-facts.js";
import type { Domain, DomainDisk, XenHost } from "./types.js";

/**
 * Describes one domain of a Xen host as the machine that it is: what the host says of it, and what its disks hold. They
 * are read from a snapshot where there can be one; the domain goes on, and nothing of it is changed.
 * @throws RehomeError source-unknown when there is no such domain, source-unsupported, and what reading throws
 */
export async function inspectDomain(host: Host, name: string, signal?: AbortSignal): Promise<Machine> {
  const xen = await gatherXenHost(host, signal);
  const domain = requireDomain(xen, name, host.name);
  const disks = domain.disks.filter((disk) => !isDrive(disk));
  const facts = await askHost(host, disks, domain, signal);
  const unknown = [...facts.unknown];
  const release = domain.boot.kind === "kernel" ? await kernelRelease(host, domain.boot.kernel) : undefined;
  const inside = await lookInside(host, domain, disks, release, unknown, signal);
  const guest = typeof inside?.guest === "string" ? undefined : inside?.guest;
  if (typeof inside?.guest === "string") unknown.push(`what is inside: ${inside.guest}`);
  const devices = inside?.devices ?? [];
  const built = buildDisks(hostDisks(disks, facts), devices, guest?.mountPoints ?? new Map<string, string>());
  return {
    hostname: guest?.hostname ?? domain.name,
    bootId: bootIdOf(xen, domain),
    architecture: facts.architecture,
    cpus: domain.vcpus,
    cpuModel: facts.cpuModel,
    memory: domain.memory,
    firmware: domain.boot.kind === "firmware" ? domain.boot.firmware : "bios",
    bootLoader: inside?.bootLoader,
    distribution: guest?.distribution ?? { id: "unknown", version: "", name: "an unknown system" },
    kernels: guest?.kernels ?? [],
    disks: built,
    drives: drivesOf(domain),
    volumeGroups: inside?.volumeGroups ?? [],
    raidArrays: [],
    network: guest?.network ?? { nics: cardsOf(domain), routes: [], nameservers: [] },
    hypervisor: "xen",
    ...hostedBoot(domain, guest, release),
    container: undefined,
    clockSkewMs: facts.clockSkewMs,
    inspectedAsRoot: facts.asRoot,
    unknown: [...unknown, ...(guest?.unknown ?? [])],
  };
}

/** @throws RehomeError source-unknown */
export function requireDomain(xen: XenHost, name: string, machine: string): Domain {
  const found = xen.domains.find((domain) => domain.name === name);
  if (found !== undefined) return found;
  const names = xen.domains.map((domain) => domain.name);
  const near = nearest(name, names);
  throw new RehomeError("source-unknown", `there is no domain "${name}"`, {
    machine,
    remedy: near === undefined ? `its domains are ${names.join(", ") || "none"}` : `did you mean "${near}"?`,
  });
}

/** One run of a domain: its id grows with each start, until its host is restarted. */
export function bootIdOf(xen: Pick<XenHost, "bootId">, { id }: Pick<Domain, "id">): string {
  return id === undefined ? "off" : `${xen.bootId}/${id}`;
}

interface Inside extends Contents {
  readonly guest: GuestFacts | string;
  readonly bootLoader: BootLoader | undefined;
}

/** @returns undefined when no disk can be read, which `unknown` then says */
async function lookInside(
  host: Host,
  domain: Domain,
  disks: readonly DomainDisk[],
  release: string | undefined,
  unknown: string[],
  signal: AbortSignal | undefined,
): Promise<Inside | undefined> {
  const readable = disks.filter(({ backend }) => FORMATS[backend] !== undefined);
  for (const { device, backend } of disks) {
    if (FORMATS[backend] === undefined)
      unknown.push(`what is on ${device}: its backend is a script or a format that is not read`);
  }
  if (readable.length === 0) return undefined;
  await removeLostSnapshots(host);
  const snapshots: DiskSnapshot[] = [];
  try {
    const look: LookDisk[] = [];
    for (const { device, path, backend } of readable) {
      const taken = domain.state === "off" ? undefined : await takeSnapshot(host, path, signal);
      if (typeof taken === "string") unknown.push(`${device} was read while the guest writes to it: ${taken}`);
      else if (taken !== undefined) snapshots.push(taken);
      look.push({ device, path: typeof taken === "object" ? taken.path : path, format: FORMATS[backend] ?? "raw" });
    }
    const found = await lookAtDisks(
      { host, disks: look },
      localHost(),
      async (opened) => ({
        devices: opened.devices,
        volumeGroups: opened.volumeGroups,
        guest: await readGuest(opened, domain.nics, release),
        bootLoader: await opened.bootLoader(),
      }),
      signal,
    );
    for (const { path } of snapshots) {
      if (!(await isIntact(host, path)))
        unknown.push(`the snapshot ${path} overflowed: what was read of it may be wrong`);
    }
    return found;
  } finally {
    for (const snapshot of snapshots) await snapshot.close();
  }
}

/** What libguestfs calls what a backend keeps; a chain of images cannot be read through one of them. */
const FORMATS: Readonly<Partial<Record<DomainDisk["backend"], string>>> = {
  phy: "raw",
  file: "raw",
  tap: "raw",
  qcow2: "qcow2",
  vhd: "vpc",
};

function hostDisks(disks: readonly DomainDisk[], facts: HostFacts): readonly HostDisk[] {
  return disks.map((disk) => ({ ...disk, ...facts.disks.get(disk.path) }));
}

function hostedBoot(domain: Domain, guest: GuestFacts | undefined, release: string | undefined): { boot?: HostedBoot } {
  const { boot } = domain;
  if (boot.kind === "firmware") return {};
  if (boot.kind === "bootloader") return { boot: { how: "menu" } };
  const { kernel, ramdisk, commandLine } = boot;
  const hasModules = release === undefined ? undefined : guest?.kernels.some((one) => one.release === release);
  return { boot: { how: "outside", kernel, ramdisk, commandLine, release, hasModules } };
}

function isDrive({ cdrom, path }: DomainDisk): boolean {
  return cdrom || path === "";
}

function drivesOf({ disks }: Domain): readonly Drive[] {
  return disks.filter(isDrive).map(({ device, path }) => ({ name: device, medium: path || undefined }));
}

/** As the kernel counts them, when nobody could look inside. */
function cardsOf({ nics }: Domain): Machine["network"]["nics"] {
  return nics.flatMap(({ mac }, index) =>
    mac === undefined ? [] : [{ name: `eth${index}`, mac, addresses: [], up: true, physical: true }],
  );
}
