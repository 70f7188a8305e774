import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host, RunResult } from "../../../lib/host/types.js";

/** A logical volume as lvs describes it; sizes in bytes. */
export interface SourceVolume {
  readonly group: string;
  readonly groupUuid: string;
  readonly name: string;
  readonly uuid: string;
  readonly size: number;
  /** Segment types: `linear`, `striped`, `thin` … */
  readonly kinds: readonly string[];
  /** The volume that this one is a snapshot of; empty when it is none. */
  readonly origin: string;
  readonly tags: readonly string[];
  /** `major:minor` of the active device; undefined when it is not active. */
  readonly device: string | undefined;
  /** Device-mapper name, such as `vg0-web1--root`. */
  readonly dmName: string;
  readonly pool: string;
  /** Number in the thin pool's metadata. */
  readonly thinId: number | undefined;
}

const COLUMNS = [
  "vg_name",
  "vg_uuid",
  "lv_name",
  "lv_uuid",
  "lv_size",
  "segtype",
  "origin",
  "lv_tags",
  "lv_kernel_major",
  "lv_kernel_minor",
  "lv_dm_path",
  "pool_lv",
  "thin_id",
] as const;

/** How lvs, vgs and pvs are made to print what a program can read. */
export const PLAIN = ["--noheadings", "--separator", "|", "--units", "b", "--nosuffix"] as const;

/** What is asked of LVM, for {@link parseVolumes}. */
export const VOLUMES = ["lvs", ...PLAIN, "-o", COLUMNS.join(",")] as const;

/** All logical volumes of a machine; undefined when it has no LVM. @throws RehomeError command-failed */
export async function listVolumes(host: Host): Promise<readonly SourceVolume[] | undefined> {
  return volumesIn(host, await host.run(VOLUMES));
}

/** As {@link listVolumes}, of what lvs printed. */
export function volumesIn(host: Host, result: RunResult): readonly SourceVolume[] | undefined {
  if (result.exitCode === 127) return undefined;
  if (result.exitCode !== 0) throw commandFailed(host, result);
  return parseVolumes(result.stdout);
}

/** Reads what {@link VOLUMES} prints: a row for each segment. */
export function parseVolumes(text: string): readonly SourceVolume[] {
  const volumes = new Map<string, SourceVolume>();
  for (const line of text.split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    if (cells.length < COLUMNS.length) continue;
    const [group = "", groupUuid = "", name = "", uuid = "", size, kind = "", origin = ""] = cells;
    const [tags = "", major, minor, path = "", pool = "", thinId = ""] = cells.slice(7);
    const kinds = [...new Set([...(volumes.get(uuid)?.kinds ?? []), kind])];
    volumes.set(uuid, {
      group,
      groupUuid,
      name,
      uuid,
      size: Number(size),
      kinds,
      origin,
      tags: tags === "" ? [] : tags.split(","),
      device: major === "-1" || major === undefined ? undefined : `${major}:${minor ?? ""}`,
      dmName: path.replace(/^\/dev\/mapper\//, ""),
      pool,
      thinId: thinId === "" ? undefined : Number(thinId),
    });
  }
  return [...volumes.values()];
}

/** The program that tells what device is at a path, with links followed; for {@link deviceIn}. */
export function deviceAt(path: string): readonly string[] {
  return ["stat", "-L", "-c", "%F|%t|%T", path];
}

/** `major:minor` of a block device; undefined when there is none. */
export function deviceIn({ exitCode, stdout }: RunResult): string | undefined {
  const [type, major = "", minor = ""] = stdout.trim().split("|");
  if (exitCode !== 0 || type !== "block special file") return undefined;
  return `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`;
}

export interface GroupSpace {
  readonly free: number;
  readonly extentSize: number;
}

/** @throws RehomeError command-failed */
export async function groupSpace(host: Host, group: string): Promise<GroupSpace> {
  const text = await runChecked(host, ["vgs", ...PLAIN, "-o", "vg_free,vg_extent_size", group]);
  const [free, extentSize] = text.trim().split("|").map(Number);
  return { free: free ?? 0, extentSize: extentSize ?? 0 };
}

/** The device-mapper UUID that LVM gives a volume's device. @param layer such as `cow`, `real`, `tpool` */
export function dmUuid({ groupUuid, uuid }: SourceVolume, layer?: string): string {
  return `LVM-${groupUuid.replaceAll("-", "")}${uuid.replaceAll("-", "")}${layer === undefined ? "" : `-${layer}`}`;
}

/** The program that prints a machine's boot id. */
export const BOOT_ID = ["cat", "/proc/sys/kernel/random/boot_id"] as const;
