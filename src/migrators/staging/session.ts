import { join } from "node:path";
import type { Volume } from "../../cluster/volumes/types.js";
import { RehomeError } from "../../lib/errors.js";
import type { VolumePlan } from "../types.js";
import { AgentPool } from "./agent-pool.js";
import { DigestMap } from "./digest-map.js";
import { throttle } from "../../lib/throttle.js";
import type { StagingContext, TransferOptions } from "./types.js";

/** One disk of the guest with everything that is open for it. */
export interface DiskJob {
  readonly plan: VolumePlan;
  /** Its place in the agents' list of disks. */
  readonly index: number;
  readonly volume: Volume;
  readonly map: DigestMap;
  /** Heads that move: one reader at a time. */
  readonly rotational: boolean;
  /** Whether the source has anything on it that must arrive. */
  readonly hasContents: boolean;
}

/** Volumes, digest maps and agents of a guest, open for passes. */
export interface Session {
  readonly jobs: readonly DiskJob[];
  readonly agents: AgentPool;
  /** The source's boot id as its first agent said it. */
  readonly bootId: string;
  close(): Promise<void>;
}

/**
 * Opens everything, and makes the volumes that do not exist yet; the source's disks are checked against the plan first.
 * @throws RehomeError disk-changed, disk-missing, volume-foreign, volume-diverged, target-full, and what connecting throws
 */
export async function openSession(context: StagingContext, options: TransferOptions): Promise<Session> {
  const agents = new AgentPool(context, throttle(options.bwlimit), options.interpreters);
  const jobs: DiskJob[] = [];
  async function close(): Promise<void> {
    await agents.close();
    for (const { volume, map } of jobs) {
      await map.close();
      await volume.close();
    }
  }
  try {
    const { hello } = await agents.first();
    for (const [index, plan] of context.plan.volumes.entries()) jobs.push(await openJob(context, plan, index));
    return { jobs, agents, bootId: hello.bootId, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function openJob(context: StagingContext, plan: VolumePlan, index: number): Promise<DiskJob> {
  const guest = context.plan.name;
  const volume = await context.volumes.open({ path: plan.path, guest, disk: plan.disk, size: plan.size });
  try {
    refuseDiverged(volume);
    const { map, distrust } = await openMap(context, plan, volume);
    if (distrust !== undefined) {
      context.report.note({
        severity: "warning",
        text: `nothing is known of volume ${volume.path} (${distrust}): all of it is read and compared again`,
      });
    }
    const disk = context.machine.disks.find(({ name }) => name === plan.disk);
    const hasContents = disk !== undefined && (disk.partitionTable !== undefined || disk.contents.length > 0);
    return { plan, index, volume, map, rotational: disk?.rotational ?? false, hasContents };
  } catch (thrown) {
    await volume.close();
    throw thrown;
  }
}

/** The digest map of a disk's volume, in the guest's state folder. */
export function openMap(
  { store }: Pick<StagingContext, "store">,
  plan: VolumePlan,
  volume: Volume,
): ReturnType<typeof DigestMap.open> {
  const { fresh, mark } = volume;
  return DigestMap.open(mapPath(store, plan), { version: 1, disk: plan.identity, volume: mark.uuid, fresh });
}

function mapPath(store: StagingContext["store"], plan: VolumePlan): string {
  return join(store.disksFolder, `${plan.disk}.map`);
}

/** Migration rule 11: what was converted or has run is no copy any more. */
export function refuseDiverged({ path, mark }: Volume): void {
  if (mark.diverged === undefined) return;
  throw new RehomeError("volume-diverged", `the volume is no copy of the source any more (${mark.diverged})`, {
    path,
    remedy: "roll the guest back first; to start from nothing, remove the volume and its mark",
  });
}
