import { parseMdstat, type RaidArray } from "../../../lib/mdstat.js";
import { section, type Sections } from "./sections.js";

/**
 * Arrays of /proc/mdstat, and one entry for members that no array has (not assembled).
 * @param members kernel names of devices that are formatted as RAID members
 */
export function parseRaid(sections: Sections, members: readonly string[]): readonly RaidArray[] {
  const arrays = parseMdstat(section(sections, "raid").lines);
  const taken = new Set(arrays.flatMap((array) => array.members));
  const loose = members.filter((member) => !taken.has(member));
  if (loose.length === 0) return arrays;
  return [...arrays, { name: "not assembled", level: "inactive", members: loose, degraded: undefined }];
}
