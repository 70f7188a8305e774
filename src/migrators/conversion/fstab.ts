/** A line of fstab(5) that mounts something. Fields are decoded; `line` is as it stands in the file. */
export interface FstabEntry {
  /** 0-based. */
  readonly index: number;
  readonly line: string;
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Every entry of an fstab; comments and lines that are none are left out. */
export function parseFstab(text: string): readonly FstabEntry[] {
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*(?:#|$)/.test(line)) return [];
    const [device, mountPoint, type, options] = line.trim().split(/\s+/).map(decode);
    if (device === undefined || mountPoint === undefined || type === undefined) return [];
    return [{ index, line, device, mountPoint, type, options: (options ?? "defaults").split(",") }];
  });
}

/** Puts another word in place of a field (0: device, 3: options) and leaves the rest of the line as it is. */
export function replaceField(line: string, field: number, value: string): string {
  let number = -1;
  return line.replace(/\S+/g, (word) => {
    number += 1;
    return number === field ? value : word;
  });
}

/** \040 is a space: getmntent(3). */
function decode(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
