import type { DiskFacts } from "./types.js";

interface LsblkDevice {
  readonly path?: string;
  readonly size?: number | string;
  readonly type?: string;
  readonly fstype?: string | null;
  readonly pttype?: string | null;
  readonly mountpoints?: readonly (string | null)[];
  readonly children?: readonly LsblkDevice[];
}

/**
 * What `lsblk --json --bytes --output PATH,SIZE,TYPE,FSTYPE,PTTYPE,MOUNTPOINTS DISK` says of a disk.
 * @param isFreePhysicalVolume whether LVM knows it as a physical volume of no group: nothing is on it
 */
export function parseDisk(lsblk: string, group: string | undefined, isFreePhysicalVolume = false): DiskFacts {
  const [disk] = (JSON.parse(lsblk) as { readonly blockdevices?: readonly LsblkDevice[] }).blockdevices ?? [];
  const mounted = (disk?.mountpoints ?? []).filter((point) => point !== null && point !== "");
  return {
    size: Number(disk?.size ?? 0),
    holds: [
      ...(disk?.pttype == null ? [] : ["a partition table"]),
      ...(disk?.fstype == null || (isFreePhysicalVolume && disk.fstype === "LVM2_member") ? [] : [disk.fstype]),
      ...mounted.map((point) => `mounted on ${point ?? ""}`),
      ...(disk?.children ?? []).map((child) => child.path ?? "a device"),
    ],
    group,
  };
}

interface LvmReport {
  readonly report?: readonly Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>[];
}

/** Rows of a report that LVM prints with `--reportformat json`; @param kind `vg`, `pv`, `lv` */
export function lvmRows(json: string, kind: string): readonly Readonly<Record<string, string>>[] {
  return ((JSON.parse(json) as LvmReport).report ?? []).flatMap((report) => report[kind] ?? []);
}
