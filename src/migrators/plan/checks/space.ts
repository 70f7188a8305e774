import { formatSize } from "../../../lib/units.js";
import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import type { Draft, PlanContext } from "../context.js";

/** The conversion writes changes beside the volumes before it merges them. */
const CONVERSION_BYTES = 1024 ** 3;

/** A volume may grow to the size of its disk: room for all of it, less what it takes already. */
export function checkSpace({ draft, target, landing, others }: PlanContext): readonly Concern[] {
  if (target.freeBytes === undefined) return []; // target-incomplete tells
  const toCome = (plan: Draft) =>
    plan.volumes.reduce(
      (sum, volume) => sum + Math.max(0, volume.size - (target.allocatedBytes.get(volume.path) ?? 0)),
      0,
    );
  const own = toCome(draft) + (landing.kind === "machine" ? CONVERSION_BYTES : 0);
  const all = own + others.reduce((sum, other) => sum + toCome(other), 0);
  const where = target.freeOn === undefined ? landing.store : `${landing.store} on ${target.freeOn}`;
  const free = `${formatSize(target.freeBytes)} are free in ${where}`;
  if (own > target.freeBytes) {
    return [
      concern(
        "disk-too-large",
        `the disks need up to ${formatSize(own)} more, and ${free}`,
        landing.kind === "machine"
          ? "make room, set target.volumes to a larger file system, or leave disks out (excludeDisks)"
          : "add disks to the volume group on both hosts, or leave disks of the guest out (excludeDisks)",
      ),
    ];
  }
  if (all <= target.freeBytes) return [];
  return [
    concern(
      "disk-space-shared",
      `all planned guests together need up to ${formatSize(all)} more, and ${free}`,
      "make room before the last of them is staged",
    ),
  ];
}
