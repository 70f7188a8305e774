import { asRehomeError, RehomeError } from "../../lib/errors.js";
import { reported, type Report } from "../../lib/report.js";
import type { GuestRecord, GuestStore, StepRecord } from "../guest-store.js";

/**
 * One step on the way from "staged" to "running here". What it does is done and undone as often as wanted with the
 * same result, because a crash may come between the deed and its record.
 */
export interface Step<C> {
  /** Stable: it stands in journals. */
  readonly name: string;
  readonly title: string;
  /** Leaves nothing behind, so it is run again when an interrupted cutover goes on before any other step began. */
  readonly fleeting?: true;
  /** What `run` would do, for --dry-run. */
  describe(context: C): readonly string[];
  /** Asked right before the step begins, each time: what it throws leaves the step untouched, and so to be undone. */
  ready?(context: C): Promise<void>;
  /** Whether what this step did is still so; asked when an interrupted cutover goes on. */
  holds?(context: C): Promise<boolean>;
  run(context: C): Promise<StepOutcome>;
  /** @returns a few words on what came out */
  undo?(context: C): Promise<string>;
}

export interface StepOutcome {
  /** A few words on what came out. */
  readonly detail: string;
  /** Journalled for later steps and for the undoing, also after a crash; see {@link factOf}. */
  readonly facts?: Readonly<Record<string, string>>;
}

export type StepStatus = "pending" | "started" | "done" | "failed" | "undone";

/** The step records of the present cutover: those since it (last) began. */
export function currentSteps(records: readonly GuestRecord[]): readonly StepRecord[] {
  const begin = records.findLastIndex((record) => record.type === "state" && record.state === "cutting-over");
  if (begin === -1) return [];
  return records.slice(begin).flatMap((record) => (record.type === "step" ? [record] : []));
}

/** How far a step is by its records. A step whose undoing failed counts as failed: it must be undone again. */
export function statusOf(records: readonly StepRecord[], step: string): StepStatus {
  const event = records.findLast((record) => record.step === step)?.event;
  if (event === undefined) return "pending";
  if (event === "undo-started" || event === "undo-failed") return "failed";
  return event;
}

/**
 * Whether going back began in the present cutover. From then on there is only the way back: what is still recorded as
 * done says nothing any more, because the source may be on its way up.
 */
export function goingBackBegan(records: readonly StepRecord[]): boolean {
  return records.some(({ event }) => ["undo-started", "undone", "undo-failed"].includes(event));
}

/** What a step of the present cutover found out last. */
export function factOf(records: readonly StepRecord[], step: string, fact: string): string | undefined {
  return records.findLast((record) => record.step === step && record.facts?.[fact] !== undefined)?.facts?.[fact];
}

export interface RunOptions {
  /** Looked at between two steps. */
  readonly signal?: AbortSignal | undefined;
  /** Waited for, maybe long, before a step looks once more at what it is to change; what it throws leaves the step untouched. */
  readonly opening?: ((step: string) => Promise<void>) | undefined;
  /** Waited for right before a step is journalled as begun; what it throws leaves the step untouched. */
  readonly beginning?: (step: string) => Promise<void>;
}

/** Names of the steps that are not run again when the present cutover goes on. */
export function stepsDone<C>(steps: readonly Step<C>[], records: readonly StepRecord[]): ReadonlySet<string> {
  const lastingBegan = steps.some((step) => step.fleeting === undefined && statusOf(records, step.name) !== "pending");
  const done = steps.filter(
    ({ name, fleeting }) => statusOf(records, name) === "done" && (fleeting === undefined || lastingBegan),
  );
  return new Set(done.map(({ name }) => name));
}

/**
 * Runs the steps in order, each journalled before and after. Steps that an interrupted run has done are not done again
 * as long as they still hold.
 * @throws RehomeError cutover-stale, cancelled, or what a step throws
 */
export async function runSteps<C>(
  steps: readonly Step<C>[],
  context: C,
  store: Pick<GuestStore, "records" | "append">,
  report: Report,
  options: RunOptions = {},
): Promise<void> {
  const done = stepsDone(steps, currentSteps(await store.records()));
  for (const step of steps) {
    if (done.has(step.name)) {
      if (step.holds !== undefined && !(await step.holds(context))) throw stale(step);
      continue;
    }
    options.signal?.throwIfAborted(); // between two steps there is nothing half done
    await runStep(step, context, store, report, options);
  }
}

async function runStep<C>(
  step: Step<C>,
  context: C,
  store: Pick<GuestStore, "append">,
  report: Report,
  { signal, opening, beginning }: RunOptions,
): Promise<void> {
  const startedAt = Date.now();
  const record = (event: StepRecord["event"], outcome?: StepOutcome): Promise<void> =>
    store.append({
      type: "step",
      at: Date.now(),
      step: step.name,
      event,
      ...(event !== "started" && { durationMs: Date.now() - startedAt }),
      ...outcome,
    });
  await opening?.(step.name);
  await step.ready?.(context);
  signal?.throwIfAborted();
  await beginning?.(step.name);
  await record("started");
  try {
    const outcome = await reported(
      report,
      { id: step.name, title: step.title },
      () => step.run(context),
      ({ detail }) => detail,
    );
    await record("done", outcome);
  } catch (thrown) {
    await record("failed", { detail: asRehomeError(thrown).message });
    throw thrown;
  }
}

/**
 * Undoes, last first, every step that began. A failure stops it with the rest still to be undone; calling it again
 * goes on there.
 * @returns what was undone, in the order it was
 */
export async function undoSteps<C>(
  steps: readonly Step<C>[],
  context: C,
  store: Pick<GuestStore, "records" | "append">,
  report: Report,
): Promise<readonly string[]> {
  const records = currentSteps(await store.records());
  const undone: string[] = [];
  for (const step of [...steps].reverse()) {
    const status = statusOf(records, step.name);
    if (status === "pending" || status === "undone") continue;
    await undoStep(step, context, store, report);
    undone.push(step.name);
  }
  return undone;
}

async function undoStep<C>(
  step: Step<C>,
  context: C,
  store: Pick<GuestStore, "append">,
  report: Report,
): Promise<void> {
  const record = (event: StepRecord["event"], detail?: string): Promise<void> =>
    store.append({ type: "step", at: Date.now(), step: step.name, event, ...(detail !== undefined && { detail }) });
  if (step.undo === undefined) return record("undone");
  await record("undo-started");
  try {
    const task = { id: `undo ${step.name}`, title: `undo: ${step.title}` };
    const detail = await reported(
      report,
      task,
      () => step.undo?.(context) ?? Promise.resolve(""),
      (summary) => summary,
    );
    await record("undone", detail);
  } catch (thrown) {
    await record("undo-failed", asRehomeError(thrown).message);
    throw thrown;
  }
}

function stale<C>(step: Step<C>): RehomeError {
  return new RehomeError("cutover-stale", `what the interrupted cutover did in "${step.title}" no longer holds`, {
    remedy: "run rehome rollback, then stage and cut over again",
  });
}
