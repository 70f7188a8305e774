import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StepRecord } from "../../../../src/cluster/setup/apply.js";
import { delay } from "../../../../src/lib/delay.js";
import { readJournal } from "../../../../src/lib/journal.js";
import type { ClusterLab } from "./finished.js";

const RUN = fileURLToPath(new URL("../../../../bin/run.js", import.meta.url));
const POLL_MS = 50;
const LIMIT_MS = 15 * 60_000;

/** How `rehome cluster init` ended, in a process of its own. */
export interface Ended {
  /** Undefined when it was killed. */
  readonly status: number | undefined;
  /** Its last words. */
  readonly output: string;
  /** The steps that it began. */
  readonly begun: readonly StepRecord[];
}

/**
 * Runs `rehome cluster init` in a process of its own, and does something to it or to a machine once it has begun a step.
 * @param at whether this is the step, of those that this run has begun
 */
export async function initDisturbed(
  cluster: ClusterLab,
  at: (step: StepRecord, index: number) => boolean,
  disturb: (kill: () => void) => Promise<void> | void,
): Promise<Ended> {
  const before = (await steps(cluster)).length;
  const begun = async (): Promise<readonly StepRecord[]> =>
    (await steps(cluster)).slice(before).filter(({ state }) => state === "begun");
  const child = spawn(process.execPath, [RUN, "cluster", "init", "--config", cluster.config, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const exited = once(child, "exit") as Promise<[number | null]>;
  const until = Date.now() + LIMIT_MS;
  try {
    let disturbed = false;
    while (child.exitCode === null && child.signalCode === null && !disturbed && Date.now() < until) {
      if ((await begun()).some(at)) {
        await disturb(() => child.kill("SIGKILL"));
        disturbed = true;
      } else await delay(POLL_MS);
    }
    const [status] = await Promise.race([exited, delay(LIMIT_MS).then((): [number | null] => [-1])]);
    return { status: status ?? undefined, output, begun: await begun() };
  } finally {
    child.kill("SIGKILL");
  }
}

async function steps(cluster: ClusterLab): Promise<readonly StepRecord[]> {
  return readJournal<StepRecord>(join(dirname(cluster.config), "state", "cluster", "journal.jsonl"));
}
