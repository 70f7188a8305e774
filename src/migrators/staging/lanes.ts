import type { Report } from "../../lib/report.js";
import type { AgentPool } from "./agent-pool.js";
import type { SourceAgent } from "./agent-types.js";
import type { WorkQueue } from "./work-queue.js";
import type { Work } from "./work.js";

export interface LanesOptions {
  readonly agents: AgentPool;
  readonly queue: WorkQueue;
  /** Lanes to begin with. */
  readonly initial: number;
  /** Lanes at the most. */
  readonly limit: number;
  readonly work: (agent: SourceAgent, work: Work) => Promise<void>;
  /** Bytes looked at so far, to measure whether one more lane helped. */
  readonly doneBytes: () => number;
  readonly report: Report;
}

const MEASURE_MS = 2000;
/** One more lane has to make it faster by this share, or no other is opened. */
const HELPED = 0.1;
/** Regions that are being flushed while the next ones are scanned. */
const BEHIND = 2;

/**
 * Works the queue off over several connections: begins with some, and opens one more as long as the last one made it
 * faster. The first failure ends all lanes; it is thrown when nothing is being written any more.
 */
export async function runLanes(options: LanesOptions): Promise<void> {
  const { agents, queue, initial, limit } = options;
  const lanes = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let closing = Promise.resolve();

  function fail(thrown: unknown): void {
    failures.push(thrown);
    if (failures.length === 1) closing = agents.close(); // ends what the other lanes wait for
  }

  async function begin(index: number): Promise<void> {
    const agent = await agents.get(index);
    const lane = runLane(agent, options, fail, () => failures.length > 0);
    lanes.add(lane);
  }

  for (let index = 0; index < initial && queue.wantsLane; index += 1) await begin(index);
  const growing = grow(options, async () => {
    if (lanes.size >= limit || !queue.wantsLane || failures.length > 0) return false;
    await begin(lanes.size);
    return true;
  });
  for (const lane of lanes) await lane; // a set also yields what is added meanwhile
  await growing.stop();
  for (const lane of lanes) await lane;
  await closing;
  if (failures.length > 0) throw failures[0] as Error;
}

/** Calls `add` now and then, as long as that makes it faster and gives true. */
function grow({ doneBytes, report }: LanesOptions, add: () => Promise<boolean>): { stop(): Promise<void> } {
  let before = 0;
  let last = doneBytes();
  let adding = Promise.resolve();
  const timer = setInterval(() => {
    const done = doneBytes();
    const rate = done - last;
    last = done;
    if (rate < before * (1 + HELPED)) clearInterval(timer);
    else {
      before = rate;
      adding = add().then(
        (added) => {
          if (!added) clearInterval(timer);
        },
        (thrown: unknown) => {
          clearInterval(timer);
          const text = thrown instanceof Error ? thrown.message : String(thrown);
          report.note({ severity: "info", text: `no further connection to the source: ${text}` });
        },
      );
    }
  }, MEASURE_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await adding;
    },
  };
}

/** Works off what the queue gives, several regions at once; never rejects. */
async function runLane(
  agent: SourceAgent,
  { queue, work }: LanesOptions,
  fail: (thrown: unknown) => void,
  stopped: () => boolean,
): Promise<void> {
  const lane = queue.lane();
  const running = new Set<Promise<void>>();
  const atOnce = agent.depth > 1 ? agent.depth + BEHIND : 1;
  for (let item = lane.next(); item !== undefined && !stopped(); item = lane.next()) {
    const job = work(agent, item)
      .catch(fail)
      .finally(() => running.delete(job));
    running.add(job);
    if (running.size >= atOnce) await Promise.race(running);
  }
  await Promise.all(running);
  lane.leave();
}
