/** A Linux software RAID (mdraid). */
export interface RaidArray {
  readonly name: string;
  /** `raid1`, `raid5` …; `inactive` when it is not assembled. */
  readonly level: string;
  /** Kernel names of its members. */
  readonly members: readonly string[];
  readonly degraded: boolean | undefined;
}

/** Arrays of /proc/mdstat: `md0 : active raid1 sdb1[1] sda1[0](F)`, and on the next line `… blocks super 1.2 [2/1] [U_]`. */
export function parseMdstat(lines: readonly string[]): readonly RaidArray[] {
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
