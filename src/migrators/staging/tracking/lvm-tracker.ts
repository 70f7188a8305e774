import { RehomeError } from "../../../lib/errors.js";
import { commandFailed } from "../../../lib/host/run.js";
import { runSeveral } from "../../../lib/host/run-several.js";
import type { Host, RunResult } from "../../../lib/host/types.js";
import type { Note, Report } from "../../../lib/report.js";
import { trackingOf } from "../../guest-store.js";
import type { AgentPool } from "../agent-pool.js";
import type { StagingContext, TrackedPass, TrackedVolume, Tracker } from "../types.js";
import { packExtents } from "./extents.js";
import { plainDisk, prepared, type FollowedDisk, type PreparedDisk, type Run } from "./followed-disk.js";
import { BOOT_ID, deviceAt, deviceIn, VOLUMES, volumesIn, type SourceVolume } from "./lvm.js";
import { followVolumeDisk, giveUp } from "./volume-disk.js";
import { watchRoom } from "./watch.js";
import { prepareWholeDisk, removeAllSnapshots } from "./whole-disk.js";

export interface LvmTrackerOptions {
  /** Whether snapshots may be made where there are none yet; those that are there are gone on with in any case. */
  readonly arm: boolean;
  /** They read what tells of changes. */
  readonly agents: AgentPool;
}

/**
 * Follows the changes of logical volumes, whether they are a disk that is copied or lie on one, by snapshots of them; what
 * else is on disks is read and hashed as it is.
 * Made for one run; what it knows between runs is in the guest's journal.
 */
export function lvmTracker(context: StagingContext, options: LvmTrackerOptions): Tracker {
  return new LvmTracker(context, options);
}

class LvmTracker implements Tracker {
  private own: Host | undefined;
  private readonly given = new Set<string>();
  private readonly report: Report;
  private watch: { stop(): Promise<void> } | undefined;

  constructor(
    private readonly context: StagingContext,
    private readonly options: LvmTrackerOptions,
  ) {
    this.report = onceEach(context.report);
  }

  async begin(volumes: readonly TrackedVolume[], quiesced: boolean): Promise<TrackedPass> {
    await this.watch?.stop();
    const records = await this.context.store.records();
    const ever = records.some(({ type }) => type === "tracking");
    if (!this.options.arm && !ever) return this.passOf(volumes.map(plainDisk));
    const host = await this.openHost();
    const { context, report, given } = this;
    const paths = volumes.map(({ plan }) => plan.sourcePath);
    const [listed, bootId, ...devices] = await runSeveral(host, [VOLUMES, BOOT_ID, ...paths.map(deviceAt)]);
    if (bootId.exitCode !== 0) throw commandFailed(host, bootId);
    const run: Run = {
      ...{ context, host, report, records, given, quiesced },
      trackings: trackingOf(records),
      found: this.volumesIn(host, listed),
      bootId: bootId.stdout.trim(),
      ...this.options,
    };
    const ready: PreparedDisk[] = [];
    for (const [index, volume] of volumes.entries()) {
      const device = devices[index];
      ready.push(await this.prepare(run, volume, device && deviceIn(device)));
    }
    if (quiesced && ready.some(({ withNames }) => withNames)) await removeAllSnapshots(run);
    const disks: FollowedDisk[] = [];
    for (const disk of ready) disks.push(await disk.settle());
    const watched = disks.flatMap((disk) => disk.watched);
    if (watched.length > 0) this.watch = watchRoom(host, watched, report);
    return this.passOf(disks);
  }

  /** The connection that its owner keeps, or one of the tracker's own. */
  private async openHost(): Promise<Host> {
    if (this.context.host !== undefined) return this.context.host();
    return (this.own ??= await this.context.connect());
  }

  private volumesIn(host: Host, listed: RunResult): readonly SourceVolume[] | undefined {
    try {
      return volumesIn(host, listed);
    } catch (thrown) {
      if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
      const text = `everything is compared in this pass: ${thrown.message} on ${host.name}`;
      this.report.note({ severity: "warning", text });
      return undefined;
    }
  }

  /** @param device its `major:minor`; undefined when it is no block device */
  private async prepare(run: Run, volume: TrackedVolume, device: string | undefined): Promise<PreparedDisk> {
    const { disk, sourcePath } = volume.plan;
    const origin = run.found?.find((one) => one.device !== undefined && one.device === device);
    if (origin !== undefined) return prepared(await followVolumeDisk(run, volume, origin));
    await giveUp(run, disk, sourcePath);
    return device === undefined || !this.isOwn(disk)
      ? prepared(plainDisk(volume))
      : prepareWholeDisk(run, volume, device);
  }

  /**
   * Whether the machine itself uses the disk, so that what it writes to volumes on it goes through device-mapper. A
   * hypervisor's guest writes past its host's, whatever the host's LVM sees on the disk.
   */
  private isOwn(name: string): boolean {
    const { disks, boot } = this.context.machine;
    const disk = disks.find((one) => one.name === name);
    return disk !== undefined && disk.backend === undefined && boot === undefined;
  }

  private passOf(disks: readonly FollowedDisk[]): TrackedPass {
    const of = (name: string): FollowedDisk => {
      const found = disks.find(({ volume }) => volume.plan.disk === name);
      if (found === undefined) throw new RehomeError("internal", `disk ${name} is not in the pass`);
      return found;
    };
    return {
      view: (disk) => of(disk).view,
      cost: (disk) => of(disk).cost,
      broken: async () => {
        await this.watch?.stop();
        const broken = new Map<string, string>();
        for (const disk of disks) {
          const reason = await disk.broken();
          if (reason !== undefined) broken.set(disk.volume.plan.disk, reason);
        }
        return broken;
      },
      done: async () => {
        for (const [disk, known] of disks.flatMap(({ trackings }) => [...trackings])) {
          const tracking = { ...known, pending: packExtents([]) };
          await this.context.store.append({ type: "tracking", at: Date.now(), disk, tracking });
        }
      },
    };
  }

  async close(): Promise<void> {
    await this.watch?.stop();
    await this.own?.close();
    this.own = undefined;
  }
}

/** Says the same only once: a run may have many passes. */
function onceEach(report: Report): Report {
  const said = new Set<string>();
  const note = (one: Note): void => {
    if (!said.has(one.text)) report.note(one);
    said.add(one.text);
  };
  return { ...report, note };
}
