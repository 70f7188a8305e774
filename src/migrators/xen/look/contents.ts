import { partitionPath } from "../../conversion/devices.js";
import type { VolumeGroup } from "../../types.js";

/** What is found on a disk that is looked into: the disk, a partition, or a logical volume of the guest's own. */
export interface FoundDevice {
  /** In the guest: `xvda`, `xvda1`, `vg0-root`. */
  readonly name: string;
  readonly appliancePath: string;
  readonly type: "disk" | "partition" | "lvm";
  readonly size: number;
  /** First byte on its disk, for partitions. */
  readonly start: number | undefined;
  readonly format: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  readonly partUuid: string | undefined;
  /** The partition table that is on it: kind as blkid's PTTYPE, and its id. */
  readonly table: { readonly type: string; readonly id: string | undefined } | undefined;
  /** Names of what it is on: the disk of a partition, the physical volumes of a logical one. */
  readonly on: readonly string[];
  /** `/dev/vg0/root` of a logical volume. */
  readonly volumePath: string | undefined;
}

export interface Contents {
  readonly devices: readonly FoundDevice[];
  /** The guest's own. */
  readonly volumeGroups: readonly VolumeGroup[];
}

/** Run in the appliance: which disk is which, sizes and places of all of them, LVM, and what is on each.
 * Without single quotes, which guestfish takes away. */
export const CONTENTS_SCRIPT = `ls -l /dev/disk/guestfs
for block in /sys/class/block/*; do
  start=-
  [ ! -r "$block/start" ] || read -r start <"$block/start"
  read -r size <"$block/size"
  echo "block \${block##*/} $size $start"
done
lvm pvs --noheadings --separator "|" -o pv_name,vg_name 2>/dev/null | sed "s/^ */pv|/"
lvm vgs --noheadings --separator "|" --units b --nosuffix -o vg_name,vg_uuid,vg_size,vg_free,vg_extent_size 2>/dev/null | sed "s/^ */vg|/"
lvm lvs --noheadings --separator "|" --units b --nosuffix -o vg_name,lv_name,lv_dm_path,lv_size,segtype 2>/dev/null | sed "s/^ */lv|/"
echo
blkid -o export
for link in /dev/disk/guestfs/*; do
  echo
  blkid -p -o export "$(readlink -f "$link")" | grep -E "^(DEVNAME|PTTYPE|PTUUID)="
done
true`;

const SECTOR = 512;

/** Reads what CONTENTS_SCRIPT prints. @param names the guest's name of a disk by the label that it was added with */
export function parseContents(output: string, names: ReadonlyMap<string, string>): Contents {
  const links = new Map<string, { name: string; disk: string; partition: boolean }>();
  for (const [, label = "", number = "", target = ""] of output.matchAll(/ ([a-z]+)(\d*) -> \.\.\/\.\.\/(\S+)$/gm)) {
    const disk = names.get(label);
    if (disk === undefined) continue;
    const name = number === "" ? disk : partitionPath(disk, number);
    links.set(`/dev/${target}`, { name, disk, partition: number !== "" });
  }
  const tags = tagsByPath(output);
  const blocks = new Map<string, { size: number; start: number }>();
  for (const [, name = "", size, start] of output.matchAll(/^block (\S+) (\d+) (\S+)$/gm)) {
    blocks.set(`/dev/${name}`, { size: Number(size) * SECTOR, start: Number(start) * SECTOR });
  }
  const disks = [...links].map(([path, { name, disk, partition }]): FoundDevice => ({
    ...whatIsOn(tags.get(path)),
    name,
    appliancePath: path,
    type: partition ? "partition" : "disk",
    size: blocks.get(path)?.size ?? 0,
    start: partition ? blocks.get(path)?.start : undefined,
    on: partition ? [disk] : [],
    volumePath: undefined,
  }));
  const nameOf = (path: string): string => links.get(path)?.name ?? path;
  return { devices: [...disks, ...volumes(output, tags, nameOf)], volumeGroups: groups(output, nameOf) };
}

/** The guest's own volume groups. */
function groups(output: string, nameOf: (path: string) => string): readonly VolumeGroup[] {
  const physical = physicalVolumes(output, nameOf);
  return [...output.matchAll(/^vg\|([^|]+)\|([^|]+)\|(\d+)\|(\d+)\|(\d+)$/gm)].map(
    ([, name = "", uuid = "", size, free, extentSize]): VolumeGroup => ({
      name,
      uuid,
      size: Number(size),
      free: Number(free),
      extentSize: Number(extentSize),
      physicalVolumes: physical.get(name) ?? [],
      logicalVolumes: [...output.matchAll(/^lv\|([^|]+)\|([^|]+)\|[^|]+\|(\d+)\|(\S+)$/gm)]
        .filter(([, group]) => group === name)
        .map(([, , volume = "", volumeSize, kind = ""]) => ({
          name: volume,
          path: `/dev/${name}/${volume}`,
          size: Number(volumeSize),
          kind,
        })),
    }),
  );
}

/** By group. */
function physicalVolumes(output: string, nameOf: (path: string) => string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [, path = "", group = ""] of output.matchAll(/^pv\|([^|]+)\|(.*)$/gm)) {
    found.set(group, [...(found.get(group) ?? []), nameOf(path)]);
  }
  return found;
}

function volumes(
  output: string,
  tags: ReadonlyMap<string, ReadonlyMap<string, string>>,
  nameOf: (path: string) => string,
): readonly FoundDevice[] {
  const physical = physicalVolumes(output, nameOf);
  return [...output.matchAll(/^lv\|([^|]+)\|([^|]+)\|([^|]+)\|(\d+)\|/gm)].map(
    ([, group = "", name = "", path = "", size]): FoundDevice => ({
      ...whatIsOn(tags.get(path)),
      name: path.replace(/^\/dev\/mapper\//, ""),
      appliancePath: path,
      type: "lvm",
      size: Number(size),
      start: undefined,
      on: physical.get(group) ?? [],
      volumePath: `/dev/${group}/${name}`,
    }),
  );
}

type Tags = ReadonlyMap<string, string>;

function whatIsOn(tags: Tags | undefined): Pick<FoundDevice, "format" | "uuid" | "label" | "partUuid" | "table"> {
  const type = tags?.get("PTTYPE");
  return {
    format: tags?.get("TYPE"),
    uuid: tags?.get("UUID"),
    label: tags?.get("LABEL"),
    partUuid: tags?.get("PARTUUID"),
    table: type === undefined ? undefined : { type, id: tags?.get("PTUUID") },
  };
}

/** blkid's `KEY=VALUE` blocks; a backslash is before what a shell would read as something else. */
function tagsByPath(output: string): ReadonlyMap<string, Tags> {
  const found = new Map<string, Tags>();
  for (const block of output.split(/\n\n+/)) {
    const tags = new Map<string, string>();
    for (const line of block.split("\n")) {
      const equals = line.indexOf("=");
      if (equals > 0) tags.set(line.slice(0, equals), line.slice(equals + 1).replace(/\\(.)/g, "$1"));
    }
    const path = tags.get("DEVNAME");
    if (path !== undefined) found.set(path, new Map([...(found.get(path) ?? []), ...tags]));
  }
  return found;
}
