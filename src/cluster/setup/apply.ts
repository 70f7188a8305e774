import { dirname } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import type { Journal } from "../../lib/journal.js";
import { reported, type Report } from "../../lib/report.js";
import { formatDuration } from "../../lib/units.js";
import { clusterNodes } from "../control.js";
import { changeLiveCib, readLiveCib } from "../pacemaker/live-cib.js";
import { examine, hostOf, type Examined } from "./examine.js";
import { stepText } from "./steps/text.js";
import type { CibStep, CommandStep, FileStep, Step, WaitStep } from "./steps/types.js";

/** One line of what was done to the machines. */
export interface StepRecord {
  /** ms since the epoch. */
  readonly at: number;
  readonly machine: string;
  readonly step: string;
  readonly state: "begun" | "done" | "failed";
  readonly message?: string;
}

export interface ApplyOptions {
  readonly report: Report;
  readonly journal: Pick<Journal<StepRecord>, "append">;
  readonly signal?: AbortSignal;
}

const COMMAND_MS = 120_000;
const POLL_MS = 1000;
const MEMBERS_MS = 180_000;

/**
 * Takes the steps that are needed, in order, each after a last look whether it still is. One that fails ends it; the
 * next run goes on there.
 * @returns how many were needed
 * @throws RehomeError command-failed, file-unwritable, command-timeout, step-without-effect, cancelled …, with the machine
 */
export async function applySteps(
  steps: readonly Step[],
  hosts: ReadonlyMap<string, Host>,
  { report, journal, signal }: ApplyOptions,
): Promise<number> {
  let taken = 0;
  for (const [index, step] of steps.entries()) {
    signal?.throwIfAborted();
    const examined = await examine(step, hosts);
    if (!examined.needed) continue;
    taken += 1;
    const text = stepText(step);
    const record = (state: StepRecord["state"], message?: string): Promise<void> =>
      journal.append({
        at: Date.now(),
        machine: step.machine,
        step: text,
        state,
        ...(message !== undefined && { message }),
      });
    await record("begun");
    try {
      await reported(report, { id: `step-${index}`, title: `${step.machine}: ${text}` }, () =>
        take(examined, hosts, signal),
      );
    } catch (error) {
      await record("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
    await record("done");
  }
  return taken;
}

async function take(
  { step, after }: Examined,
  hosts: ReadonlyMap<string, Host>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const host = hostOf(hosts, step.machine);
  switch (step.kind) {
    case "file":
      return writeStep(step, host, after);
    case "command":
      return runStep(step, host);
    case "wait":
      return waitStep(step, host, signal);
    case "cib":
      return cibStep(step, host, signal);
  }
}

async function writeStep(step: FileStep, host: Host, after: Buffer | undefined): Promise<void> {
  if (after === undefined) {
    throw new RehomeError("file-unreadable", "it is made of a file that is not there", {
      machine: step.sources[0]?.machine ?? step.machine,
      path: step.sources[0]?.path ?? step.path,
      remedy: "a step before this one should have made it: run again",
    });
  }
  await runChecked(host, ["mkdir", "-p", "--", dirname(step.path)]);
  await host.writeFile(step.path, after, step.mode);
}

async function runStep(step: CommandStep, host: Host): Promise<void> {
  await runChecked(host, step.argv, { timeoutMs: step.timeoutMs ?? COMMAND_MS });
  const after = await host.run(step.unless, { timeoutMs: COMMAND_MS });
  if (after.exitCode === 0) return;
  throw new RehomeError("step-without-effect", `${stepText(step)} succeeded, and changed nothing`, {
    machine: host.name,
    output: `${after.stdout}${after.stderr}`.trim(),
    remedy: "look at it on the machine (journalctl -b tells more), then run again",
  });
}

/** Until a program says so; what it said last is what an administrator sees when it never does. */
async function waitStep(step: WaitStep, host: Host, signal: AbortSignal | undefined): Promise<void> {
  let said = "";
  const holds = async (): Promise<boolean> => {
    const { exitCode, stdout, stderr } = await host.run(step.until, { timeoutMs: COMMAND_MS });
    said = `${stdout}${stderr}`.trim();
    return exitCode === 0;
  };
  await poll(step.timeoutMs, signal, holds, () =>
    Promise.resolve(
      new RehomeError("command-timeout", `after ${formatDuration(step.timeoutMs)} it is not so that ${step.why}`, {
        machine: host.name,
        output: said,
        remedy: "see journalctl -b there, then run again",
      }),
    ),
  );
}

/** Members come into the CIB when they join; what is set for one that is not there would be lost. */
async function cibStep(step: CibStep, host: Host, signal: AbortSignal | undefined): Promise<void> {
  const missing = async (): Promise<readonly string[]> => {
    const cib = await readLiveCib(host);
    const there = cib === undefined ? [] : clusterNodes(cib).map(({ name }) => name);
    return step.members.filter((name) => !there.includes(name));
  };
  await poll(
    MEMBERS_MS,
    signal,
    async () => (await missing()).length === 0,
    async () => {
      const names = (await missing()).join(", ");
      return new RehomeError("command-timeout", `not in the cluster after ${formatDuration(MEMBERS_MS)}: ${names}`, {
        machine: host.name,
        remedy: `see journalctl -u pacemaker on ${names}, then run again`,
      });
    },
  );
  await changeLiveCib(host, step.edit);
}

async function poll(
  limitMs: number,
  signal: AbortSignal | undefined,
  holds: () => Promise<boolean>,
  tooLate: () => Promise<RehomeError>,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    signal?.throwIfAborted();
    if (Date.now() >= end) throw await tooLate();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
