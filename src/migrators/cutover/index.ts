import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { asRehomeError, RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { formatMoment } from "../../lib/moment.js";
import { formatDuration } from "../../lib/units.js";
import { applianceAhead } from "../conversion/ahead.js";
import { volumeKeeper } from "../landing/volume-keeper.js";
import { plannedOf, stateOf, type GuestRecord } from "../guest-store.js";
import { releaseSource } from "../cleanup.js";
import type { GuestSession } from "../session.js";
import { sessionKeeper } from "../staging/index.js";
import { clusterHome } from "./home/cluster.js";
import { machineHome } from "./home/machine.js";
import { atOpening, keepAppointment, timeOfTurn } from "./appointment.js";
import type { Turn } from "./queue.js";
import { bothFailed, notStaged, requireArrived, requireOnward, requireState, unfinished } from "./refusals.js";
import { requireSamePlan } from "./same-plan.js";
import { currentSteps, runSteps, statusOf, stepsDone, undoSteps, type Step } from "./sequence.js";
import { controlOf } from "./control.js";
import { sourceLink } from "./source-link.js";
import { beginAhead, convertStep, writeConversionStep } from "./steps/convert.js";
import { finalPassStep, verifyStep, warmPassStep } from "./steps/copy.js";
import { preflightStep } from "./steps/preflight.js";
import { quiesceStep } from "./steps/quiesce.js";
import { sourceOffStep } from "./steps/source-off.js";
import { answersStep, registerStep, startStep } from "./steps/start.js";
import { allowedDowntime, deadline, RETURN_FACTOR, withReason } from "./deadline.js";
import { downtimeBegan, downtimeOf, FIRST_OF_DOWNTIME } from "./downtime.js";
import type { CutoverContext, CutoverOptions, CutoverResult, RollbackResult } from "./types.js";

export type { CutoverOptions, CutoverResult, DowntimeShare, RollbackResult } from "./types.js";
export { downtimeOf } from "./downtime.js";
export { refuseToKeepChanges } from "./refusals.js";

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
  /** When the source is to be brought to rest, in ms since the epoch; at once without it. */
  readonly at?: number;
  /** The guest's place among others of the same run. */
  readonly turn?: Turn;
}

/**
 * Moves a staged guest here. When a step fails before the guest was started, everything is undone and the source works
 * again; after that the guest is left as it is, for the administrator to look at or to roll back. The same happens when
 * the guest is not being started after twice the downtime that is allowed. Interrupted (kill -9, power cut), the next call
 * goes on where it stopped. A time that is waited for leaves the guest staged until then.
 * @throws RehomeError not-staged, wrong-state, locked, cutover-stale, downtime-exceeded, window-missed, and what the steps
 *   throw
 */
export async function cutOver(request: CutoverRequest): Promise<CutoverResult> {
  const { session } = request;
  const { store } = session;
  const lock = await store.lock(`rehome cutover ${session.guest}`);
  try {
    const records = await store.records();
    requireOnward(session, records);
    request.turn?.ready();
    if (request.at !== undefined) await untilShortlyBefore(request, records, request.at);
    return await (request.turn === undefined ? begin(request) : request.turn.take(() => begin(request)));
  } finally {
    await lock.release();
  }
}

async function begin(request: CutoverRequest): Promise<CutoverResult> {
  const { at, ...atOnce } = request;
  const { session, report, turn } = atOnce;
  const { store } = session;
  if (stateOf(await store.records()) === "staged") {
    await store.append({ type: "state", at: Date.now(), state: "cutting-over" });
  }
  const opening = turn === undefined ? at : timeOfTurn(at);
  const context = await runOrReturn({ ...atOnce, ...(opening !== undefined && { at: opening }) });
  await store.append({ type: "state", at: Date.now(), state: "cut-over" });
  const left = await releaseSource(session, () => context.source.open());
  if (left !== undefined) report.note({ severity: "info", text: left });
  return { guest: session.guest, ...downtimeOf(await store.records(), CUTOVER_STEPS) };
}

/** Ends the appliance and forgets connections. Volumes that cannot be closed any more are noted: what went wrong before is what counts. */
async function leaveAlone({ source, volumes, sessions, ahead, home, report }: CutoverContext): Promise<void> {
  await ahead.drop(); // before the volumes, which it may have open
  const noteOf = (thrown: unknown): void => {
    const text = `the volumes were not closed: ${asRehomeError(thrown).message}`;
    report.note({ severity: "warning", text });
  };
  await sessions.release().catch(noteOf);
  await source.drop();
  await home.leave();
  await volumes.release().catch(noteOf);
}

/** @throws RehomeError wrong-state, as keepAppointment */
async function untilShortlyBefore(request: CutoverRequest, records: readonly GuestRecord[], at: number): Promise<void> {
  if (downtimeBegan(records) !== undefined && stateOf(records) === "cutting-over") {
    throw new RehomeError("wrong-state", "the source came to rest already, and waits for the cutover to go on", {
      remedy: `run it without --at; or go back: rehome rollback ${request.session.guest}`,
    });
  }
  const { report, turn } = request;
  const signal = turn?.signal ?? request.signal;
  const context = contextOf({ ...request, ...(signal && { signal }) }, records);
  const leave = (): Promise<void> => leaveAlone(context);
  const share = turn && (<T>(work: () => Promise<T>) => turn.share(work));
  const steps = { trial: preflightStep, refresh: warmPassStep };
  try {
    await keepAppointment({ at, context, ...steps, leave, report, signal, ...(share && { share }) });
  } finally {
    await leave();
  }
}

/** @returns what the steps worked on */
async function runOrReturn(request: CutoverRequest): Promise<CutoverContext> {
  const { session, report } = request;
  const { store } = session;
  const records = await store.records();
  const maxDowntimeMs = allowedDowntime(records, request.options.maxDowntimeMs);
  if (maxDowntimeMs !== undefined) await store.append({ type: "budget", at: Date.now(), maxDowntimeMs });
  const limit = deadline({
    maxDowntimeMs,
    beganAt: downtimeBegan(records),
    last: POINT_OF_NO_SILENT_RETURN,
    lastBegan: statusOf(currentSteps(records), POINT_OF_NO_SILENT_RETURN) !== "pending",
    mayReturn: () => mayReturn(context),
    report,
  });
  const signal = request.signal === undefined ? limit.signal : AbortSignal.any([request.signal, limit.signal]);
  const options = { ...request.options, ...(maxDowntimeMs !== undefined && { maxDowntimeMs }) };
  const context = contextOf({ ...request, options, signal }, records);
  try {
    await limit.resume();
    const opening = request.at === undefined ? undefined : atOpening(request.at, { report, signal });
    const beginning = (step: string): Promise<void> => {
      limit.beginning(step);
      beginAhead(step, context);
      return Promise.resolve();
    };
    await runSteps(CUTOVER_STEPS, context, store, report, { signal, opening, beginning });
    return context;
  } catch (thrown) {
    limit.close();
    const exceeded = limit.signal.aborted && maxDowntimeMs !== undefined;
    if (exceeded) await store.append({ type: "budget", at: Date.now(), maxDowntimeMs, exceeded });
    throw await returned(context, request, exceeded ? withReason(limit.signal.reason, thrown) : thrown);
  } finally {
    limit.close();
    await leaveAlone(context);
  }
}

/** Whether undoing now would bring the source back by itself. Before it is switched off, it would in all but rare cases. */
async function mayReturn(context: CutoverContext): Promise<boolean> {
  const steps = currentSteps(await context.session.store.records());
  return statusOf(steps, sourceOffStep.name) === "pending" || controlOf(context).canReturn(context, steps);
}

/** Goes back when that can be done by itself. @returns the error to end with */
async function returned(context: CutoverContext, request: CutoverRequest, thrown: unknown): Promise<unknown> {
  const { session, report } = context;
  const records = await session.store.records();
  const steps = currentSteps(records);
  if (statusOf(steps, POINT_OF_NO_SILENT_RETURN) !== "pending") {
    return unfinished(asRehomeError(thrown), "the guest may be running here", session.guest);
  }
  if (!(await controlOf(context).canReturn(context, steps))) {
    return unfinished(asRehomeError(thrown), "the source is at rest or off and not to be reached", session.guest);
  }
  report.note({ severity: "warning", text: "the cutover failed before the guest was started: going back" });
  await leaveAlone(context);
  const back = unstoppable(request, records);
  try {
    await goBack(back);
    return thrown;
  } catch (second) {
    return bothFailed(asRehomeError(second), asRehomeError(thrown));
  } finally {
    await leaveAlone(back);
  }
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
      await leaveAlone(context);
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
    requireArrived(session, await session.store.records());
    await session.store.append({ type: "state", at: Date.now(), state: "committed" });
    return { leftOnSource: await releaseSource(session, () => session.connect()) };
  } finally {
    await lock.release();
  }
}

/** What a cutover would do, step by step. @throws RehomeError not-staged, wrong-state, config-changed */
export async function describeCutover(
  request: CutoverRequest,
): Promise<readonly { readonly title: string; readonly actions: readonly string[] }[]> {
  const records = await request.session.store.records();
  requireOnward(request.session, records);
  const context = contextOf(request, records);
  if (stateOf(records) === "staged") requireSamePlan(request.session, context);
  const done = stepsDone(CUTOVER_STEPS, currentSteps(records));
  const planned = CUTOVER_STEPS.map((step) => ({
    title: step.title,
    actions: done.has(step.name)
      ? ["done already"]
      : [...step.describe(context), ...limitsOf(step, allowedDowntime(records, request.options.maxDowntimeMs))],
  }));
  if (request.at === undefined) return planned;
  const actions = ["do the next two at once, to see that they work", "copy what changed again and again"];
  return [{ title: `wait for ${formatMoment(request.at)}`, actions }, ...planned];
}

function limitsOf({ name }: Step<CutoverContext>, maxDowntimeMs: number | undefined): readonly string[] {
  if (maxDowntimeMs === undefined || name !== FIRST_OF_DOWNTIME) return [];
  return [`go back when the guest is not being started after ${formatDuration(maxDowntimeMs * RETURN_FACTOR)}`];
}

/** Going back is not stopped by Ctrl-C. */
function unstoppable({ session, options, report }: CutoverRequest, records: readonly GuestRecord[]): CutoverContext {
  return contextOf({ session, options, report }, records);
}

function contextOf(request: CutoverRequest, records: readonly GuestRecord[]): CutoverContext {
  const { session, options, report, signal } = request;
  const planned = plannedOf(records);
  if (planned === undefined) throw notStaged(session);
  let hypervisor: Promise<Hypervisor["type"]> | undefined;
  const { plan, machine } = planned;
  const appliance = (): Promise<Hypervisor["type"]> =>
    (hypervisor ??= probeHypervisor(session.target).then(({ type }) => type));
  const home = session.landing.kind === "cluster" ? clusterHome : machineHome;
  return {
    session,
    plan,
    machine,
    source: sourceLink(() => session.connect()),
    sessions: sessionKeeper(),
    volumes: volumeKeeper(() => session.openVolumes({ plan, report, signal }), report),
    home: home({ session, plan, machine, report, signal }),
    appliance,
    ahead: applianceAhead({ host: session.target, hypervisor: appliance, report, signal }),
    options,
    report,
    signal,
  };
}
