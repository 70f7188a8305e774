import type { GuestConfig } from "../../lib/config/schema.js";
import type { Landing } from "../landing/landing.js";
import type { BlockDevice, Concern, Disk, GuestPlan, GuestState, Machine } from "../types.js";
import type { TargetFacts } from "./target.js";

/** A plan as it is before anyone had concerns. */
export type Draft = Omit<GuestPlan, "concerns">;

/** All that a check may look at. */
export interface PlanContext {
  readonly draft: Draft;
  readonly guest: GuestConfig;
  readonly landing: Landing;
  readonly machine: Machine;
  readonly target: TargetFacts;
  /** The other guests of rehome.yaml, as far as they are planned. */
  readonly others: readonly Draft[];
  /** How far this guest already is. */
  readonly state: GuestState;
}

/** Looks for one kind of concern, or a few that belong together. Pure. */
export type Check = (context: PlanContext) => readonly Concern[];

/** The disks that are moved. */
export function movedDisks({ machine, guest }: Pick<PlanContext, "machine" | "guest">): readonly Disk[] {
  return machine.disks.filter((disk) => !guest.excludeDisks.includes(disk.name));
}

/** A device or whole disk, and what it stands on: the disk first. */
export interface Placed {
  readonly device: BlockDevice | Disk;
  readonly above: readonly (BlockDevice | Disk)[];
}

/** Disks and everything on them; a device on two disks comes twice. */
export function allDevices(disks: readonly Disk[]): readonly Placed[] {
  const below = (device: BlockDevice | Disk, above: Placed["above"]): readonly Placed[] => [
    { device, above },
    ...device.contents.flatMap((child) => below(child, [...above, device])),
  ];
  return disks.flatMap((disk) => below(disk, []));
}

/** Each once, by path. */
export function uniqueDevices(disks: readonly Disk[]): readonly (BlockDevice | Disk)[] {
  return [...new Map(allDevices(disks).map(({ device }) => [device.path, device])).values()];
}

/** `/dev/sda1 and /dev/sdb1`, `a, b and c` */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** Items by key, in the order in which the keys come first. */
export function grouped<K, T>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
