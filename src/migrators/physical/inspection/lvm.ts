import type { LogicalVolume, VolumeGroup } from "../../types.js";
import { failureOf, section, type NoteUnknown, type Sections } from "./sections.js";

/**
 * Volume groups from vgs, pvs and lvs.
 * @param used whether some device is an LVM physical volume: then silence is a gap, not an absence
 * @param nameOf kernel or device-mapper name of a path
 */
export function parseLvm(
  sections: Sections,
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
  const logical = table(section(sections, "lvs").lines, 4);
  return rows.map(([name = "", uuid = "", size, free, extentSize]) => ({
    name,
    uuid,
    size: Number(size),
    free: Number(free),
    extentSize: Number(extentSize),
    physicalVolumes: physical.flatMap(([path = "", group]) => {
      if (group !== name) return [];
      return [path.startsWith("/") ? (nameOf(path) ?? path) : "missing"];
    }),
    logicalVolumes: volumesOf(name, logical),
  }));
}

/** lvs prints a row for each segment; a volume of several kinds gets all their names. */
function volumesOf(group: string, rows: readonly (readonly string[])[]): readonly LogicalVolume[] {
  const volumes = new Map<string, LogicalVolume>();
  for (const [inGroup, name = "", size, segment = "", origin = ""] of rows) {
    if (inGroup !== group) continue;
    const kind = origin !== "" && segment === "linear" ? "snapshot" : segment;
    const known = volumes.get(name);
    const kinds = known === undefined ? [kind] : [...new Set([...known.kind.split("+"), kind])];
    volumes.set(name, { name, path: `/dev/${group}/${name}`, size: Number(size), kind: kinds.join("+") });
  }
  return [...volumes.values()];
}

/** Rows with at least `columns` cells; other lines are warnings that old versions print among them. */
function table(lines: readonly string[], columns: number): readonly (readonly string[])[] {
  return lines.map((line) => line.split("|").map((cell) => cell.trim())).filter((cells) => cells.length >= columns);
}
