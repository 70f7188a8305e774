import { runSeveral } from "../../../lib/host/run-several.js";
import type { Host } from "../../../lib/host/types.js";
import type { AgentPool } from "../agent-pool.js";
import type { SourceAgent } from "../agent-types.js";
import { BLOCK_SIZE, CHUNK_SIZE, type Extent } from "../types.js";
import { blockRuns } from "../work.js";
import { BadStore, readExceptions } from "./exception-store.js";
import { lengthOf } from "./extents.js";
import { dmUuid, type SourceVolume } from "./lvm.js";
import { parseStatus, snapshotStatus, stateLine, stateOf, uuidOf } from "./snapshots.js";

/** A source that is asked: by programs, and by agents that read its devices. */
export interface Asked {
  readonly host: Host;
  readonly agents: AgentPool;
}

/** Extents of the origin that changed since the snapshot was made, and what it took to learn them; or why nobody knows. */
export type TableRead =
  | { readonly changed: readonly Extent[]; readonly readBytes: number; readonly wireBytes: number }
  | { readonly reason: string };

/**
 * Reads a snapshot's table of exceptions past the page cache; valid before and after, or it says nothing. The kernel lets
 * a write to the origin go on only after its exception is on the disk, so every write that has ended is in the table.
 */
export async function readTable(
  { host, agents }: Asked,
  snapshot: SourceVolume,
  originSize: number,
): Promise<TableRead> {
  const name = `${snapshot.dmName}-cow`;
  const [uuid, state, store, table] = await runSeveral(host, [
    ...stateOf(snapshot),
    uuidOf(name),
    ["dmsetup", "table", snapshot.dmName],
  ]);
  const line = stateLine(host, snapshot, uuid, state);
  const status = typeof line === "string" ? parseStatus(line) : line;
  if (!status.valid) return status;
  if (store.stdout.trim() !== dmUuid(snapshot, "cow")) return { reason: "the snapshot's store is not to be found" };
  const chunkSize = chunkSizeOf(table.stdout);
  if (chunkSize === undefined) return { reason: `the snapshot's table is "${table.stdout.trim()}"` };
  const before = agents.wireBytes();
  const { metadata } = status;
  let readBytes = 0;
  let changed: readonly Extent[];
  try {
    changed = await agents.aside([{ path: `/dev/mapper/${name}` }], (agent) => {
      const read = async (extents: readonly Extent[]): Promise<readonly Buffer[]> => {
        readBytes += lengthOf(extents);
        return readExtents(agent, extents);
      };
      return readExceptions(read, { chunkSize, originSize, storeSize: snapshot.size, metadata });
    });
  } catch (thrown) {
    if (thrown instanceof BadStore) return { reason: thrown.message };
    const after = await snapshotStatus(host, snapshot);
    if (!after.valid) return after;
    throw thrown;
  }
  const after = await snapshotStatus(host, snapshot);
  return after.valid ? { changed, readBytes, wireBytes: agents.wireBytes() - before } : after;
}

/**
 * Bytes of a snapshot's chunks by a line of `dmsetup table`: `0 131072 snapshot 254:5 254:6 P 8`, in sectors. The agent reads
 * whole blocks, and so whole chunks. Undefined when the line is anything else.
 */
export function chunkSizeOf(line: string): number | undefined {
  const sectors = /^0 \d+ snapshot \d+:\d+ \d+:\d+ (?:P|PO) (\d+)\b/.exec(line.trim())?.[1];
  const bytes = Number(sectors) * 512;
  return bytes > 0 && bytes % BLOCK_SIZE === 0 ? bytes : undefined;
}

/** Whole blocks of the agent's first device, each extent in a buffer of its own. */
async function readExtents(agent: SourceAgent, extents: readonly Extent[]): Promise<readonly Buffer[]> {
  const blocks = new Map<number, Buffer>();
  for (const { first, bitmaps } of blockRuns(extents)) {
    const data = (chunk: number, bitmap: number, pieces: readonly Buffer[]): void => {
      const all = Buffer.concat(pieces);
      let place = 0;
      for (let block = 0; bitmap >> block !== 0; block += 1) {
        if (((bitmap >> block) & 1) === 0) continue;
        blocks.set((chunk * CHUNK_SIZE) / BLOCK_SIZE + block, all.subarray(place, place + BLOCK_SIZE));
        place += BLOCK_SIZE;
      }
    };
    await agent.readBlocks({ disk: 0, first, bitmaps, sink: { data, travelled: () => undefined } });
  }
  return extents.map(({ offset, length }) => {
    const whole = Buffer.alloc(length); // blocks that did not come are zeros
    for (let at = 0; at < length; at += BLOCK_SIZE) blocks.get((offset + at) / BLOCK_SIZE)?.copy(whole, at);
    return whole;
  });
}
