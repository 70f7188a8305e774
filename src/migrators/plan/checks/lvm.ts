import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import type { PlanContext } from "../context.js";

/** Volume groups that are not whole, or have no room for a snapshot. */
export function checkLvm({ machine }: PlanContext): readonly Concern[] {
  return machine.volumeGroups.flatMap((group): Concern[] => {
    if (group.physicalVolumes.includes("missing")) {
      return [
        concern(
          "volume-group-incomplete",
          `volume group ${group.name} lacks a physical volume`,
          `bring the disk back, or run vgreduce --removemissing ${group.name} on the source if it is lost`,
        ),
      ];
    }
    if (group.free >= group.extentSize) return [];
    return [
      concern(
        "volume-group-full",
        `volume group ${group.name} has no free space for snapshots`,
        "nothing: changes are found by reading and hashing the disks",
      ),
    ];
  });
}
