import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { passesOf, trackingOf } from "../../guest-store.js";
import type { Tracking } from "../../types.js";
import type { Extent, StagingContext, TrackedPass, TrackedVolume, Tracker } from "../types.js";
import { packExtents } from "./extents.js";
import { follow, unfollowed, type Followed } from "./follow.js";
import { deviceNumber, listVolumes, readBootId, type SourceVolume } from "./lvm.js";
import { isThick, thickMethod, type Method } from "./method.js";
import { isOf, removeSnapshot } from "./snapshots.js";
import { isThin, thinMethod } from "./thin.js";
import { watchRoom } from "./watch.js";

export interface LvmTrackerOptions {
  /** Whether snapshots may be made where there are none yet; those that are there are gone on with in any case. */
  readonly arm: boolean;
  /** As TransferOptions has them. */
  readonly interpreters?: readonly string[] | undefined;
}

/**
 * Follows the changes of disks that are logical volumes, by snapshots of them; other disks are read and hashed as they are.
 * Made for one run; what it knows between runs is in the guest's journal.
 */
export function lvmTracker(context: StagingContext, options: LvmTrackerOptions): Tracker {
  return new LvmTracker(context, options);
}

interface Disk {
  readonly volume: TrackedVolume;
  readonly method: Method | undefined;
  readonly origin: SourceVolume | undefined;
  readonly followed: Followed;
}

class LvmTracker implements Tracker {
  private host: Host | undefined;
  /** Disks whose snapshots broke in this run. */
  private readonly given = new Set<string>();
  private watch: { stop(): Promise<void> } | undefined;

  constructor(
    private readonly context: StagingContext,
    private readonly options: LvmTrackerOptions,
  ) {}

  async begin(volumes: readonly TrackedVolume[], quiesced: boolean): Promise<TrackedPass> {
    await this.watch?.stop();
    const trackings = trackingOf(await this.context.store.records());
    if (!this.options.arm && trackings.size === 0) return this.passOf(volumes.map(plainDisk));
    this.host ??= await this.context.connect();
    const host = this.host;
    const found = await this.volumesOf(host);
    const disks: Disk[] = [];
    for (const volume of volumes) {
      disks.push(await this.diskOf(host, volume, found ?? [], trackings.get(volume.plan.disk), quiesced));
    }
    const watched = disks.flatMap(({ followed: { snapshot, tracking }, volume }) =>
      snapshot && tracking?.kind === "snapshot" ? [{ snapshot, originSize: volume.plan.size }] : [],
    );
    if (watched.length > 0) this.watch = watchRoom(host, watched, this.context.report);
    return this.passOf(disks);
  }

  private async volumesOf(host: Host): Promise<readonly SourceVolume[] | undefined> {
    try {
      return await listVolumes(host);
    } catch (thrown) {
      if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
      const text = `everything is compared in this pass: ${thrown.message} on ${host.name}`;
      this.context.report.note({ severity: "warning", text });
      return undefined;
    }
  }

  private async diskOf(
    host: Host,
    volume: TrackedVolume,
    found: readonly SourceVolume[],
    tracking: Tracking | undefined,
    quiesced: boolean,
  ): Promise<Disk> {
    const { disk, sourcePath } = volume.plan;
    const device = await deviceNumber(host, sourcePath);
    const origin = found.find((one) => one.device !== undefined && one.device === device);
    const method = origin && methodOf(origin, this.options.interpreters);
    const { store, report, plan } = this.context;
    const note = (now: Tracking | undefined): Promise<void> =>
      store.append({ type: "tracking", at: Date.now(), disk, ...(now && { tracking: now }) });
    if (tracking !== undefined && method === undefined) {
      const text = `all of ${sourcePath} is compared in this pass: it is no logical volume of that kind any more`;
      report.note({ severity: "warning", text });
      const left = found.find((one) => one.uuid === tracking.snapshot.uuid && isOf(plan.name, one));
      if (left !== undefined) await removeSnapshot(host, left);
      await note(undefined);
    }
    const mayFollow = (this.options.arm || tracking !== undefined) && !this.given.has(disk);
    if (!mayFollow || method === undefined || origin === undefined) return plainDisk(volume);
    const records = await store.records();
    const [bootId, passes] = [await readBootId(host), passesOf(records)];
    const known = { bootId, tracking, passes, volumes: found };
    const request = { host, guest: plan.name, volume, origin, method, ...known, quiesced, report, note };
    try {
      return { volume, method, origin, followed: await follow(request) };
    } catch (thrown) {
      if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
      const why = [thrown.message, thrown.output?.split("\n").at(-1)].filter(Boolean).join(": ");
      report.note({ severity: "warning", text: `all of ${sourcePath} is compared in this pass: ${why}` });
      return plainDisk(volume);
    }
  }

  private passOf(disks: readonly Disk[]): TrackedPass {
    const of = (name: string): Disk => {
      const found = disks.find(({ volume }) => volume.plan.disk === name);
      if (found === undefined) throw new RehomeError("internal", `disk ${name} is not in the pass`);
      return found;
    };
    return {
      view: (disk) => of(disk).followed.view,
      cost: (disk) => of(disk).followed,
      broken: async () => {
        await this.watch?.stop();
        const broken = new Map<string, string>();
        for (const one of disks) {
          const reason = await this.brokenBy(one);
          if (reason === undefined) continue;
          broken.set(one.volume.plan.disk, reason);
          this.given.add(one.volume.plan.disk);
        }
        return broken;
      },
      done: async () => {
        for (const { volume, followed } of disks) {
          if (followed.tracking === undefined) continue;
          const tracking = { ...followed.tracking, pending: packExtents([]) };
          await this.context.store.append({ type: "tracking", at: Date.now(), disk: volume.plan.disk, tracking });
        }
      },
    };
  }

  /** Why what was read of a disk is not to be believed; undefined when it is. */
  private async brokenBy({ followed, method, origin }: Disk): Promise<string | undefined> {
    const { snapshot, atRest } = followed;
    if (snapshot === undefined || method === undefined || origin === undefined) return undefined;
    const host = (this.host ??= await this.context.connect());
    const reason = await method.broken(host, snapshot);
    if (reason !== undefined || atRest === undefined) return reason;
    const read = await method.changes(host, snapshot, undefined, origin);
    if ("reason" in read) return read.reason;
    return same(read.changed, atRest) ? undefined : "something wrote to it although it is at rest";
  }

  async close(): Promise<void> {
    await this.watch?.stop();
    await this.host?.close();
    this.host = undefined;
  }
}

/** How a volume can be followed; undefined when it cannot. */
function methodOf(origin: SourceVolume, interpreters: readonly string[] | undefined): Method | undefined {
  if (isThin(origin)) return thinMethod;
  return isThick(origin) ? thickMethod(interpreters) : undefined;
}

function plainDisk(volume: TrackedVolume): Disk {
  return { volume, method: undefined, origin: undefined, followed: unfollowed(volume) };
}

function same(one: readonly Extent[], other: readonly Extent[]): boolean {
  return packExtents(one) === packExtents(other);
}
