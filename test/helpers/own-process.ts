import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { delay } from "../../src/lib/delay.js";

const RUN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
const POLL_MS = 50;
const LIMIT_MS = 60 * 60_000;

/** How a command of the product ended, in a process of its own. */
export interface Ended<R> {
  /** Undefined when it was killed. */
  readonly status: number | undefined;
  /** All that it said. */
  readonly output: string;
  /** What it wrote into its journal. */
  readonly records: readonly R[];
}

/** What is done to a command, and when. */
export interface Disturbance<R> {
  /** Its journal. */
  readonly journal: () => Promise<readonly R[]>;
  /** Whether this is the moment, by a record that this run has written: the `index`-th of them. */
  readonly at: (record: R, index: number) => boolean;
  readonly disturb: (kill: () => void) => Promise<void> | void;
}

/** Runs a command in a process of its own, and does something to it or to a machine once. */
export async function runDisturbed<R>(argv: readonly string[], disturbance: Disturbance<R>): Promise<Ended<R>> {
  const { journal, at, disturb } = disturbance;
  const before = (await journal()).length;
  const records = async (): Promise<readonly R[]> => (await journal()).slice(before);
  const child = spawn(process.execPath, [RUN, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const exited = once(child, "exit") as Promise<[number | null]>;
  const limit = AbortSignal.timeout(LIMIT_MS);
  limit.addEventListener("abort", () => child.kill("SIGKILL"));
  try {
    let disturbed = false;
    while (child.exitCode === null && child.signalCode === null && !disturbed) {
      if ((await records()).some(at)) {
        await disturb(() => child.kill("SIGKILL"));
        disturbed = true;
      } else await delay(POLL_MS);
    }
    const [status] = await exited;
    if (limit.aborted)
      throw new Error(`rehome ${argv.join(" ")} had not ended after ${LIMIT_MS / 60_000} min: ${output}`);
    return { status: status ?? undefined, output, records: await records() };
  } finally {
    child.kill("SIGKILL");
  }
}
