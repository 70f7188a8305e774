import type { ClusterConfig } from "../../../lib/config/schema.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { parseMdstat } from "../../../lib/mdstat.js";
import { probeHypervisor } from "../../libvirt/probe.js";
import type { Attempt } from "./machine.js";
import { lvmRows, parseDisk } from "./storage.js";
import type { DiskFacts, Hosting } from "./types.js";

const LIMIT = { timeoutMs: 30_000 };
const LVM = ["--reportformat", "json", "--units", "b", "--nosuffix"];

/** What a host has for guests. @param disks that rehome.yaml gives it for the volume group */
export async function gatherHosting(
  host: Host,
  { volumeGroup }: ClusterConfig,
  disks: readonly string[],
  attempt: Attempt,
): Promise<Hosting> {
  return {
    kvm: await attempt("KVM", async () => (await probeHypervisor(host)).type === "kvm"),
    drbdModule: await readModule(host),
    volumeGroup: await attempt("volume groups", () => readGroup(host, volumeGroup)),
    disks: (await attempt("disks", () => readDisks(host, disks))) ?? new Map(),
    raid: await readRaid(host),
  };
}

async function readModule(host: Host): Promise<string | undefined> {
  const { exitCode, stdout } = await host.run(["modinfo", "-F", "version", "drbd"], LIMIT);
  return exitCode === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

async function readGroup(host: Host, name: string): Promise<Hosting["volumeGroup"]> {
  const output = await runChecked(host, ["vgs", ...LVM, "-o", "vg_name,vg_size,vg_free"], LIMIT);
  const row = lvmRows(output, "vg").find((group) => group["vg_name"] === name);
  return row && { size: Number(row["vg_size"]), free: Number(row["vg_free"]) };
}

async function readDisks(host: Host, disks: readonly string[]): Promise<ReadonlyMap<string, DiskFacts | undefined>> {
  if (disks.length === 0) return new Map();
  const output = await runChecked(host, ["pvs", ...LVM, "-o", "pv_name,vg_name,pv_in_use"], LIMIT);
  const rows = lvmRows(output, "pv");
  const groups = new Map(rows.map((row) => [row["pv_name"], row["vg_name"]]));
  // what vgcreate leaves when it is cut off: a physical volume that no group has, and none that was lost had
  const free = rows.flatMap((row) => (row["vg_name"] === "" && row["pv_in_use"] === "" ? (row["pv_name"] ?? []) : []));
  const found = new Map<string, DiskFacts | undefined>();
  const columns = "PATH,SIZE,TYPE,FSTYPE,PTTYPE,MOUNTPOINTS";
  for (const disk of disks) {
    const { exitCode, stdout } = await host.run(["lsblk", "--json", "--bytes", "--output", columns, disk], LIMIT);
    const real = (await host.run(["readlink", "-f", "--", disk], LIMIT)).stdout.trim();
    const group = groups.get(real) || groups.get(disk) || undefined;
    const isFree = free.includes(real) || free.includes(disk);
    found.set(disk, exitCode === 0 ? parseDisk(stdout, group, isFree) : undefined);
  }
  return found;
}

async function readRaid(host: Host): Promise<Hosting["raid"]> {
  const { exitCode, stdout } = await host.run(["cat", "/proc/mdstat"], LIMIT); // there is none without the module
  return exitCode === 0 ? parseMdstat(stdout.split("\n")) : [];
}
