import { formatSize } from "../../../lib/units.js";
import { clusterConcern, type ClusterConcern } from "../concerns.js";
import { each, hostFacts, type ClusterCheck, type HostFacts } from "./context.js";

const LITTLE = 1024 ** 3;
const TOLERANCE = 0.05;

export const checkVolumeGroups: ClusterCheck = ({ cluster, facts }) => {
  const hosts = hostFacts(facts);
  const sizes = hosts.map((host) => ({ name: host.name, size: sizeToBe(host) }));
  const [least, most] = sizes.toSorted((a, b) => a.size - b.size);
  return [
    ...hosts.flatMap((host) => ofHost(host, cluster.volumeGroup)),
    ...(least !== undefined && most !== undefined && least.size > 0 && least.size < most.size * (1 - TOLERANCE)
      ? [
          clusterConcern(
            "volume-group-differs",
            undefined,
            `${cluster.volumeGroup}: ${each(sizes, ({ size }) => formatSize(size))}`,
            `every volume is on both hosts: only what ${least.name} has can be used`,
          ),
        ]
      : []),
  ];
};

/** What the group has, or will have of empty disks. */
function sizeToBe({ hosting: { volumeGroup, disks } }: HostFacts): number {
  return volumeGroup?.size ?? [...disks.values()].reduce((sum, disk) => sum + (disk?.size ?? 0), 0);
}

function ofHost({ name, hosting: { volumeGroup, disks } }: HostFacts, group: string): readonly ClusterConcern[] {
  if (volumeGroup !== undefined) {
    if (volumeGroup.free >= LITTLE || volumeGroup.free >= volumeGroup.size / 10) return [];
    return [
      clusterConcern(
        "volume-group-full",
        name,
        `${group} has ${formatSize(volumeGroup.free)} of ${formatSize(volumeGroup.size)} left`,
        `add a disk: vgextend ${group} DISK`,
      ),
    ];
  }
  if (disks.size === 0) {
    return [
      clusterConcern(
        "volume-group-missing",
        name,
        `there is no volume group ${group}`,
        `name empty disks for it (disks), or make it there: vgcreate ${group} DISK`,
      ),
    ];
  }
  return [...disks].flatMap(([path, disk]) => {
    if (disk === undefined) {
      return [clusterConcern("disk-missing", name, `there is no disk ${path}`, "correct the path; lsblk lists disks")];
    }
    if (disk.holds.length === 0 && disk.group === undefined) return [];
    const what = disk.group === undefined ? disk.holds.join(", ") : `the volume group ${disk.group}`;
    return [
      clusterConcern(
        "disk-in-use",
        name,
        `${path} is not empty: it has ${what}`,
        `name another one; if nothing on it is needed any more, empty it yourself: wipefs --all ${path}`,
      ),
    ];
  });
}

export const checkRaid: ClusterCheck = ({ facts }) =>
  hostFacts(facts).flatMap(({ name, hosting }) =>
    hosting.raid.flatMap((array) => {
      if (array.level === "inactive") {
        const remedy = `see mdadm --detail /dev/${array.name}; stop it if it is a leftover`;
        return [clusterConcern("raid-inactive", name, `${array.name} is not running`, remedy)];
      }
      if (array.degraded !== true) return [];
      const remedy = "replace the disk and wait for the resync before guests depend on it";
      return [clusterConcern("raid-degraded", name, `${array.name} (${array.level}) has lost a disk`, remedy)];
    }),
  );
