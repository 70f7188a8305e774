import { records, section, type NoteUnknown, type SectionRecord, type Sections } from "./sections.js";

/** A block device as sysfs has it. */
export interface Device {
  /** Kernel name: `sda1`, `dm-0`, `cciss!c0d0`. */
  readonly name: string;
  readonly path: string;
  readonly kind: "disk" | "partition" | "dm" | "md" | "other";
  /** `8:1` */
  readonly number: string;
  readonly size: number;
  /** First byte on the disk, for partitions. */
  readonly start: number;
  /** The disk of a partition. */
  readonly disk: string | undefined;
  /** Kernel names of the devices that it is made of. */
  readonly slaves: readonly string[];
  /** Device-mapper's name and UUID (`LVM-…`, `CRYPT-…`). */
  readonly dmName: string | undefined;
  readonly dmUuid: string | undefined;
  readonly record: SectionRecord;
}

const SECTOR = 512; // sysfs counts in these whatever the device's own sector size is

/** All block devices but those without a size and those that are never a disk to move (loop, RAM, CD-ROM). */
export function parseDevices(sections: Sections, unknown: NoteUnknown): readonly Device[] {
  const lines = section(sections, "blocks").lines;
  if (lines.length === 0) unknown("disks: there is no /sys/block");
  const dmNames = parseDmsetup(section(sections, "dm").lines);
  let disk: string | undefined;
  return records(lines, "block").flatMap((record): Device[] => {
    const [sysfsKind, name = ""] = record.words;
    const partition = sysfsKind === "partition";
    if (!partition) disk = name;
    const size = Number(record.value("size") ?? 0) * SECTOR;
    if (size === 0 || record.value("hidden") === "1") return [];
    const number = record.value("dev") ?? "?";
    const dm = dmNames.get(number);
    const device: Device = {
      name,
      path: `/dev/${name.replaceAll("!", "/")}`,
      kind: partition ? "partition" : kindOf(name, record),
      number,
      size,
      start: Number(record.value("start") ?? 0) * SECTOR,
      disk: partition ? disk : undefined,
      slaves: record.values("slave"),
      dmName: record.value("dm-name") ?? dm?.name,
      dmUuid: record.value("dm-uuid") ?? dm?.uuid,
      record,
    };
    if (device.kind === "other" && !isRom(record)) {
      unknown(`device ${name} (${size} bytes): it is no disk of this machine's own; it is not moved`);
    }
    return [device];
  });
}

const CD_ROM = "5";

function isRom(record: SectionRecord): boolean {
  return record.value("type") === CD_ROM;
}

function kindOf(name: string, record: SectionRecord): Device["kind"] {
  if (name.startsWith("dm-")) return "dm";
  if (/^md\d|^md_/.test(name)) return "md";
  if (/^mmcblk\d+(boot\d+|rpmb)$/.test(name) || isRom(record)) return "other";
  return record.value("device") === undefined && !/^(xvd|hd|[sv]d)[a-z]+$|^nvme\d+n\d+$|!/.test(name)
    ? "other"
    : "disk";
}

/** `dmsetup info -c -o name,major,minor,uuid`, for kernels whose sysfs does not name dm devices (before 2.6.29). */
function parseDmsetup(lines: readonly string[]): ReadonlyMap<string, { name: string; uuid: string | undefined }> {
  return new Map(
    lines.flatMap((line) => {
      const [name = "", major, minor, uuid = ""] = line.split("|").map((cell) => cell.trim());
      if (minor === undefined) return [];
      return [[`${major ?? ""}:${minor}`, { name, uuid: uuid === "" ? undefined : uuid }] as const];
    }),
  );
}

/** udev's properties (`ID_SERIAL_SHORT` …) by kernel name. */
export function parseUdev(sections: Sections): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    records(section(sections, "udev").lines, "disk").map((record) => [
      record.words[0] ?? "",
      new Map(
        record.lines.flatMap((line) => {
          const match = /^(ID_\w+)=(.+)$/.exec(line);
          return match?.[1] === undefined ? [] : [[match[1], match[2]?.trim() ?? ""] as const];
        }),
      ),
    ]),
  );
}

/** Links such as /dev/disk/by-id/ata-…: `[target, link]`. */
export function parseLinks(sections: Sections, name: string): readonly (readonly [string, string])[] {
  return section(sections, name).lines.flatMap((line) => {
    const [target = "", link = ""] = line.split(" ");
    return link === "" ? [] : [[target, link] as const];
  });
}
