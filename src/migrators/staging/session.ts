import { join } from "node:path";
import type { Volume } from "../../cluster/volumes/types.js";
import { AgentPool } from "./agent-pool.js";
import { openCopies, type DiskCopy, type OpenVolume } from "./copies.js";
import type { Disk } from "../types.js";
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
  const volumes: OpenVolume[] = [];
  async function close(): Promise<void> {
    await agents.close();
    for (const { map } of jobs) await map.close();
    for (const { volume } of volumes) await volume.close();
  }
  try {
    const { hello } = await agents.first();
    for (const plan of context.plan.volumes) volumes.push(await openCopies(context, plan));
    for (const [index, { copy, window }] of volumes.flatMap(({ copies }) => copies).entries()) {
      jobs.push(await openJob(context, copy, window, index));
    }
    return { jobs, agents, bootId: hello.bootId, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
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
export function openMap({ store }: Pick<StagingContext, "store">, plan: DiskCopy, volume: Volume): Promise<OpenedMap> {
  const { fresh, mark } = volume;
  const { identity, offset } = plan;
  return DigestMap.open(mapPath(store, plan), { version: 1, disk: identity, volume: mark.uuid, offset, fresh });
}

function mapPath(store: StagingContext["store"], plan: DiskCopy): string {
  return join(store.disksFolder, `${plan.disk}.map`);
}
