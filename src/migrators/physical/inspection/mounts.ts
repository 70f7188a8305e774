import { section, type NoteUnknown, type Sections } from "./sections.js";

/** A mounted file system. */
export interface Mount {
  /** `8:1`, or `?` where the kernel is too old to tell. */
  readonly device: string;
  /** As /proc has it: a path, or a word such as `proc`. */
  readonly source: string;
  readonly format: string;
  readonly mountPoint: string;
  readonly usedBytes: number | undefined;
  readonly freeBytes: number | undefined;
}

/** Mounts of block devices: /proc/self/mountinfo (proc(5)), on old kernels /proc/mounts; sizes from df. */
export function parseMounts(sections: Sections, unknown: NoteUnknown): readonly Mount[] {
  const usage = section(sections, "usage");
  const sizes = parseUsage(usage.lines);
  const mounts = section(sections, "mounts").lines.flatMap((line) => mountOf(line));
  if (mounts.length === 0) unknown("mounted file systems: /proc does not tell");
  const unmeasured = mounts.filter((mount) => mount.source.startsWith("/dev/") && !sizes.has(mount.mountPoint));
  if (unmeasured.length > 0) {
    unknown(`used and free space of ${unmeasured.map((mount) => mount.mountPoint).join(", ")}: df does not tell`);
  }
  return mounts.map((mount) => {
    const size = sizes.get(mount.mountPoint);
    return { ...mount, usedBytes: size?.used, freeBytes: size?.free };
  });
}

function mountOf(line: string): readonly Omit<Mount, "usedBytes" | "freeBytes">[] {
  const old = /^mount (\S+) (\S+) (\S+) (.+)$/.exec(line);
  if (old !== null) {
    const [, device = "?", format = "", mountPoint = "", source = ""] = old;
    return [{ device, source: unescape(source), format, mountPoint: unescape(mountPoint) }];
  }
  const separator = line.indexOf(" - ");
  const [, , device = "?", root, mountPoint] = line.slice(0, separator).split(" ");
  const [format = "", source = ""] = line.slice(separator + 3).split(" ");
  if (separator < 0 || mountPoint === undefined) return [];
  // a bind mount of a folder is no mount point of the file system; btrfs subvolumes are
  if (root !== "/" && format !== "btrfs") return [];
  return [{ device, source: unescape(source), format, mountPoint: unescape(mountPoint) }];
}

/** /proc escapes blanks, tabs, line ends and backslashes as octal numbers. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** `df -kPl`: blocks of 1024 bytes, by mount point. */
function parseUsage(lines: readonly string[]): ReadonlyMap<string, { used: number; free: number }> {
  return new Map(
    lines.flatMap((line) => {
      const match = /\s\d+\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+(\/.*)$/.exec(line);
      if (match?.[3] === undefined) return [];
      return [[match[3], { used: Number(match[1]) * 1024, free: Math.max(0, Number(match[2])) * 1024 }] as const];
    }),
  );
}
