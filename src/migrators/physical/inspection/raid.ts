import type { RaidArray } from "../../types.js";
import { section, type Sections } from "./sections.js";

/**
 * Arrays of /proc/mdstat, and one entry for members that no array has (not assembled).
 * @param members kernel names of devices that are formatted as RAID members
 */
export function parseRaid(sections: Sections, members: readonly string[]): readonly RaidArray[] {
  const arrays = assembled(section(sections, "raid").lines);
  const taken = new Set(arrays.flatMap((array) => array.members));
  const loose = members.filter((member) => !taken.has(member));
  if (loose.length === 0) return arrays;
  return [...arrays, { name: "not assembled", level: "inactive", members: loose, degraded: undefined }];
}

/** `md0 : active raid1 sdb1[1] sda1[0](F)`, and on the next line `… blocks super 1.2 [2/1] [U_]`. */
function assembled(lines: readonly string[]): readonly RaidArray[] {
  return lines.flatMap((line, index): RaidArray[] => {
    const match = /^(md\S+)\s*:\s*(active|inactive)\s*(?:\([\w-]+\)\s*)*(.*)$/.exec(line);
    if (match?.[1] === undefined) return [];
    const words = (match[3] ?? "").split(/\s+/);
    const level = words.find((word) => /^(raid\d+|linear|multipath|faulty|container)$/.test(word));
    const counts = /\[(\d+)\/(\d+)\]/.exec(lines[index + 1] ?? "");
    return [
      {
        name: match[1],
        level: match[2] === "active" && level !== undefined ? level : "inactive",
        members: words.flatMap((word) => /^(\S+?)\[\d+\]/.exec(word)?.[1] ?? []),
        degraded: counts === null ? undefined : Number(counts[2]) < Number(counts[1]),
      },
    ];
  });
}
