import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { allDevices, listed, movedDisks, type PlanContext } from "../context.js";

/** One leg alone is an old or half copy of the data, and the guest would take it for the whole. */
export function checkRaid(context: PlanContext): readonly Concern[] {
  const moved = new Set(allDevices(movedDisks(context)).map(({ device }) => device.name));
  return context.machine.raidArrays
    .filter((array) => array.members.some((member) => moved.has(member)))
    .map((array) =>
      concern(
        "raid-unsupported",
        `${array.name} (${array.level}) is a software RAID on ${listed(array.members)}${array.degraded === true ? ", degraded" : ""}`,
        "software RAID cannot be moved by this version: never copy one leg by other means either",
      ),
    );
}
