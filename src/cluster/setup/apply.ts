import { dirname } from "node:path";
import { allEnded } from "../../lib/all-ended.js";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import type { Journal } from "../../lib/journal.js";
import { reported, type Report } from "../../lib/report.js";
import { formatDuration } from "../../lib/units.js";
import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import { changeLiveCib, hasQuorum, noQuorum, readLiveCib, sameConfiguration } from "../pacemaker/live-cib.js";
import { examine, hostOf, type Examined } from "./examine.js";
import { stepText, stepTitle } from "./steps/text.js";
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
 * @throws RehomeError command-failed, file-unwritable, command-timeout, step-without-effect, cib-changed, no-quorum, cancelled …,
 *   with the machine
 */
export async function applySteps(
  steps: readonly Step[],
  hosts: ReadonlyMap<string, Host>,
  options: ApplyOptions,
): Promise<number> {
  let taken = 0;
  for (const step of steps) {
    options.signal?.throwIfAborted();
    taken += await takeNeeded(await examine(step, hosts), hosts, options);
  }
  return taken;
}

/**
 * Takes steps side by side that were looked at just now and do not need each other. None is under way any more when it
 * ends.
 * @returns how many were needed
 * @throws as applySteps
 */
export async function applyTogether(
  examined: readonly Examined[],
  hosts: ReadonlyMap<string, Host>,
  options: ApplyOptions,
): Promise<number> {
  options.signal?.throwIfAborted();
  const taken = await allEnded(examined.map((each) => takeNeeded(each, hosts, options)));
  return taken.reduce((sum, each) => sum + each, 0);
}

/** @returns 1 for a step that was needed, and 0 for one that was not */
async function takeNeeded(
  examined: Examined,
  hosts: ReadonlyMap<string, Host>,
  { report, journal, signal }: ApplyOptions,
): Promise<number> {
  const { step, needed } = examined;
  if (!needed) return 0;
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
  const task = { id: `step ${step.machine}: ${text}`, title: `${step.machine}: ${stepTitle(step)}` };
  try {
    await reported(report, task, () => take(examined, hosts, signal));
  } catch (error) {
    await record("failed", error instanceof Error ? error.message : String(error));
    throw error;
  }
  await record("done");
  return 1;
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
  const write = (): Promise<void> => host.writeFile(step.path, after, step.mode);
  try {
    await write(); // its folder is there in all but the first case
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "file-unwritable") throw thrown;
    await runChecked(host, ["mkdir", "-p", "--", dirname(step.path)]);
    await write();
  }
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
  const missingIn = (cib: XmlElement | undefined): readonly string[] => {
    const there = cib === undefined ? [] : clusterNodes(cib).map(({ name }) => name);
    return step.members.filter((name) => !there.includes(name));
  };
  if (step.seen !== undefined && missingIn(step.seen).length === 0) {
    await changeLiveCib(host, onlyWhileAsSeen(step.edit, step.seen, host), step.seen);
    return;
  }
  await poll(
    MEMBERS_MS,
    signal,
    async () => missingIn(await readLiveCib(host)).length === 0,
    async () => {
      const names = missingIn(await readLiveCib(host)).join(", ");
      return new RehomeError("command-timeout", `not in the cluster after ${formatDuration(MEMBERS_MS)}: ${names}`, {
        machine: host.name,
        remedy: `see journalctl -u pacemaker on ${names}, then run again`,
      });
    },
  );
  await changeLiveCib(host, step.edit);
}

/**
 * What a change leads to was thought through on one configuration: with another one it may lead elsewhere. Without quorum
 * others may decide meanwhile, and what is set here would win over that.
 */
function onlyWhileAsSeen(edit: Edit, seen: XmlElement, { name }: Host): Edit {
  return (cib) => {
    const after = edit(cib);
    if (after === cib || sameConfiguration(after, cib)) return after;
    if (!hasQuorum(cib)) throw noQuorum(name);
    if (sameConfiguration(cib, seen)) return after;
    throw new RehomeError("cib-changed", "somebody else changed the cluster's configuration meanwhile", {
      machine: name,
      remedy: "run it again",
    });
  };
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
