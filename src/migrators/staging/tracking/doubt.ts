import type { Tracking } from "../../types.js";
import type { SourceVolume } from "./lvm.js";

/** How things are now, for comparison with what the guest's journal says of them. */
export interface Standing {
  readonly bootId: string;
  readonly origin: SourceVolume;
  /** The snapshot of the journal's name, where there is one. */
  readonly snapshot: SourceVolume | undefined;
  /** Names the copy on the target. */
  readonly volume: string;
  /** As Tracking has it. */
  readonly place?: string | undefined;
}

/**
 * Why the journal's snapshot says nothing about what changed (migration rule 5), in words that end a sentence; undefined
 * when it does.
 */
export function reasonToDoubt(tracking: Tracking, now: Standing): string | undefined {
  const { origin, snapshot } = tracking;
  if (tracking.bootId !== now.bootId) return "the source was restarted since the last pass";
  if (origin.uuid !== now.origin.uuid) return "the logical volume is another one than in the last pass";
  if (origin.size !== now.origin.size) return "the logical volume has another size than in the last pass";
  if (tracking.place !== now.place) return "the logical volume lies elsewhere on its disk than in the last pass";
  if (tracking.volume !== now.volume) return "the copy here is another one than in the last pass";
  if (now.snapshot === undefined) return "the snapshot of the last pass is gone";
  if (snapshot.uuid !== now.snapshot.uuid) return "the snapshot of the last pass was replaced by another";
  if (now.snapshot.origin !== now.origin.name) return "the snapshot of the last pass is of another logical volume";
  return undefined;
}
