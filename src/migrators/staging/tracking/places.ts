import { commandFailed, runChecked } from "../../../lib/host/run.js";
import { runSeveral } from "../../../lib/host/run-several.js";
import type { Host, RunResult } from "../../../lib/host/types.js";
import type { Extent } from "../types.js";
import { deviceAt, deviceIn, PLAIN, type SourceVolume } from "./lvm.js";

/** A run of extents of a physical volume, as LVM tells of it; bytes. */
export interface Segment {
  /** `/dev/sda2` */
  readonly physicalVolume: string;
  readonly group: string;
  /** The logical volume that has it, in brackets when it is hidden; empty when nobody has. */
  readonly volume: string;
  /** `linear`, `striped` … */
  readonly kind: string;
  /** First byte on the physical volume. */
  readonly start: number;
  readonly length: number;
  /** First byte in the logical volume. */
  readonly volumeStart: number;
}

/** A segment that lies on the disk that is copied; `offset` is the first byte on the disk. */
export interface Piece extends Segment, Extent {
  /** `major:minor` of the physical volume. */
  readonly device: string;
}

const COLUMNS = "pv_name,vg_name,pe_start,vg_extent_size,pvseg_start,pvseg_size,lv_name,segtype,seg_start";

/** What is asked of LVM: every LVM2 answers it, long before its JSON. */
export const SEGMENTS = ["pvs", ...PLAIN, "--segments", "-o", COLUMNS] as const;

/** Reads what {@link SEGMENTS} prints; lines that are not understood are left out. */
export function parseSegments(text: string): readonly Segment[] {
  return text.split("\n").flatMap((line): Segment[] => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [physicalVolume = "", group = "", first, unit, start, count, volume = "", kind = "", volumeStart] = cells;
    const [peStart, extent, begin, extents, inVolume] = [first, unit, start, count, volumeStart].map(Number);
    const numbers = [peStart, extent, begin, extents, inVolume];
    if (cells.length !== 9 || physicalVolume === "" || group === "") return [];
    if (!numbers.every((number) => Number.isSafeInteger(number) && (number ?? -1) >= 0)) return [];
    const at = (peStart ?? 0) + (begin ?? 0) * (extent ?? 0);
    const length = (extents ?? 0) * (extent ?? 0);
    return [{ physicalVolume, group, volume, kind, start: at, length, volumeStart: inVolume ?? 0 }];
  });
}

/** Where a device-mapper device lies, by the kernel's own table, in bytes: its linear targets; undefined when it has others. */
export type KernelTable = readonly {
  readonly volumeStart: number;
  readonly length: number;
  readonly device: string;
  readonly start: number;
}[];

const SECTOR = 512;

/** Reads `dmsetup table`: `vg0-root: 0 8192 linear 8:2 2048` in sectors, a line for each target. */
export function parseTables(text: string): ReadonlyMap<string, KernelTable | undefined> {
  const tables = new Map<string, KernelTable | undefined>();
  for (const line of text.split("\n")) {
    const [, name, rest = ""] = /^(\S+): (.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const [, start, length, device = "", at] = /^(\d+) (\d+) linear (\d+:\d+) (\d+)$/.exec(rest.trim()) ?? [];
    const before = tables.has(name) ? tables.get(name) : [];
    const [volumeStart, bytes, offset] = [start, length, at].map((sectors) => Number(sectors) * SECTOR);
    const known = device !== "" && before !== undefined;
    const row = { volumeStart: volumeStart ?? 0, length: bytes ?? 0, device, start: offset ?? 0 };
    tables.set(name, known ? [...before, row] : undefined);
  }
  return tables;
}

/** What lies where on one disk: by LVM, and by the kernel. */
export interface Layout {
  /** In order. */
  readonly pieces: readonly Piece[];
  readonly tables: ReadonlyMap<string, KernelTable | undefined>;
}

/**
 * Asks a machine what of LVM lies on one of its disks.
 * @param disk its `major:minor`
 * @throws RehomeError command-failed
 */
export async function readLayout(host: Host, disk: string): Promise<Layout> {
  const segments = parseSegments(await runChecked(host, SEGMENTS));
  const paths = [...new Set(segments.map(({ physicalVolume }) => physicalVolume))];
  const found = (await runSeveral(host, paths.map(deviceAt))).map(deviceIn);
  const devices = found.filter((device) => device !== undefined);
  const [mapped, ...placed] = await runSeveral(host, [["dmsetup", "table"], ...devices.map(placeIn)]);
  const pieces: Piece[] = [];
  for (const [index, device] of devices.entries()) {
    const place = placed[index];
    const start = place && startOn(disk, device, place);
    if (start === undefined) continue;
    const own = segments.filter(({ physicalVolume }) => found[paths.indexOf(physicalVolume)] === device);
    pieces.push(...own.map((segment): Piece => ({ ...segment, device, offset: start + segment.start })));
  }
  if (pieces.length > 0 && mapped.exitCode !== 0) throw commandFailed(host, mapped);
  const tables = pieces.length === 0 ? new Map() : parseTables(mapped.stdout);
  return { pieces: pieces.toSorted((one, other) => one.offset - other.offset), tables };
}

/** The program that tells where a partition begins on which disk; it fails for a whole disk. */
function placeIn(device: string): readonly string[] {
  const folder = `/sys/dev/block/${device}`;
  return ["cat", `${folder}/start`, `${folder}/../dev`]; // sysfs: of the parent
}

/** First byte of a device on a disk, when it is the disk or a partition of it; undefined when it is neither. */
function startOn(disk: string, device: string, { exitCode, stdout }: RunResult): number | undefined {
  if (device === disk) return 0;
  const [start, parent] = stdout.trim().split("\n");
  if (exitCode !== 0 || parent !== disk || !/^\d+$/.test(start ?? "")) return undefined;
  return Number(start) * SECTOR; // in these whatever the disk's own sector size is
}

/** Everything of a group's volume on a disk, in the volume's order. */
export function piecesOf({ pieces }: Layout, group: string, volume: string): readonly Piece[] {
  return pieces
    .filter((piece) => piece.group === group && piece.volume === volume)
    .toSorted((one, other) => one.volumeStart - other.volumeStart);
}

/**
 * Whether these are all of a volume, in linear pieces, and the kernel writes to just the same places.
 * @param layer of the device-mapper device that has the data: `real` below an origin, `cow` of a snapshot, none otherwise
 */
export function isWhole(layout: Layout, pieces: readonly Piece[], volume: SourceVolume): boolean {
  let at = 0;
  for (const { volumeStart, length, kind } of pieces) {
    if (volumeStart !== at || kind !== "linear") return false;
    at += length;
  }
  if (at !== volume.size || at === 0) return false;
  const names = ["real", "cow"].map((layer) => `${volume.dmName}-${layer}`);
  const table = layout.tables.get(names.find((name) => layout.tables.has(name)) ?? volume.dmName);
  const theirs = pieces.map(({ volumeStart, length, device, start }) => [volumeStart, length, device, start].join());
  const kernels = table?.map(({ volumeStart, length, device, start }) => [volumeStart, length, device, start].join());
  return kernels?.join(" ") === theirs.join(" ");
}

/** A volume's pieces in words that are the same only when all of them lie where they lay. */
export function placeOf(pieces: readonly Piece[]): string {
  return pieces.map(({ volumeStart, length, offset }) => `${volumeStart}+${length}@${offset}`).join(" ");
}

/** Whether no two pieces overlap, and all are on the disk: otherwise nothing of it is believed. */
export function isSound({ pieces }: Layout, size: number): boolean {
  let end = 0;
  for (const { offset, length } of pieces) {
    if (offset < end || offset + length > size) return false;
    end = offset + length;
  }
  return true;
}
