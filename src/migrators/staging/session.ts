import { join } from "node:path";
import type { Volume, VolumeMark } from "../../cluster/volumes/types.js";
import { RehomeError } from "../../lib/errors.js";
import { AgentPool } from "./agent-pool.js";
import { openCopies, type DiskCopy, type OpenVolume } from "./copies.js";
import type { Disk, VolumePlan } from "../types.js";
import { DigestMap, type OpenedMap } from "./digest-map.js";
import type { Note } from "../../lib/report.js";
import { throttle } from "../../lib/throttle.js";
import type { StagingContext, TransferOptions } from "./types.js";

/** One disk of the guest with everything that is open for it. */
export interface DiskJob {
  readonly plan: DiskCopy;
  /** Its place in the agents' list of disks. */
  readonly index: number;
  readonly volume: Volume;
  readonly map: DigestMap;
  /** Heads that move: one reader at a time. */
  readonly rotational: boolean;
  /** Whether the source has anything on it that must arrive. */
  readonly hasContents: boolean;
}

/** What a session is opened for. */
export interface SessionNeeds {
  /** Whether the source's disks are read. They are checked against the plan before anything else. */
  readonly source: boolean;
  /** Whether volumes that do not exist yet are made. */
  readonly make: boolean;
}

/** A volume of the guest, and the disks that are copied into it. */
export interface SessionVolume extends OpenVolume {
  readonly plan: VolumePlan;
  readonly jobs: readonly DiskJob[];
}

/** Volumes, digest maps and agents of a guest, open for passes. */
export interface Session {
  readonly volumes: readonly SessionVolume[];
  /** Of all volumes, in the order in which the agents have the disks. */
  readonly jobs: readonly DiskJob[];
  readonly agents: AgentPool;
  /**
   * Makes sure, of a session that was kept, that it is as good as one that is opened now: the volumes' marks are the same,
   * whoever writes to them answers, and the source is asked for its disks anew.
   * @throws whatever is not so
   */
  renew(needs: SessionNeeds): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens everything.
 * @throws RehomeError disk-changed, disk-missing, volume-missing, volume-foreign, volume-diverged, target-full, and what
 *   connecting throws
 */
export async function openSession(
  context: StagingContext,
  options: TransferOptions,
  needs: SessionNeeds,
): Promise<Session> {
  const agents = new AgentPool(context, throttle(options.bwlimit), options.interpreters);
  const volumes: SessionVolume[] = [];
  const opened: { close(): Promise<void> }[] = [agents];
  const close = (): Promise<void> => all(opened.splice(0).map((one) => one.close()));
  async function renewSource(): Promise<void> {
    agents.readPlanned();
    await agents.first();
  }
  try {
    if (needs.source) await renewSource();
    for (const plan of context.plan.volumes) {
      if (!needs.make) await requireMark(context, plan);
      const volume = await openCopies(context, plan);
      opened.push(volume.volume);
      const jobs: DiskJob[] = [];
      for (const { copy, window } of volume.copies) {
        const index = volumes.reduce((sum, before) => sum + before.jobs.length, jobs.length);
        const job = await openJob(context, copy, window, index);
        opened.push(job.map);
        jobs.push(job);
      }
      volumes.push({ ...volume, plan, jobs });
    }
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    volumes,
    jobs: volumes.flatMap(({ jobs }) => jobs),
    agents,
    async renew({ source }) {
      await all([
        ...(source ? [renewSource()] : []),
        ...volumes.map(async ({ plan, volume }) => {
          const mark = await requireMark(context, plan);
          if (mark.uuid !== volume.mark.uuid || mark.diverged !== undefined) throw missing(plan);
          await volume.flush(); // whoever writes to it answers
        }),
      ]);
    },
    close,
  };
}

/** Waits for all of them, also when one fails: nothing is under way any more afterwards. @throws what the first failed for */
async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === "rejected") throw one.reason as Error;
}

async function requireMark({ volumes }: StagingContext, plan: VolumePlan): Promise<VolumeMark> {
  const mark = await volumes.mark(plan.path);
  if (mark === undefined) throw missing(plan);
  return mark;
}

function missing({ disk, path }: VolumePlan): RehomeError {
  return new RehomeError("volume-missing", `the volume of disk ${disk} is not there`, { path });
}

async function openJob(context: StagingContext, plan: DiskCopy, volume: Volume, index: number): Promise<DiskJob> {
  const opened = await openMap(context, plan, volume);
  const note = noteOn(volume, opened);
  if (note !== undefined) context.report.note(note);
  const { map } = opened;
  const disk = context.machine.disks.find(({ name }) => name === plan.disk);
  return { plan, index, volume, map, rotational: disk?.rotational ?? false, hasContents: hasContents(disk) };
}

/** What to say of a volume of which all is read. On a new one nobody expected anything else. */
function noteOn({ path, unmarked }: Volume, { distrust, existed }: OpenedMap): Note | undefined {
  if (distrust === undefined) return undefined;
  if (unmarked && !existed) {
    return { severity: "info", text: `volume ${path} is new: what is on it is read first, for nobody knows it yet` };
  }
  const text = `nothing is known of volume ${path} (${distrust}): all of it is read and compared again`;
  return { severity: "warning", text };
}

function hasContents(disk: Disk | undefined): boolean {
  return disk !== undefined && (disk.partitionTable ?? disk.format ?? disk.contents[0]) !== undefined;
}

/** The digest map of a disk's volume, in the guest's state folder. */
function openMap({ store }: Pick<StagingContext, "store">, plan: DiskCopy, volume: Volume): Promise<OpenedMap> {
  const { fresh, mark } = volume;
  const { identity, offset } = plan;
  return DigestMap.open(mapPath(store, plan), { version: 1, disk: identity, volume: mark.uuid, offset, fresh });
}

function mapPath(store: StagingContext["store"], plan: DiskCopy): string {
  return join(store.disksFolder, `${plan.disk}.map`);
}
