import { RehomeError } from "../../../lib/errors.js";
import { leftOutOf } from "../../guest-store.js";
import type { Tracking } from "../../types.js";
import type { Extent, TrackedVolume } from "../types.js";
import { candidatesOn, type Candidate } from "./candidates.js";
import { packExtents, unpackExtents } from "./extents.js";
import type { Followed } from "./follow.js";
import { noteOf, plainDisk, watchedOf, type FollowedDisk, type PreparedDisk, type Run } from "./followed-disk.js";
import { listVolumes, type SourceVolume } from "./lvm.js";
import { isSound, isWhole, piecesOf, placeOf, readLayout, type Layout, type Piece } from "./places.js";
import { leftOutOn, stretchesOn, type Followable } from "./project.js";
import { isOf, removeSnapshot } from "./snapshots.js";
import { brokenBy, followOne, giveUp } from "./volume-disk.js";
import { writtenTo } from "./write-rate.js";

/*
 * A disk that has logical volumes among other things. Each volume that lies on it in linear pieces, and nowhere else, is
 * followed as a disk of its own would be; its changes are then said in bytes of the disk. What is not followed (partition
 * table, boot loader, /boot, LVM's metadata, swap, volumes of other kinds, free room) is compared.
 *
 * The snapshots are in the volume group that is copied. What they keep is no part of the copy: it has zeros there, which
 * are an empty snapshot to the kernel, so that a copy of the group as it is between two passes can be activated. Their
 * names must not be in the copy in the end, so that at rest, in this order:
 *   1. what was written to each volume is noted (the kernel's counter), the last table read, and proven valid;
 *   2. the journal forgets what follows the volumes: a run that dies from here on compares everything the next time;
 *   3. the snapshots are removed, and proven gone; LVM's metadata are clean from here on;
 *   4. where everything lies is asked again, and must be as before;
 *   5. the disk is read: LVM's metadata with all that is compared, of the volumes what changed;
 *   6. the counters and places must be what they were, or the pass is not believed.
 */

interface Part extends Candidate {
  readonly followed: Followed;
  /** What the kernel counted before the last table was read; at rest only. */
  readonly written?: string | undefined;
}

/**
 * Follows what can be followed on a disk, as far as that is asked for.
 * @param device the disk's `major:minor`
 */
export async function prepareWholeDisk(run: Run, volume: TrackedVolume, device: string): Promise<PreparedDisk> {
  const { quiesced, host, trackings } = run;
  const name = volume.plan.disk;
  const failed = (thrown: unknown): FollowedDisk => compared(run, volume, thrown);
  const settled = (settle: PreparedDisk["settle"]): PreparedDisk => ({
    withNames: true,
    settle: () => settle().catch(failed),
  });
  if (run.found === undefined) return settled(() => Promise.resolve(plainDisk(volume)));
  try {
    const before = await readLayout(host, device);
    const candidates = await candidatesOn(run, volume, before);
    await giveUpOthers(run, name, candidates);
    const parts = await followAll(run, candidates);
    if (!quiesced) return settled(() => running(run, volume, device, parts));
    const ours = await oursOn(run, before);
    for (const known of trackings.keys()) if (known.startsWith(`${name}/`)) await noteOf(run, known)(undefined);
    return settled(() => resting(run, volume, device, parts, ours));
  } catch (thrown) {
    const plain = failed(thrown);
    return settled(() => Promise.resolve(plain));
  }
}

/** What LVM cannot tell is compared. @throws whatever else went wrong */
function compared({ report }: Run, volume: TrackedVolume, thrown: unknown): FollowedDisk {
  if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
  const text = `all of ${volume.plan.sourcePath} is compared in this pass: ${thrown.message}`;
  report.note({ severity: "warning", text });
  return plainDisk(volume);
}

/** Volumes that were followed and cannot be any more. */
async function giveUpOthers(run: Run, disk: string, candidates: readonly Candidate[]): Promise<void> {
  for (const [name, { origin }] of run.trackings) {
    if (!name.startsWith(`${disk}/`) || candidates.some((one) => one.name === name)) continue;
    await giveUp(run, name, `/dev/${origin.group}/${origin.name}`);
  }
}

async function followAll(run: Run, candidates: readonly Candidate[]): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { volume, origin, method, place, name } = candidate;
    if (run.quiesced && !run.trackings.has(name)) continue;
    const waiting = candidates.slice(index).filter((one) => one.name === name || !run.trackings.has(one.name));
    const inside = { place, among: run.trackings.has(name) ? 1 : waiting.length };
    const written = run.quiesced ? await writtenTo(run.host, origin.device ?? "") : undefined;
    const followed = await followOne(run, volume, origin, method, inside);
    if (followed !== undefined) parts.push({ ...candidate, followed, written });
  }
  return parts;
}

async function running(run: Run, volume: TrackedVolume, device: string, parts: readonly Part[]): Promise<FollowedDisk> {
  const layout = await readLayout(run.host, device);
  const kept = parts.filter(({ followed: { tracking } }) => tracking !== undefined);
  const believed = believedIn(run, layout, kept);
  const leftOut = await noteLeftOut(run, volume, layout, await oursOn(run, layout));
  return {
    ...composed(volume, layout, believed, leftOut),
    watched: kept.flatMap(({ followed, origin }) => watchedOf(followed, origin.size)),
    trackings: new Map(believed.flatMap(({ name, followed }) => named(name, followed.tracking))),
    broken: () => brokenOf(run, device, believed, (part) => brokenBy(run, part.followed, part.method, part.origin)),
  };
}

/** @param ours where snapshots were until now */
async function resting(
  run: Run,
  volume: TrackedVolume,
  device: string,
  parts: readonly Part[],
  ours: readonly Piece[],
): Promise<FollowedDisk> {
  const layout = await readLayout(run.host, device);
  const known = parts.filter(({ followed: { atRest } }) => atRest !== undefined); // of the others it was said
  const believed = believedIn(run, layout, known, ({ written }) =>
    written === undefined ? "the kernel does not count what is written to it" : undefined,
  );
  const leftOut = await noteLeftOut(run, volume, layout, [], ours);
  return {
    ...composed(volume, layout, believed, leftOut),
    watched: [],
    trackings: new Map(),
    broken: () =>
      brokenOf(run, device, believed, async ({ written, origin }) =>
        written === (await writtenTo(run.host, origin.device ?? ""))
          ? undefined
          : "something wrote to it although it is at rest",
      ),
  };
}

/** What lies where it lay when it was asked what changed; of the rest it is said why all of it is compared. */
function believedIn(
  { report }: Run,
  layout: Layout,
  parts: readonly Part[],
  ask: (part: Part) => string | undefined = () => undefined,
): readonly Part[] {
  return parts.filter((part) => {
    const why = isWhere(layout, part) ? ask(part) : MOVED;
    if (why === undefined) return true;
    const text = `all of ${part.volume.plan.sourcePath} is compared in this pass: ${why}`;
    report.note({ severity: "warning", text });
    return false;
  });
}

const MOVED = "it lies elsewhere on its disk than a moment ago";

/** Asks of each part, when all was read, whether it broke; what did is not followed any more. @returns the first reason */
async function brokenOf(
  { host, given }: Run,
  device: string,
  parts: readonly Part[],
  ask: (part: Part) => Promise<string | undefined>,
): Promise<string | undefined> {
  if (parts.length === 0) return undefined;
  const layout = await readLayout(host, device).catch((thrown: unknown) => {
    if (thrown instanceof RehomeError && thrown.code === "command-failed") return undefined; // nobody knows: it broke
    throw thrown;
  });
  let reason: string | undefined;
  for (const part of parts) {
    const why = layout !== undefined && isWhere(layout, part) ? await ask(part) : MOVED;
    if (why === undefined) continue;
    given.add(part.name);
    reason ??= `${part.volume.plan.sourcePath}: ${why}`;
  }
  return reason;
}

/**
 * Removes rehome's snapshots of the guest at rest. LVM keeps no backup of its metadata then: the file system is read-only.
 * @throws RehomeError command-failed when a snapshot is still there: its name would be in the copy for ever
 */
export async function removeAllSnapshots({ host, context }: Run): Promise<void> {
  const ours = async (): Promise<readonly SourceVolume[]> =>
    ((await listVolumes(host)) ?? []).filter((one) => isOf(context.plan.name, one));
  for (const snapshot of await ours()) await removeSnapshot(host, snapshot, { backup: false });
  const [left] = await ours();
  if (left === undefined) return;
  throw new RehomeError("command-failed", `snapshot ${left.group}/${left.name} is still there`, {
    machine: host.name,
    remedy: `look at the source (lvs, dmesg); rehome cleanup ${context.plan.name} removes it while the source works`,
  });
}

/** Where rehome's snapshots of this guest keep what was overwritten, as far as they lie on this disk and nowhere else. */
async function oursOn({ host, context }: Run, layout: Layout): Promise<readonly Piece[]> {
  const snapshots = ((await listVolumes(host)) ?? []).filter((one) => isOf(context.plan.name, one));
  return snapshots.flatMap((snapshot) => {
    const pieces = piecesOf(layout, snapshot.group, snapshot.name);
    return isWhole(layout, pieces, snapshot) ? pieces : [];
  });
}

/** Works out what is left out, and notes it before anything of it is zeros on the target. @param once ours until now */
async function noteLeftOut(
  { context: { store } }: Run,
  { plan: { disk, size } }: TrackedVolume,
  layout: Layout,
  ours: readonly Piece[],
  once: readonly Extent[] = [],
): Promise<readonly Extent[]> {
  const known = leftOutOf(await store.records(), disk);
  const before = known === undefined ? [] : unpackExtents(known, size);
  const leftOut = isSound(layout, size) ? leftOutOn(layout.pieces, ours, [...before, ...once]) : [];
  const extents = packExtents(leftOut);
  if (extents !== (known ?? packExtents([]))) await store.append({ type: "left-out", at: Date.now(), disk, extents });
  return leftOut;
}

function isWhere(layout: Layout, { origin, place }: Candidate): boolean {
  const pieces = piecesOf(layout, origin.group, origin.name);
  return isWhole(layout, pieces, origin) && placeOf(pieces) === place;
}

function composed(
  volume: TrackedVolume,
  layout: Layout,
  parts: readonly Part[],
  leftOut: readonly Extent[],
): Pick<FollowedDisk, "volume" | "view" | "cost"> {
  const { sourcePath, size } = volume.plan;
  const followable = parts.map(({ origin, volume: { plan }, followed: { view } }): Followable => {
    const { device, changed = "unknown" } = view.stretches[0] ?? {};
    const pieces = piecesOf(layout, origin.group, origin.name);
    // a volume that is read itself, and not its snapshot, is read where it lies: from the disk
    return { pieces, device: device === plan.sourcePath ? undefined : device, changed };
  });
  const stretches = stretchesOn({ path: sourcePath, size }, followable, leftOut);
  const sum = (key: "readBytes" | "wireBytes"): number => parts.reduce((all, { followed }) => all + followed[key], 0);
  return {
    volume,
    view: {
      tracker: stretches.some(({ changed }) => changed !== "unknown") ? "snapshot" : "hash",
      instant: parts.map(({ followed }) => followed.view.instant).join(""),
      stretches,
      leftOut,
    },
    cost: { readBytes: sum("readBytes"), wireBytes: sum("wireBytes") },
  };
}

function named(name: string, tracking: Tracking | undefined): readonly (readonly [string, Tracking])[] {
  return tracking === undefined ? [] : [[name, tracking]];
}
