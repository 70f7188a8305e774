import type { Host } from "../../../lib/host/types.js";
import { formatSize } from "../../../lib/units.js";
import type { Tracking } from "../../types.js";
import { groupSpace, type SourceVolume } from "./lvm.js";
import { roomFor } from "./room.js";
import { readTable, type Asked, type TableRead } from "./snapshot-table.js";
import { createSnapshot, snapshotStatus } from "./snapshots.js";
import { averageWriteRate } from "./write-rate.js";

/** A way of following a logical volume's changes by snapshots of it. */
export interface Method {
  readonly kind: Tracking["kind"];
  /** Whether it tells changes only in units so large that what is in them is better compared. */
  readonly coarse: boolean;
  /** Makes a snapshot. @returns what it costs the source, in words; or why there is none */
  create(host: Host, order: SnapshotOrder): Promise<{ readonly cost: string } | { readonly reason: string }>;
  /** What changed between two snapshots, the later one being the origin as it is where there is none. */
  changes(
    asked: Asked,
    earlier: SourceVolume,
    later: SourceVolume | undefined,
    origin: SourceVolume,
  ): Promise<TableRead>;
  /** Why a snapshot cannot be read or believed any more; undefined while it can. */
  broken(host: Host, snapshot: SourceVolume): Promise<string | undefined>;
}

export interface SnapshotOrder {
  readonly guest: string;
  readonly origin: SourceVolume;
  readonly name: string;
  /** Bytes a second that changed on the volume so far. */
  readonly changeRate: number;
  /** Bytes of room that it should have, from experience with the last one. */
  readonly atLeast: number | undefined;
  /** Volumes of the group that are about to get a snapshot, this one among them: none takes all of the room. */
  readonly among: number;
}

/** Thick volumes: dm-snapshot, which keeps a table of the blocks that were written to. */
export const thickMethod: Method = {
  kind: "snapshot",
  coarse: false,
  async create(host, { guest, origin, name, changeRate, atLeast, among }) {
    const rate = Math.max(changeRate, origin.device === undefined ? 0 : await averageWriteRate(host, origin.device));
    const space = await groupSpace(host, origin.group);
    const room = roomFor(origin.size, rate, space, atLeast, among);
    if (room === undefined) {
      return { reason: `volume group ${origin.group} has no room for a snapshot (${formatSize(space.free)} free)` };
    }
    await createSnapshot(host, origin, name, guest, room);
    const unit = formatSize(room.chunkSize);
    return { cost: `takes ${formatSize(room.size)} there, and the first write to each ${unit} costs a copy of it` };
  },
  changes: (asked, earlier, _later, origin) => readTable(asked, earlier, origin.size),
  async broken(host, snapshot) {
    const status = await snapshotStatus(host, snapshot);
    return status.valid ? undefined : status.reason;
  },
};

const SNAPSHOTTED: readonly RegExp[] = [/^linear$/, /^striped$/, /^raid\d/, /^mirror$/];

/** Whether dm-snapshot can follow a volume. */
export function isThick({ kinds, origin }: SourceVolume): boolean {
  return origin === "" && kinds.every((kind) => SNAPSHOTTED.some((known) => known.test(kind)));
}
