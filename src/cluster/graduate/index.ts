import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { asRehomeError, RehomeError } from "../../lib/errors.js";
import { makeFolder } from "../../lib/folder.js";
import { openJournal } from "../../lib/journal.js";
import { acquireLock } from "../../lib/lock.js";
import { reported, type Report } from "../../lib/report.js";
import { mismatches, restarted } from "./expected.js";
import { ownOutlook, pacemakersOutlook } from "./outlook.js";
import { isFree, planGraduation, type GraduateContext, type GraduationPlan } from "./plan.js";
import { endRuntime, proveEnded } from "./runtime-end.js";
import { archive, graduateFolder, keptAgain, setAside } from "./source.js";
import type { Expected } from "./types.js";

export { handedOver } from "./source.js";
export { planGraduation, type GraduateContext, type GraduationPlan } from "./plan.js";

/** One line of what was done. */
export interface GraduationRecord {
  /** ms since the epoch. */
  readonly at: number;
  readonly step: string;
  readonly state: "begun" | "done" | "failed";
  readonly message?: string;
}

export interface GraduateOptions {
  /** Whether Pacemaker may start what was running and is found stopped. */
  readonly startLost: boolean;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

export interface GraduateResult {
  readonly node: string;
  readonly resources: readonly Expected[];
  /** What Pacemaker stopped or started although it was left running: to be empty, unless --start-lost was given. */
  readonly restarted: readonly string[];
  /** The runtime's CIB as it was. */
  readonly archive: string;
}

const POLL_MS = 1000;
const PROBE_MS = 300_000;
const AGREE_MS = 120_000;
const SETTLE_MS = 300_000;

/**
 * Hands the resources of this machine's bundled runtime to the cluster of Pacemaker that it is a member of, while they
 * run. They are loaded unmanaged, so that Pacemaker only looks for them; it manages them when each was found as the
 * runtime left it, both schedulers would leave them alone, and no runtime can come back. Cut off at any point, the next
 * run goes on.
 * @throws RehomeError graduate-blocked before anything is changed, graduate-halted while nobody manages the resources,
 * locked, and what the steps throw
 */
export async function graduate(context: GraduateContext, options: GraduateOptions): Promise<GraduateResult> {
  const folder = graduateFolder(context.paths);
  await makeFolder(folder, 0o700);
  const lock = await acquireLock(join(folder, "lock"), "rehome cluster graduate");
  try {
    const journal = await openJournal<GraduationRecord>(join(folder, "journal.jsonl"));
    try {
      return await inSteps(context, options, async (step, title, work) => {
        const record = (state: GraduationRecord["state"], message?: string): Promise<void> =>
          journal.append({ at: Date.now(), step, state, ...(message !== undefined && { message }) });
        await record("begun");
        try {
          const result = await reported(options.report, { id: step, title }, work);
          await record("done");
          return result;
        } catch (error) {
          await record("failed", error instanceof Error ? error.message : String(error));
          throw error;
        }
      });
    } finally {
      await journal.close();
    }
  } finally {
    await lock.release();
  }
}

type Take = <T>(step: string, title: string, work: () => Promise<T>) => Promise<T>;

async function inSteps(context: GraduateContext, options: GraduateOptions, take: Take): Promise<GraduateResult> {
  const { host, paths } = context;
  await take("check", "look for what stands in the way", () => readyPlan(context));
  options.signal?.throwIfAborted();
  const runtime = await take("end-runtime", "end the runtime, without its resources", () =>
    endRuntime(host, paths, "rehome cluster graduate"),
  );
  try {
    return await handOver(context, options, take);
  } catch (thrown) {
    throw unmanaged(asRehomeError(thrown));
  } finally {
    await runtime.release();
  }
}

/** Everything after the runtime's end. */
async function handOver(context: GraduateContext, options: GraduateOptions, take: Take): Promise<GraduateResult> {
  const { host, node, paths, cluster } = context;
  const plan = await take("check-again", "look again, now that nothing changes any more", () => readyPlan(context));
  const { merge, expected } = plan;
  if (!plan.source.begun) await take("set-aside", "take the CIB away from the runtime", () => setAside(paths));
  if (!plan.managed) {
    await take("load", "load the resources into the cluster, unmanaged", () => cluster.update(merge.held));
    await take("probe", "wait until Pacemaker has found them", () => untilFound(context, expected, options));
    await take("foresee", "ask both schedulers once more", () => untilAgreed(context, plan));
    await take("manage", "let Pacemaker manage them", async () => {
      await proveEnded(host, paths);
      await cluster.update(merge.free);
    });
  }
  await take("settle", "see that everything goes on", () => untilSettled(context, plan, options));
  const touched = restarted(await cluster.read(), node, expected);
  const path = await take("archive", "keep the runtime's CIB", () => archive(paths, new Date()));
  return { node, resources: expected, restarted: touched, archive: path };
}

/** What goes wrong after the runtime's end leaves the resources to themselves: that must be said. */
function unmanaged(error: RehomeError): RehomeError {
  if (["graduate-halted", "graduate-blocked", "resource-failed"].includes(error.code)) return error;
  const standing = "the runtime has ended and the resources go on: run rehome cluster graduate again";
  return new RehomeError(error.code, error.message, {
    ...error.where,
    ...(error.output !== undefined && { output: error.output }),
    remedy: [error.remedy, standing].filter(Boolean).join("; "),
    cause: error,
  });
}

/** @throws RehomeError graduate-blocked with everything that stands in the way */
async function readyPlan(context: GraduateContext): Promise<GraduationPlan> {
  const plan = await planGraduation(context);
  if (plan.blockers.length === 0) return plan;
  const running = plan.runtime.pid !== undefined;
  throw new RehomeError("graduate-blocked", "the runtime's resources cannot go to the cluster as things are", {
    output: plan.blockers.join("\n"),
    remedy: running
      ? "nothing was changed, the runtime goes on; put that right and run it again"
      : "no runtime keeps the resources: put that right and run it again, or systemctl enable --now rehome-runtime",
  });
}

async function untilFound(
  { cluster, node }: GraduateContext,
  expected: readonly Expected[],
  { startLost, signal }: GraduateOptions,
): Promise<void> {
  const end = performance.now() + PROBE_MS;
  for (;;) {
    signal?.throwIfAborted();
    const { missing, lost, surplus } = mismatches(await cluster.read(), node, expected);
    if (surplus.length > 0) {
      throw halted("runs where the runtime did not leave it", surplus, "stop it there, or find out who started it");
    }
    if (missing.length === 0 && (lost.length === 0 || startLost)) return;
    if (missing.length === 0) {
      throw halted("was left running, and does not run any more", lost, "start it by hand, or give --start-lost");
    }
    if (performance.now() > end) {
      throw halted("is not known to Pacemaker yet", missing, "see rehome cluster status and Pacemaker's log");
    }
    await sleep(POLL_MS);
  }
}

/** Agents tell how fit a node is for promotion a moment after they were found: both are asked until they agree. */
async function untilAgreed({ cluster, node }: GraduateContext, { merge }: GraduationPlan): Promise<void> {
  const { host } = await cluster.verification();
  const end = performance.now() + AGREE_MS;
  for (;;) {
    const next = merge.free(await cluster.read());
    const [own, pacemakers] = [ownOutlook(next, Date.now()), await pacemakersOutlook(host, next)];
    const disruptions = [...new Set([...own.disruptions, ...pacemakers.disruptions])];
    if (disruptions.length === 0) return;
    if (performance.now() > end) {
      throw halted(`would be touched on ${node}`, disruptions, "see rehome cluster simulate");
    }
    await sleep(POLL_MS);
  }
}

async function untilSettled(
  { cluster, node, paths }: GraduateContext,
  { merge, expected }: GraduationPlan,
  { signal }: GraduateOptions,
): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    signal?.throwIfAborted();
    const live = await cluster.read();
    const outlook = ownOutlook(live, Date.now());
    const { lost, missing } = mismatches(live, node, expected);
    const isAtRest = outlook.disruptions.length === 0 && outlook.starts.length === 0;
    if (isAtRest && isFree(live, merge) && lost.length === 0 && missing.length === 0) {
      const again = await keptAgain(paths, merge.primitives);
      if (again.length === 0) return;
      throw halted("is in the runtime's CIB again", again, `take it out of ${paths.cib}`);
    }
    if (performance.now() > end) {
      throw new RehomeError("resource-failed", "Pacemaker manages the resources, and they do not come to rest", {
        output: [...lost, ...missing].join("\n"),
        remedy: "rehome cluster status shows what is wrong",
      });
    }
    await sleep(POLL_MS);
  }
}

/** The resources go on, and nobody manages them. */
function halted(what: string, which: readonly string[], remedy: string): RehomeError {
  return new RehomeError("graduate-halted", `what follows ${what}; nobody manages the resources now, they go on`, {
    output: which.join("\n"),
    remedy: `${remedy}; then run rehome cluster graduate again`,
  });
}
