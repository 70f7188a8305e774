import { clusterPaths } from "../../cluster/paths.js";
import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { plannedOf, stateOf, type GuestRecord } from "../guest-store.js";
import type { GuestSession } from "../session.js";
import type { GuestState } from "../types.js";
import { currentSteps, runSteps, statusOf, undoSteps, type Step } from "./sequence.js";
import { sourceLink } from "./source-link.js";
import { convertStep, writeConversionStep } from "./steps/convert.js";
import { finalPassStep, verifyStep, warmPassStep } from "./steps/copy.js";
import { preflightStep } from "./steps/preflight.js";
import { quiesceStep } from "./steps/quiesce.js";
import { sourceOffStep } from "./steps/source-off.js";
import { answersStep, registerStep, startStep } from "./steps/start.js";
import { downtimeOf } from "./downtime.js";
import type { CutoverContext, CutoverOptions, CutoverResult } from "./types.js";

export type { CutoverOptions, CutoverResult, DowntimeShare } from "./types.js";
export { downtimeOf } from "./downtime.js";

/** The whole way from "staged" to "running here", in order. Undone in reverse. */
export const CUTOVER_STEPS: readonly Step<CutoverContext>[] = [
  preflightStep,
  warmPassStep,
  quiesceStep,
  finalPassStep,
  verifyStep,
  convertStep,
  sourceOffStep,
  writeConversionStep,
  registerStep,
  startStep,
  answersStep,
];

/** Once this step began, clients may have reached the guest: nothing is undone without being asked for. */
const POINT_OF_NO_SILENT_RETURN = startStep.name;

export interface CutoverRequest {
  readonly session: GuestSession;
  readonly options: CutoverOptions;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/**
 * Moves a staged guest here. When a step fails before the guest was started, everything is undone and the source works
 * again; after that the guest is left as it is, for the administrator to look at or to roll back. Interrupted (kill -9,
 * power cut), the next call goes on where it stopped.
 * @throws RehomeError not-staged, wrong-state, locked, cutover-stale, and what the steps throw
 */
export async function cutOver(request: CutoverRequest): Promise<CutoverResult> {
  const { session, report } = request;
  const { store } = session;
  const lock = await store.lock(`rehome cutover ${session.guest}`);
  const context = contextOf(request, await store.records());
  try {
    const state = stateOf(await store.records());
    requireState(session, state, ["staged", "cutting-over"], "cut over");
    if (state === "staged") await store.append({ type: "state", at: Date.now(), state: "cutting-over" });
    await runOrReturn(context);
    await store.append({ type: "state", at: Date.now(), state: "cut-over" });
    return { guest: session.guest, ...downtimeOf(await store.records(), CUTOVER_STEPS) };
  } finally {
    await context.source.drop();
    await lock.release();
  }

  async function runOrReturn(running: CutoverContext): Promise<void> {
    try {
      await runSteps(CUTOVER_STEPS, running, store, report);
    } catch (thrown) {
      const steps = currentSteps(await store.records());
      if (statusOf(steps, POINT_OF_NO_SILENT_RETURN) !== "pending") throw thrown;
      report.note({ severity: "warning", text: "the cutover failed before the guest was started: going back" });
      await goBack({ ...running, signal: undefined });
      throw thrown;
    }
  }
}

/**
 * Goes back to the source at any point before `commit`: the guest is stopped and unregistered, the source works again
 * as it was at cutover. What the guest wrote since is lost.
 * @returns the steps that were undone
 * @throws RehomeError wrong-state, locked, source-not-back, and what the undoing throws; calling it again goes on
 */
export async function rollBack(request: CutoverRequest): Promise<readonly string[]> {
  const { session } = request;
  const lock = await session.store.lock(`rehome rollback ${session.guest}`);
  const context = contextOf({ ...request }, await session.store.records());
  try {
    requireState(session, stateOf(await session.store.records()), ["cutting-over", "cut-over"], "roll back");
    return await goBack({ ...context, signal: undefined });
  } finally {
    await context.source.drop();
    await lock.release();
  }
}

async function goBack(context: CutoverContext): Promise<readonly string[]> {
  const { store } = context.session;
  const undone = await undoSteps(CUTOVER_STEPS, context, store, context.report);
  await store.append({ type: "state", at: Date.now(), state: "staged" });
  return undone;
}

/**
 * Makes a cutover final: there is no way back any more.
 * @throws RehomeError wrong-state, locked
 */
export async function commit(session: GuestSession): Promise<void> {
  const lock = await session.store.lock(`rehome commit ${session.guest}`);
  try {
    requireState(session, stateOf(await session.store.records()), ["cut-over"], "commit");
    await session.store.append({ type: "state", at: Date.now(), state: "committed" });
  } finally {
    await lock.release();
  }
}

/** What a cutover would do, step by step. */
export async function describeCutover(
  request: CutoverRequest,
): Promise<readonly { readonly title: string; readonly actions: readonly string[] }[]> {
  const records = await request.session.store.records();
  requireState(request.session, stateOf(records), ["staged", "cutting-over"], "cut over");
  const context = contextOf(request, records);
  const steps = currentSteps(records);
  return CUTOVER_STEPS.map((step) => ({
    title: step.title,
    actions: statusOf(steps, step.name) === "done" ? ["done already"] : step.describe(context),
  }));
}

function contextOf(request: CutoverRequest, records: readonly GuestRecord[]): CutoverContext {
  const { session, options, report, signal } = request;
  const planned = plannedOf(records);
  if (planned === undefined) throw notStaged(session);
  let hypervisor: Promise<Hypervisor> | undefined;
  return {
    session,
    plan: planned.plan,
    machine: planned.machine,
    source: sourceLink(() => session.connect()),
    paths: clusterPaths(session.config.target.state),
    hypervisor: () => (hypervisor ??= probeHypervisor(session.target)),
    options,
    report,
    signal,
  };
}

function requireState(session: GuestSession, state: GuestState, allowed: readonly GuestState[], verb: string): void {
  if (allowed.includes(state)) return;
  if (state === "planned" || state === "staging") throw notStaged(session);
  throw new RehomeError("wrong-state", `cannot ${verb} a guest that is ${state}`, {
    remedy: `see rehome status ${session.guest}`,
  });
}

function notStaged(session: GuestSession): RehomeError {
  return new RehomeError("not-staged", `${session.guest} has no complete copy yet`, {
    remedy: `run rehome stage ${session.guest} first`,
  });
}
