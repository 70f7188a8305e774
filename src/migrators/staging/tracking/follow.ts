import type { Host } from "../../../lib/host/types.js";
import type { Report } from "../../../lib/report.js";
import type { Pass, Tracking } from "../../types.js";
import type { AgentPool } from "../agent-pool.js";
import { liveView } from "../trackers.js";
import type { DiskView, Extent, TrackedVolume } from "../types.js";
import { reasonToDoubt } from "./doubt.js";
import { mergeExtents, packExtents, unpackExtents } from "./extents.js";
import { listVolumes, type SourceVolume } from "./lvm.js";
import type { Method } from "./method.js";
import { isOf, removeSnapshot, snapshotName } from "./snapshots.js";
import { changeRate } from "./write-rate.js";

/** Everything that following one disk needs to know. */
export interface FollowRequest {
  readonly host: Host;
  readonly agents: AgentPool;
  readonly guest: string;
  readonly volume: TrackedVolume;
  readonly origin: SourceVolume;
  readonly method: Method;
  /** Where the volume lies on the disk that is copied, when it is a part of one. */
  readonly place?: string;
  /** How many volumes are to share the room in the group, this one among them. Default 1. */
  readonly among?: number;
  readonly bootId: string;
  /** As the guest's journal has it. */
  readonly tracking: Tracking | undefined;
  /** All completed passes of the guest. */
  readonly passes: readonly Pass[];
  /** All logical volumes of the machine, as they were a moment ago. */
  readonly volumes: readonly SourceVolume[];
  readonly quiesced: boolean;
  readonly report: Report;
  /** Notes in the guest's journal what is true from now on. */
  readonly note: (tracking: Tracking | undefined) => Promise<void>;
}

/** How one disk is passed over. */
export interface Followed {
  readonly view: DiskView;
  readonly readBytes: number;
  readonly wireBytes: number;
  /** Undefined when the disk is read as it is, and all of it. */
  readonly tracking: Tracking | undefined;
  readonly snapshot: SourceVolume | undefined;
  /** What had changed before a pass with the source at rest; nothing may be added to it. */
  readonly atRest: readonly Extent[] | undefined;
}

const NOTHING_KNOWN = { readBytes: 0, wireBytes: 0, tracking: undefined, snapshot: undefined, atRest: undefined };

/** The disk as it is, all of it. */
export function unfollowed(volume: TrackedVolume): Followed {
  return { ...NOTHING_KNOWN, view: liveView(volume.plan) };
}

/**
 * Finds out what changed on a logical volume since its last pass, and makes the snapshot that this pass reads. Whatever
 * is in doubt: all of it is compared, and it is said why.
 */
export async function follow(request: FollowRequest): Promise<Followed> {
  const { tracking, volume, origin, method, host, report, quiesced } = request;
  const ours = ownSnapshots(request, request.volumes);
  const current = ours.find(({ name }) => name === tracking?.snapshot.name);
  if (tracking === undefined) return begin(request, undefined);
  const standing = { bootId: request.bootId, origin, snapshot: current, volume: volume.volume, place: request.place };
  // what reads a table asks first whether it is one
  const asksFirst = quiesced && method.kind === "snapshot";
  const doubt =
    reasonToDoubt(tracking, standing) ?? (asksFirst ? undefined : current && (await method.broken(host, current)));
  const went = doubt === undefined && current !== undefined ? await goOn(request, tracking, current, ours) : doubt;
  if (typeof went === "object") return went;
  const text = `all of ${volume.plan.sourcePath} is compared in this pass: ${went ?? "its snapshot is not to be found"}`;
  report.note({ severity: "warning", text });
  await request.note(undefined);
  const atLeast = current === undefined ? undefined : current.size * 2;
  return quiesced ? withoutSnapshots(request) : begin(request, atLeast);
}

/** Snapshots that rehome made of this volume for this guest. */
function ownSnapshots({ guest, origin }: FollowRequest, volumes: readonly SourceVolume[]): readonly SourceVolume[] {
  return volumes.filter((one) => isOf(guest, one) && one.group === origin.group && one.origin === origin.name);
}

async function withoutSnapshots(request: FollowRequest): Promise<Followed> {
  const now = (await listVolumes(request.host)) ?? [];
  for (const snapshot of ownSnapshots(request, now)) {
    await removeSnapshot(request.host, snapshot, { backup: !request.quiesced });
  }
  return unfollowed(request.volume);
}

/** The first snapshot, or one after which nothing of before is believed: all of it is still to be copied. */
async function begin(request: FollowRequest, atLeast: number | undefined): Promise<Followed> {
  const { volume, report, origin, quiesced, tracking } = request;
  const live = await withoutSnapshots(request);
  if (quiesced) return live;
  const generation = (tracking?.generation ?? 0) + 1;
  const made = await makeSnapshot(request, generation, atLeast);
  if ("reason" in made) {
    const text = `all of ${volume.plan.sourcePath} is compared in every pass: ${made.reason}`;
    report.note({ severity: "warning", text });
    return live;
  }
  if (tracking === undefined) {
    const what = `snapshot ${origin.group}/${made.snapshot.name} follows what changes on the source`;
    const text = `${what}; it ${made.cost}, until the cutover or rehome cleanup ${request.guest}`;
    report.note({ severity: "info", text });
  }
  const begun = trackingOf(request, generation, made.snapshot, "all");
  await request.note(begun);
  return { ...NOTHING_KNOWN, tracking: begun, snapshot: made.snapshot, view: viewOf(request, begun, made.snapshot) };
}

/** Goes on from the snapshot of the last pass. @returns why that cannot be done, in words */
async function goOn(
  request: FollowRequest,
  tracking: Tracking,
  current: SourceVolume,
  ours: readonly SourceVolume[],
): Promise<Followed | string> {
  const { host, method, origin, quiesced } = request;
  for (const left of ours) if (left.name !== current.name) await removeSnapshot(host, left);
  const interrupted = tracking.pending === "all" || unpackExtents(tracking.pending, origin.size).length > 0;
  if (interrupted && !quiesced) {
    return { ...NOTHING_KNOWN, tracking, snapshot: current, view: viewOf(request, tracking, current) };
  }
  if (quiesced && method.kind === "snapshot") return atRest(request, tracking, current);
  // Migration rule 3: the next map is begun before this one is read, so that no write falls between them.
  const generation = tracking.generation + 1;
  const made = await makeSnapshot(request, generation, current.size);
  if ("reason" in made) return made.reason;
  const read = await method.changes(request, current, made.snapshot, origin);
  if ("reason" in read) return read.reason;
  const next = trackingOf(request, generation, made.snapshot, pendingWith(tracking, read.changed, origin));
  await request.note(next); // what is to be copied must be known before what tells it is removed
  await removeSnapshot(host, current);
  const { readBytes, wireBytes } = read;
  const view = viewOf(request, next, made.snapshot);
  return { view, readBytes, wireBytes, tracking: next, snapshot: made.snapshot, atRest: undefined };
}

/** Nothing writes any more: the last table is complete, and the volume itself is read. */
async function atRest(request: FollowRequest, tracking: Tracking, current: SourceVolume): Promise<Followed | string> {
  const { method, origin, volume } = request;
  const read = await method.changes(request, current, undefined, origin);
  if ("reason" in read) return read.reason;
  const rest = { ...tracking, pending: pendingWith(tracking, read.changed, origin) };
  const { readBytes, wireBytes, changed } = read;
  const view = viewOf(request, rest, current, volume.plan.sourcePath);
  return { view, readBytes, wireBytes, tracking, snapshot: current, atRest: changed };
}

function pendingWith({ pending }: Tracking, changed: readonly Extent[], { size }: SourceVolume): string {
  if (pending === "all") return pending;
  return packExtents(mergeExtents([...unpackExtents(pending, size), ...changed]));
}

async function makeSnapshot(
  request: FollowRequest,
  generation: number,
  atLeast: number | undefined,
): Promise<{ readonly cost: string; readonly snapshot: SourceVolume } | { readonly reason: string }> {
  const { host, guest, origin, method, passes, volume, among = 1 } = request;
  const name = snapshotName(guest, origin, generation);
  if (name === undefined) return { reason: "the name of its snapshot would be too long" };
  const order = { guest, origin, name, changeRate: changeRate(passes, volume.plan.disk), atLeast, among };
  const made = await method.create(host, order);
  if ("reason" in made) return made;
  const snapshot = ownSnapshots(request, (await listVolumes(host)) ?? []).find((one) => one.name === name);
  return snapshot === undefined ? { reason: "its snapshot was made and is not there" } : { ...made, snapshot };
}

function trackingOf(request: FollowRequest, generation: number, made: SourceVolume, pending: string): Tracking {
  const { group, name, uuid, size } = request.origin;
  return {
    kind: request.method.kind,
    volume: request.volume.volume,
    bootId: request.bootId,
    origin: { group, name, uuid, size },
    ...(request.place !== undefined && { place: request.place }),
    generation,
    snapshot: { name: made.name, uuid: made.uuid },
    pending,
  };
}

/**
 * Where all is to be copied the volume itself is read: a snapshot is read in single chunks, many times as slowly, and
 * what is written meanwhile is in its table, so that the next pass makes the copy whole.
 * @param changedFrom what is read where it is known what changed; the snapshot without it
 */
function viewOf(
  { volume, method }: FollowRequest,
  { pending, kind }: Tracking,
  snapshot: SourceVolume,
  changedFrom = `/dev/mapper/${snapshot.dmName}`,
): DiskView {
  const { size, sourcePath } = volume.plan;
  const changed = pending === "all" ? ("unknown" as const) : unpackExtents(pending, size);
  const device = changed === "unknown" ? sourcePath : changedFrom;
  return {
    tracker: changed === "unknown" ? "hash" : kind,
    instant: `/${snapshot.uuid}`,
    stretches: [{ offset: 0, length: size, device, deviceOffset: 0, changed, coarse: method.coarse }],
  };
}
