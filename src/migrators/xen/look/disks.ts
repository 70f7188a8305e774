import type { BlockDevice, Disk } from "../../types.js";
import type { DomainDisk } from "../types.js";
import type { FoundDevice } from "./contents.js";
import type { DiskFacts } from "./host-facts.js";

/** A disk as its domain has it, with what the host knows of it. */
export type HostDisk = DomainDisk & Partial<DiskFacts>;

/** The domain's disks as those of a machine, with what was found on them. @param mountPoints by the guest's names */
export function buildDisks(
  disks: readonly HostDisk[],
  found: readonly FoundDevice[],
  mountPoints: ReadonlyMap<string, string>,
): readonly Disk[] {
  return disks.map((disk): Disk => {
    const whole = found.find(({ name, type }) => type === "disk" && name === disk.device);
    const table = tableOf(whole);
    return {
      name: disk.device,
      path: disk.path,
      backend: disk.backend,
      stablePath: disk.stablePath,
      // what an image in a format of its own holds, the appliance knows; of a raw one, both say the same
      size: whole?.size || (disk.size ?? 0),
      logicalSectorSize: disk.sectorSize ?? 512,
      model: undefined,
      serial: undefined,
      rotational: disk.rotational ?? true,
      partitionTable: table,
      tableId: table === undefined ? undefined : whole?.table?.id?.toLowerCase(),
      format: whole?.format,
      uuid: whole?.uuid,
      mountPoint: mountPoints.get(disk.device),
      contents: contentsOf(disk.device, found, mountPoints),
    };
  });
}

/** blkid takes the first sector of some file systems for a table, too. */
function tableOf(whole: FoundDevice | undefined): Disk["partitionTable"] {
  if (whole?.format !== undefined) return undefined;
  const type = whole?.table?.type;
  return type === "dos" || type === "gpt" ? type : undefined;
}

function contentsOf(
  parent: string,
  found: readonly FoundDevice[],
  mountPoints: ReadonlyMap<string, string>,
): readonly BlockDevice[] {
  return found
    .filter(({ on }) => on.includes(parent))
    .map(({ name, type, size, start, format, uuid, label, volumePath }): BlockDevice => ({
      name,
      path: volumePath ?? `/dev/${name}`,
      type: type === "lvm" ? "lvm" : "partition",
      size,
      ...(start !== undefined && { start }),
      format,
      uuid,
      label,
      mountPoint: mountPoints.get(name),
      contents: contentsOf(name, found, mountPoints),
    }));
}
