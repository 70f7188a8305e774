import type { LogicalVolume, VolumeGroup } from "../../types.js";
import { isOurs } from "../../staging/tracking/snapshots.js";
import { failureOf, section, type NoteUnknown, type Sections } from "./sections.js";

/** A row of lvs; it prints one for each segment. */
export interface VolumeRow {
  readonly group: string;
  readonly name: string;
  /** Of the whole volume, in bytes; what a snapshot may take to keep what was overwritten. */
  readonly size: number;
  readonly segment: string;
  /** The volume that this one is a snapshot of; empty when it is none. */
  readonly origin: string;
  readonly tags: readonly string[];
}

export interface VolumeRows {
  /** Of the machine. */
  readonly rows: readonly VolumeRow[];
  /** Of the snapshots that rehome made to follow what changes; they are no part of the machine. */
  readonly own: readonly VolumeRow[];
}

export function parseVolumeRows(sections: Sections): VolumeRows {
  const rows = table(section(sections, "lvs").lines, 4).map(
    ([group = "", name = "", size, segment = "", origin = "", tags = ""]): VolumeRow => ({
      ...{ group, name, size: Number(size), segment, origin },
      tags: tags === "" ? [] : tags.split(","),
    }),
  );
  return { rows: rows.filter((row) => !isOurs(row)), own: rows.filter(isOurs) };
}

/**
 * Volume groups from vgs, pvs and lvs, as they are without rehome's snapshots.
 * @param used whether some device is an LVM physical volume: then silence is a gap, not an absence
 * @param nameOf kernel or device-mapper name of a path
 */
export function parseLvm(
  sections: Sections,
  { rows: volumes, own }: VolumeRows,
  used: boolean,
  nameOf: (path: string) => string | undefined,
  unknown: NoteUnknown,
): readonly VolumeGroup[] {
  const groups = section(sections, "vgs");
  const failure = failureOf(groups, "vgs");
  const rows = table(groups.lines, 5);
  if (used && rows.length === 0)
    unknown(`volume groups: ${failure ?? "vgs lists none, but there are physical volumes"}`);
  const physical = table(section(sections, "pvs").lines, 3);
  return rows.map(([name = "", uuid = "", size, free, extentSize]) => ({
    name,
    uuid,
    size: Number(size),
    free: Number(free) + takenBy(own.filter(({ group }) => group === name)),
    extentSize: Number(extentSize),
    physicalVolumes: physical.flatMap(([path = "", group]) => {
      if (group !== name) return [];
      return [path.startsWith("/") ? (nameOf(path) ?? path) : "missing"];
    }),
    logicalVolumes: volumesOf(volumes.filter(({ group }) => group === name)),
  }));
}

/** Bytes of a group that its snapshots take; those of a thin pool take them from the pool. */
function takenBy(snapshots: readonly VolumeRow[]): number {
  const sizes = new Map(snapshots.map(({ name, size, segment }) => [name, segment === "thin" ? 0 : size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** A volume of several kinds gets all their names. */
function volumesOf(rows: readonly VolumeRow[]): readonly LogicalVolume[] {
  const volumes = new Map<string, LogicalVolume>();
  for (const { group, name, size, segment, origin } of rows) {
    const kind = origin !== "" && segment === "linear" ? "snapshot" : segment;
    const known = volumes.get(name);
    const kinds = known === undefined ? [kind] : [...new Set([...known.kind.split("+"), kind])];
    volumes.set(name, { name, path: `/dev/${group}/${name}`, size, kind: kinds.join("+") });
  }
  return [...volumes.values()];
}

/** Rows with at least `columns` cells; other lines are warnings that old versions print among them. */
function table(lines: readonly string[], columns: number): readonly (readonly string[])[] {
  return lines.map((line) => line.split("|").map((cell) => cell.trim())).filter((cells) => cells.length >= columns);
}
