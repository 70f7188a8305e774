import { RehomeError } from "../../../lib/errors.js";
import { passesOf } from "../../guest-store.js";
import type { Extent, TrackedVolume } from "../types.js";
import { packExtents } from "./extents.js";
import { follow, type Followed } from "./follow.js";
import { methodOf, noteOf, plainDisk, watchedOf, type FollowedDisk, type Run } from "./followed-disk.js";
import type { SourceVolume } from "./lvm.js";
import type { Method } from "./method.js";
import { isOf, removeSnapshot } from "./snapshots.js";

/** Where a logical volume lies on a disk, and how many are to share the room of its group. */
export interface Inside {
  readonly place: string;
  readonly among: number;
}

/** Follows a disk that is a logical volume. */
export async function followVolumeDisk(run: Run, volume: TrackedVolume, origin: SourceVolume): Promise<FollowedDisk> {
  const method = methodOf(origin);
  if (method === undefined) await giveUp(run, volume.plan.disk, volume.plan.sourcePath);
  const followed = method && (await followOne(run, volume, origin, method));
  if (method === undefined || followed === undefined) return plainDisk(volume);
  const { disk, size } = volume.plan;
  return {
    volume,
    view: followed.view,
    cost: followed,
    watched: watchedOf(followed, size),
    trackings: new Map(followed.tracking ? [[disk, followed.tracking]] : []),
    async broken() {
      const reason = await brokenBy(run, followed, method, origin);
      if (reason !== undefined) run.given.add(disk);
      return reason;
    },
  };
}

/** What the journal says of a volume that is not there any more as it was: its snapshot goes, and nothing is believed. */
export async function giveUp(run: Run, name: string, path: string): Promise<void> {
  const tracking = run.trackings.get(name);
  if (tracking === undefined) return;
  const text = `all of ${path} is compared in this pass: it is no logical volume of that kind any more`;
  run.report.note({ severity: "warning", text });
  const { host, context, found = [] } = run;
  const left = found.find((one) => one.uuid === tracking.snapshot.uuid && isOf(context.plan.name, one));
  if (left !== undefined) await removeSnapshot(host, left, { backup: !run.quiesced });
  await noteOf(run, name)(undefined);
}

/**
 * Follows one logical volume, as far as that is asked for and possible.
 * @param inside when it is a part of the disk that is copied
 * @returns undefined when it is not followed in this pass, which was said
 */
export async function followOne(
  run: Run,
  volume: TrackedVolume,
  origin: SourceVolume,
  method: Method,
  inside?: Inside,
): Promise<Followed | undefined> {
  const { context, host, agents, records, bootId, quiesced, report } = run;
  const { disk, sourcePath } = volume.plan;
  const tracking = run.trackings.get(disk);
  if ((!run.arm && tracking === undefined) || run.given.has(disk)) return undefined;
  const passes = passesOf(records);
  const known = { bootId, tracking, passes, volumes: run.found ?? [], ...inside };
  const note = noteOf(run, disk);
  try {
    return await follow({
      host,
      agents,
      guest: context.plan.name,
      volume,
      origin,
      method,
      ...known,
      quiesced,
      report,
      note,
    });
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
    const why = [thrown.message, thrown.output?.split("\n").at(-1)].filter(Boolean).join(": ");
    report.note({ severity: "warning", text: `all of ${sourcePath} is compared in this pass: ${why}` });
    return undefined;
  }
}

/** Why what was read of a volume is not to be believed; undefined when it is. */
export async function brokenBy(
  { host, agents }: Pick<Run, "host" | "agents">,
  { snapshot, atRest }: Followed,
  method: Method,
  origin: SourceVolume,
): Promise<string | undefined> {
  if (snapshot === undefined) return undefined;
  if (atRest === undefined) return method.broken(host, snapshot);
  const read = await method.changes({ host, agents }, snapshot, undefined, origin); // which asks before and after if it is valid
  if ("reason" in read) return read.reason;
  return same(read.changed, atRest) ? undefined : "something wrote to it although it is at rest";
}

function same(one: readonly Extent[], other: readonly Extent[]): boolean {
  return packExtents(one) === packExtents(other);
}
