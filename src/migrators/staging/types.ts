import type { VolumeReadBack, VolumeStore } from "../../cluster/volumes/types.js";
import type { Host } from "../../lib/host/types.js";
import type { Report } from "../../lib/report.js";
import type { GuestStore } from "../guest-store.js";
import type { GuestPlan, Machine, Pass, SourceDisk } from "../types.js";
import type { DowntimePrediction } from "./downtime.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { StopReason } from "./stop-rule.js";

/**
 * The words of the block engine. A disk is cut into **regions** of 64 MiB (the unit of work and of the journal), a region into
 * **chunks** of 64 KiB (the unit of digests), a chunk into **blocks** of 4 KiB (the unit of what travels in a delta pass).
 */
export const BLOCK_SIZE = 4096;
export const CHUNK_SIZE = 65_536;
export const REGION_SIZE = 64 * 1024 * 1024;
export const BLOCKS_PER_CHUNK = CHUNK_SIZE / BLOCK_SIZE;
export const CHUNKS_PER_REGION = REGION_SIZE / CHUNK_SIZE;
export { DIGEST_SIZE } from "../../lib/digest.js";

/** A contiguous range of bytes of a disk. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** A stretch of a disk: where it is read, and what may have changed there since the target was last like it. */
export interface Stretch extends Extent {
  /** Path of the device to read, which may be a snapshot. */
  readonly device: string;
  /** Where the stretch begins on it; as far from `offset` as some number of whole chunks. */
  readonly deviceOffset: number;
  /** In bytes of the disk. Unknown, which never means unchanged: all of it is compared. */
  readonly changed: readonly Extent[] | "unknown";
  /** What changed is known in units so large that comparing them sends less than sending them. */
  readonly coarse?: boolean;
}

/** What a pass looks at on one disk. */
export interface DiskView {
  readonly tracker: Pass["tracker"];
  /** Names the instant that is copied: an interrupted pass goes on only under the same one, and begins anew under another. */
  readonly instant: string;
  /** In order. What lies in none of them is proven to hold nothing. */
  readonly stretches: readonly Stretch[];
  /** What is no part of the copy, in whole chunks and outside of all stretches: the target is made zeros there. */
  readonly leftOut?: readonly Extent[];
}

/** A disk about to be passed over. */
export interface TrackedVolume {
  readonly plan: SourceDisk;
  /** Names the copy on the target: what was noted of another says nothing about this one. */
  readonly volume: string;
}

/**
 * Knows what may have changed on disks since the last pass. It is armed before the first pass, and its maps are swapped
 * before data is read, so that a write in flight at the swap belongs to the next pass.
 */
export interface Tracker {
  /** @param quiesced the caller's word that nothing writes to the source */
  begin(volumes: readonly TrackedVolume[], quiesced: boolean): Promise<TrackedPass>;
  close(): Promise<void>;
}

/** A tracker's part in one pass. */
export interface TrackedPass {
  view(disk: string): DiskView;
  /** What the tracker itself read on the source for this disk, and what travelled for it, in bytes. */
  cost(disk: string): { readonly readBytes: number; readonly wireBytes: number };
  /**
   * To be called when all was read, or when reading failed.
   * @returns disks of which nothing that was read may be believed, and why; they have to be passed over again
   */
  broken(): Promise<ReadonlyMap<string, string>>;
  /** The pass is complete on all disks, and on the target's disk. */
  done(): Promise<void>;
}

/** What every piece of the engine works on. */
export interface StagingContext {
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly store: GuestStore;
  /** Opens one more connection to the source; whoever calls it closes it. */
  readonly connect: () => Promise<Host>;
  /** The connection that short questions are asked over, which stays its owner's; one more is opened without it. */
  readonly host?: () => Promise<Host>;
  /** What was opened for earlier work on the guest's copy, and is kept; without it each opens its own, and closes it. */
  readonly sessions?: SessionKeeper;
  /** Where the guest's volumes are. */
  readonly volumes: VolumeStore;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

export interface TransferOptions {
  /** Limit in bytes a second over all disks and both directions together. */
  readonly bwlimit?: number;
  /** Connections to the source at the most; more than one a disk are opened only while that makes it faster. Default 4. */
  readonly parallel?: number;
  /** Whether snapshots on the source may tell what changed. Default true; without them everything is compared. */
  readonly snapshots?: boolean;
  /** Interpreters of python to try on the source, in this order; with none of them the reader is sh. */
  readonly interpreters?: readonly string[];
}

export interface StageOptions extends TransferOptions {
  /** Passes at the most in this run. Default 10. */
  readonly passes?: number;
  /** Stop as soon as a pass wrote no more than this many bytes. */
  readonly untilDirty?: number;
  /** Stop as soon as the predicted downtime fits in this many ms. */
  readonly maxDowntimeMs?: number;
}

export interface StageRequest extends StagingContext {
  readonly options: StageOptions;
}

/** What reads the source: `python3` (or another interpreter's name) or the slower `sh`. */
export type AgentKind = "python" | "sh";

export interface AgentInfo {
  readonly kind: AgentKind;
  /** Such as `python 3.11.2`, `sh`. */
  readonly name: string;
}

export interface StageResult {
  /** Passes of this run, one per disk and number, oldest first. */
  readonly passes: readonly Pass[];
  readonly stop: StopReason;
  readonly downtime: DowntimePrediction;
  readonly verified: VerifyResult;
  readonly agent: AgentInfo;
}

export interface FinalPassRequest extends StagingContext {
  readonly options: TransferOptions;
  /** The caller's word that nothing writes to the source any more (stopped, frozen or read-only). */
  readonly quiesced: boolean;
}

export interface FinalPassResult {
  /** One per disk. */
  readonly passes: readonly Pass[];
  readonly durationMs: number;
  readonly agent: AgentInfo;
}

/**
 * `sent`: every chunk that was written and not read back since is read from the target and compared with the digest of
 * what was sent. `full`: all of the target is read back, and all of the source is compared with it.
 */
export type VerifyMode = "sent" | "full";

export interface VerifyRequest extends StagingContext {
  readonly mode: VerifyMode;
  readonly options: TransferOptions;
}

export interface VerifiedDisk {
  readonly disk: string;
  readonly comparedBytes: number;
  /** How the target was read back. */
  readonly readBack: VolumeReadBack["how"];
}

export interface VerifyResult {
  readonly mode: VerifyMode;
  readonly disks: readonly VerifiedDisk[];
  readonly durationMs: number;
}
