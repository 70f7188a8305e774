import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { asRehomeError, RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { volumeKeeper } from "../landing/volume-keeper.js";
import { plannedOf, stateOf, type GuestRecord } from "../guest-store.js";
import { releaseSource } from "../cleanup.js";
import type { GuestSession } from "../session.js";
import type { GuestState } from "../types.js";
import { clusterHome } from "./home/cluster.js";
import { machineHome } from "./home/machine.js";
import { currentSteps, goingBackBegan, runSteps, statusOf, undoSteps, type Step } from "./sequence.js";
import { controlOf } from "./control.js";
import { sourceLink } from "./source-link.js";
import { convertStep, writeConversionStep } from "./steps/convert.js";
import { finalPassStep, verifyStep, warmPassStep } from "./steps/copy.js";
import { preflightStep } from "./steps/preflight.js";
import { quiesceStep } from "./steps/quiesce.js";
import { sourceOffStep } from "./steps/source-off.js";
import { answersStep, registerStep, startStep } from "./steps/start.js";
import { downtimeOf } from "./downtime.js";
import type { CutoverContext, CutoverOptions, CutoverResult, RollbackResult } from "./types.js";

export type { CutoverOptions, CutoverResult, DowntimeShare, RollbackResult } from "./types.js";
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
  const { session } = request;
  const { store } = session;
  const lock = await store.lock(`rehome cutover ${session.guest}`);
  try {
    const records = await store.records();
    requireOnward(session, records);
    const context = contextOf(request, records);
    if (stateOf(records) === "staged") await store.append({ type: "state", at: Date.now(), state: "cutting-over" });
    try {
      await runOrReturn(context, request, records);
    } finally {
      await leave(context);
    }
    await store.append({ type: "state", at: Date.now(), state: "cut-over" });
    const left = await releaseSource(session, () => context.source.open());
    if (left !== undefined) request.report.note({ severity: "info", text: left });
    return { guest: session.guest, ...downtimeOf(await store.records(), CUTOVER_STEPS) };
  } finally {
    await lock.release();
  }
}

/** Only a cutover that is not on its way back may begin or go on. */
function requireOnward(session: GuestSession, records: readonly GuestRecord[]): void {
  requireState(session, stateOf(records), ["staged", "cutting-over"], "cut over");
  if (stateOf(records) === "staged" || !goingBackBegan(currentSteps(records))) return;
  throw new RehomeError("wrong-state", "going back to the source began and has not ended: the source may be running", {
    remedy: `run rehome rollback ${session.guest}, then stage and cut over again`,
  });
}

/** Forgets connections. Volumes that cannot be closed any more are noted: what went wrong before is what counts. */
async function leave({ source, volumes, report }: CutoverContext): Promise<void> {
  await source.drop();
  await volumes.release().catch((thrown: unknown) => {
    const { message } = asRehomeError(thrown);
    report.note({ severity: "warning", text: `the volumes were not closed: ${message}` });
  });
}

async function runOrReturn(
  context: CutoverContext,
  request: CutoverRequest,
  records: readonly GuestRecord[],
): Promise<void> {
  const { session, report, signal } = context;
  try {
    await runSteps(CUTOVER_STEPS, context, session.store, report, signal);
  } catch (thrown) {
    const steps = currentSteps(await session.store.records());
    if (statusOf(steps, POINT_OF_NO_SILENT_RETURN) !== "pending") {
      throw unfinishedError(asRehomeError(thrown), "the guest may be running here", session.guest);
    }
    if (!(await controlOf(context).canReturn(context, steps))) {
      throw unfinishedError(asRehomeError(thrown), "the source is at rest or off and not to be reached", session.guest);
    }
    report.note({ severity: "warning", text: "the cutover failed before the guest was started: going back" });
    await leave(context);
    const back = unstoppable(request, records);
    try {
      await goBack(back);
    } catch (second) {
      throw bothFailed(asRehomeError(second), asRehomeError(thrown));
    } finally {
      await leave(back);
    }
    throw thrown;
  }
}

/** Nothing was undone: the same error, with where things stand and both ways from there. */
function unfinishedError(error: RehomeError, standing: string, guest: string): RehomeError {
  const { code, message, where, output, remedy } = error;
  const ways = `${standing}, nothing was undone: run rehome cutover ${guest} to go on, or rehome rollback ${guest}`;
  return new RehomeError(code, message, {
    ...where,
    ...(output !== undefined && { output }),
    remedy: remedy?.includes("rehome rollback") ? remedy : [remedy, ways].filter(Boolean).join("; "),
    cause: error,
  });
}

function bothFailed(undoing: RehomeError, first: RehomeError): RehomeError {
  const { code, message, where, output, remedy } = undoing;
  return new RehomeError(code, message, {
    ...where,
    ...(remedy !== undefined && { remedy }),
    output: [output, `going back because: ${first.message} [${first.code}]`].filter(Boolean).join("\n"),
    cause: first,
  });
}

/**
 * Goes back to the source at any point before `commit`: the guest is stopped and unregistered, the source works again
 * as it was at cutover. What the guest wrote since is lost.
 * @returns the steps that were undone, and whether the source answers; without `powerOn` somebody must switch it on
 * @throws RehomeError wrong-state, locked, source-not-back, and what the undoing throws; calling it again goes on
 */
export async function rollBack(request: CutoverRequest): Promise<RollbackResult> {
  const { session } = request;
  const lock = await session.store.lock(`rehome rollback ${session.guest}`);
  try {
    const records = await session.store.records();
    requireState(session, stateOf(records), ["cutting-over", "cut-over"], "roll back");
    const context = unstoppable(request, records);
    try {
      await controlOf(context).requireWayBack(context);
      const undone = await goBack(context);
      const left = await releaseSource(session, () => context.source.open());
      if (left !== undefined) request.report.note({ severity: "warning", text: left });
      return { guest: session.guest, undone, sourceAnswers: await controlOf(context).answers(context) };
    } finally {
      await leave(context);
    }
  } finally {
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
 * Makes a cutover final: there is no way back any more. What follows changes on the source is removed, where it answers.
 * @returns why something is left there
 * @throws RehomeError wrong-state, locked
 */
export async function commit(session: GuestSession): Promise<{ readonly leftOnSource: string | undefined }> {
  const lock = await session.store.lock(`rehome commit ${session.guest}`);
  try {
    requireState(session, stateOf(await session.store.records()), ["cut-over"], "commit");
    await session.store.append({ type: "state", at: Date.now(), state: "committed" });
    return { leftOnSource: await releaseSource(session, () => session.connect()) };
  } finally {
    await lock.release();
  }
}

/** What a cutover would do, step by step. */
export async function describeCutover(
  request: CutoverRequest,
): Promise<readonly { readonly title: string; readonly actions: readonly string[] }[]> {
  const records = await request.session.store.records();
  requireOnward(request.session, records);
  const context = contextOf(request, records);
  const steps = currentSteps(records);
  return CUTOVER_STEPS.map((step) => ({
    title: step.title,
    actions: statusOf(steps, step.name) === "done" ? ["done already"] : step.describe(context),
  }));
}

/** Going back is not stopped by Ctrl-C. */
function unstoppable({ session, options, report }: CutoverRequest, records: readonly GuestRecord[]): CutoverContext {
  return contextOf({ session, options, report }, records);
}

function contextOf(request: CutoverRequest, records: readonly GuestRecord[]): CutoverContext {
  const { session, options, report, signal } = request;
  const planned = plannedOf(records);
  if (planned === undefined) throw notStaged(session);
  let appliance: Promise<Hypervisor["type"]> | undefined;
  const { plan, machine } = planned;
  const home = session.landing.kind === "cluster" ? clusterHome : machineHome;
  return {
    session,
    plan,
    machine,
    source: sourceLink(() => session.connect()),
    volumes: volumeKeeper(() => session.openVolumes({ plan, report, signal }), report),
    home: home({ session, plan, machine, report, signal }),
    appliance: () => (appliance ??= probeHypervisor(session.target).then(({ type }) => type)),
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
