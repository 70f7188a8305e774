import type { Host } from "../../../lib/host/types.js";
import type { Report } from "../../../lib/report.js";
import type { GuestRecord } from "../../guest-store.js";
import type { Tracking } from "../../types.js";
import type { AgentPool } from "../agent-pool.js";
import type { DiskView, StagingContext, TrackedVolume } from "../types.js";
import { unfollowed, type Followed } from "./follow.js";
import type { SourceVolume } from "./lvm.js";
import { isThick, thickMethod, type Method } from "./method.js";
import { isThin, thinMethod } from "./thin.js";
import type { Watched } from "./watch.js";

/** A disk in one pass. */
export interface FollowedDisk {
  readonly volume: TrackedVolume;
  readonly view: DiskView;
  readonly cost: { readonly readBytes: number; readonly wireBytes: number };
  /** Snapshots that need room while the pass goes on. */
  readonly watched: readonly Watched[];
  /** What follows the disk's changes once the pass is complete, by the names that the journal has for it. */
  readonly trackings: ReadonlyMap<string, Tracking>;
  /** Why nothing of what was read may be believed; what broke is not followed any more in this run. */
  broken(): Promise<string | undefined>;
}

/** A disk about which all was asked that must be asked before rehome's snapshots may go. */
export interface PreparedDisk {
  /** Whether LVM's metadata may be on it, with the names of rehome's snapshots: these go before it is copied at rest. */
  readonly withNames: boolean;
  /** Works out what the pass looks at; at rest, when the snapshots are gone. */
  settle(): Promise<FollowedDisk>;
}

/** What a run knows about following disks. */
export interface Run {
  readonly context: StagingContext;
  readonly host: Host;
  readonly agents: AgentPool;
  readonly report: Report;
  readonly records: readonly GuestRecord[];
  readonly trackings: ReadonlyMap<string, Tracking>;
  /** All logical volumes of the machine; undefined when it has no LVM. */
  readonly found: readonly SourceVolume[] | undefined;
  readonly bootId: string;
  readonly arm: boolean;
  /** Names (as the journal has them) of what broke in this run. */
  readonly given: Set<string>;
  readonly quiesced: boolean;
}

/** A disk that is read as it is, and all of it. */
export function plainDisk(volume: TrackedVolume): FollowedDisk {
  const { view, readBytes, wireBytes } = unfollowed(volume);
  const broken = (): Promise<undefined> => Promise.resolve(undefined);
  return { volume, view, cost: { readBytes, wireBytes }, watched: [], trackings: new Map(), broken };
}

export function prepared(disk: FollowedDisk): PreparedDisk {
  return { withNames: false, settle: () => Promise.resolve(disk) };
}

/** The snapshot of a volume, when it has to be watched. */
export function watchedOf({ snapshot, tracking }: Followed, originSize: number): readonly Watched[] {
  return snapshot && tracking?.kind === "snapshot" ? [{ snapshot, originSize }] : [];
}

/** Notes what follows something from now on; undefined: nothing does. */
export function noteOf({ context }: Run, name: string): (tracking: Tracking | undefined) => Promise<void> {
  return (tracking) =>
    context.store.append({ type: "tracking", at: Date.now(), disk: name, ...(tracking && { tracking }) });
}

/** How a volume can be followed; undefined when it cannot. */
export function methodOf(origin: SourceVolume): Method | undefined {
  if (isThin(origin)) return thinMethod;
  return isThick(origin) ? thickMethod : undefined;
}
