import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileVolumes } from "../../src/cluster/volumes/file-volume.js";
import { localHost } from "../../src/lib/host/local-host.js";
import type { Host } from "../../src/lib/host/types.js";
import { silentReport, type Report } from "../../src/lib/report.js";
import { guestStore } from "../../src/migrators/guest-store.js";
import { layOut } from "../../src/migrators/plan/wrapping.js";
import type { StagingContext } from "../../src/migrators/staging/types.js";
import type { Disk, GuestPlan, Machine, VolumePlan } from "../../src/migrators/types.js";

/** A guest whose "disks" are files below a temporary folder, staged over the local host or whatever `connect` gives. */
export interface StagingFixture {
  readonly folder: string;
  readonly context: StagingContext;
  readonly disks: readonly string[];
  readonly volumes: readonly string[];
  remove(): Promise<void>;
}

export interface FixtureOptions {
  /** Sizes of the disks in bytes; the files are made, all zeros. */
  readonly sizes: readonly number[];
  /** Where the disks are on the machine that `connect` reaches; files of the folder without it. */
  readonly sourcePaths?: readonly string[];
  readonly connect?: () => Promise<Host>;
  readonly report?: Report;
  readonly signal?: AbortSignal;
  /** The disks are partitions of a paravirtual guest (`xvda1` …), which are wrapped into one volume. */
  readonly wrap?: boolean;
  /** Of the source and the target; a temporary one that `remove` removes when absent. */
  readonly folder?: string;
}

export async function stagingFixture(options: FixtureOptions): Promise<StagingFixture> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "rehome-staging-")));
  const plans = options.sizes.map((size, index) => {
    const plan = volumePlan(folder, index, size, options.wrap);
    return { ...plan, sourcePath: options.sourcePaths?.[index] ?? plan.sourcePath };
  });
  for (const { sourcePath, size } of plans) {
    if (options.sourcePaths !== undefined || (await exists(sourcePath))) continue;
    const file = await open(sourcePath, "wx");
    await file.truncate(size);
    await file.close();
  }
  const plan = guestPlan(options.wrap ? [wrapped(plans, folder)] : plans);
  return {
    folder,
    disks: plans.map(({ sourcePath }) => sourcePath),
    volumes: plan.volumes.map(({ path }) => path),
    context: {
      plan,
      machine: machineWith(plans),
      store: guestStore(join(folder, "state"), plan.name),
      volumes: fileVolumes,
      connect: options.connect ?? (() => Promise.resolve(localHost("source"))),
      report: options.report ?? silentReport,
      ...(options.signal && { signal: options.signal }),
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function volumePlan(folder: string, index: number, size: number, partition = false): VolumePlan {
  const letter = String.fromCharCode(97 + index);
  const disk = partition ? `xvda${index + 1}` : `sd${letter}`;
  return {
    disk,
    sourcePath: join(folder, disk),
    size,
    identity: { size, serial: undefined, tableId: undefined },
    path: join(folder, "volumes", `web1-sd${letter}.raw`),
    device: `vd${letter}`,
  };
}

function wrapped(disks: readonly VolumePlan[], folder: string): VolumePlan {
  const payloads = disks.map((disk, index) => ({ ...disk, number: index + 1, use: "linux" as const }));
  const { size, wrapping } = layOut(payloads, "web1 xvda");
  return {
    disk: "xvda",
    sourcePath: payloads[0]?.sourcePath ?? "",
    size,
    identity: { size, serial: undefined, tableId: wrapping.tableId },
    path: join(folder, "volumes", "web1-vda.raw"),
    device: "vda",
    wrapping,
  };
}

function guestPlan(volumes: readonly VolumePlan[]): GuestPlan {
  return {
    name: "web1",
    source: "web1",
    vcpus: 1,
    memory: 2 ** 29,
    firmware: "bios",
    volumes,
    nics: [],
    concerns: [],
  };
}

function machineWith(volumes: readonly VolumePlan[]): Machine {
  return {
    hostname: "web1",
    bootId: "",
    architecture: "x86_64",
    cpus: 1,
    cpuModel: "",
    memory: 2 ** 29,
    firmware: "bios",
    bootLoader: undefined,
    distribution: { id: "debian", version: "12", name: "Debian 12" },
    kernels: [],
    disks: volumes.map(diskOf),
    volumeGroups: [],
    raidArrays: [],
    network: { nics: [], routes: [], nameservers: [] },
    hypervisor: undefined,
    container: undefined,
    clockSkewMs: 0,
    inspectedAsRoot: true,
    unknown: [],
  };
}

function diskOf({ disk, sourcePath, size }: VolumePlan): Disk {
  return {
    name: disk,
    path: sourcePath,
    stablePath: undefined,
    size,
    logicalSectorSize: 512,
    model: undefined,
    serial: undefined,
    rotational: false,
    partitionTable: undefined,
    tableId: undefined,
    format: undefined,
    uuid: undefined,
    mountPoint: undefined,
    contents: [],
  };
}

/** Writes into a file that stays as long as it is. */
export async function writeAt(path: string, offset: number, data: Buffer): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(data, 0, data.length, offset);
  } finally {
    await file.close();
  }
}

/** Bytes that a file takes on its file system. */
export async function allocated(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
