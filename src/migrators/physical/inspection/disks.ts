import type { BlockDevice, Disk } from "../../types.js";
import { parseLinks, parseUdev, type Device } from "./devices.js";
import type { FirstSectors } from "./first-sectors.js";
import type { Format } from "./formats.js";
import type { Mount } from "./mounts.js";
import type { NoteUnknown, Sections } from "./sections.js";

/** What is known of block devices, from which the trees below the disks are made. */
export interface Findings {
  readonly devices: readonly Device[];
  readonly sectors: ReadonlyMap<string, FirstSectors>;
  readonly formats: ReadonlyMap<string, Format>;
  readonly mounts: readonly Mount[];
}

export function buildDisks(sections: Sections, findings: Findings, unknown: NoteUnknown): readonly Disk[] {
  const udev = parseUdev(sections);
  const links = parseLinks(sections, "by-id");
  return findings.devices
    .filter((device) => device.kind === "disk")
    .map((device) => {
      const { record, name, path } = device;
      const sectors = findings.sectors.get(name);
      if (sectors === undefined) unknown(`partition table of ${path}: its first sectors could not be read`);
      const properties = udev.get(name);
      const content = contentOf(device, findings);
      return {
        name,
        path,
        stablePath: stablePathOf(path, links),
        size: device.size,
        logicalSectorSize: Number(record.value("logical") ?? record.value("hw-sector") ?? 512),
        model: record.value("model") ?? properties?.get("ID_MODEL"),
        serial: record.value("serial") ?? record.value("device-serial") ?? serialOf(properties),
        rotational: record.value("rotational") !== "0",
        partitionTable: sectors?.table,
        tableId: sectors?.tableId,
        format: content.format,
        uuid: content.uuid,
        mountPoint: content.mountPoint,
        ...(content.usedBytes !== undefined && { usedBytes: content.usedBytes }),
        ...(content.freeBytes !== undefined && { freeBytes: content.freeBytes }),
        contents: childrenOf(device, findings),
      };
    });
}

function serialOf(properties: ReadonlyMap<string, string> | undefined): string | undefined {
  return properties?.get("ID_SERIAL_SHORT") ?? properties?.get("ID_SERIAL");
}

/** Which of a disk's names is the most telling; those of what is on a disk are none of its own. */
const LINK_ORDER = [
  /^ata-/,
  /^scsi-S/,
  /^nvme-(?!eui\.)/,
  /^virtio-/,
  /^cciss-/,
  /^wwn-/,
  /^scsi-/,
  /^usb-/,
  /^mmc-/,
  /^nvme-/,
];

function stablePathOf(path: string, links: readonly (readonly [string, string])[]): string | undefined {
  const rank = (link: string) => LINK_ORDER.findIndex((name) => name.test(link.slice(link.lastIndexOf("/") + 1)));
  return links
    .filter(([target, link]) => target === path && rank(link) >= 0)
    .map(([, link]) => link)
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))[0];
}

/** Partitions of a disk, and whatever is made of the device (LVM, RAID, LUKS). */
function childrenOf(parent: Device, findings: Findings): readonly BlockDevice[] {
  return findings.devices
    .filter((device) => device.disk === parent.name || device.slaves.includes(parent.name))
    .sort((a, b) => a.start - b.start || a.name.localeCompare(b.name, "en", { numeric: true }))
    .map((device) => ({
      name: nameOf(device),
      path: pathOf(device),
      type: typeOf(device, findings),
      size: device.size,
      ...(device.kind === "partition" && { start: device.start }),
      ...contentOf(device, findings),
      contents: childrenOf(device, findings),
    }));
}

/** The name that people know a device by. */
export function nameOf(device: Device): string {
  return device.dmName ?? device.name;
}

function pathOf(device: Device): string {
  return device.dmName === undefined ? device.path : `/dev/mapper/${device.dmName}`;
}

function typeOf(device: Device, findings: Findings): BlockDevice["type"] {
  if (device.kind === "partition") return isExtended(device, findings) ? "other" : "partition";
  if (device.kind === "md") return "raid";
  if (device.dmUuid?.startsWith("LVM-") === true) return "lvm";
  return device.dmUuid?.startsWith("CRYPT-") === true ? "crypt" : "other";
}

/** An extended partition only holds others: it has no content of its own. */
function isExtended(device: Device, findings: Findings): boolean {
  const number = Number(/(\d+)$/.exec(device.name)?.[1]);
  return findings.sectors.get(device.disk ?? "")?.extended.includes(number) === true;
}

type Content = Pick<BlockDevice, "format" | "uuid" | "label" | "mountPoint" | "usedBytes" | "freeBytes">;

function contentOf(device: Device, { formats, mounts }: Findings): Content {
  const paths = namesOf(device);
  const format = paths.map((path) => formats.get(path)).find((found) => found !== undefined);
  const mount = mounts
    .filter((found) => (found.device === device.number && found.device !== "?") || paths.includes(found.source))
    .sort((a, b) => a.mountPoint.length - b.mountPoint.length)[0];
  return {
    format: format?.format ?? mount?.format,
    uuid: format?.uuid,
    label: format?.label,
    mountPoint: mount?.mountPoint,
    ...(mount?.usedBytes !== undefined && { usedBytes: mount.usedBytes }),
    ...(mount?.freeBytes !== undefined && { freeBytes: mount.freeBytes }),
  };
}

/** Every path that a program may print for a device. */
export function namesOf(device: Device): readonly string[] {
  const { dmName } = device;
  if (dmName === undefined) return [device.path];
  // LVM joins group and volume by one hyphen, and doubles the hyphens in them
  const volume = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(dmName);
  const undouble = (text: string | undefined) => (text ?? "").replaceAll("--", "-");
  return [
    device.path,
    `/dev/mapper/${dmName}`,
    `/dev/${dmName}`, // lsblk's NAME, made a path
    ...(volume === null ? [] : [`/dev/${undouble(volume[1])}/${undouble(volume[2])}`]),
  ];
}

/** All devices below disks, depth first. */
export function flatten(devices: readonly BlockDevice[]): readonly BlockDevice[] {
  return devices.flatMap((device) => [device, ...flatten(device.contents)]);
}
