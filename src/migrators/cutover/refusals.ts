import { RehomeError } from "../../lib/errors.js";
import { currentSteps, goingBackBegan } from "./sequence.js";
import { stateOf, type GuestRecord } from "../guest-store.js";
import type { GuestSession } from "../session.js";
import type { GuestState } from "../types.js";

/** Only a cutover that is not on its way back may begin or go on. @throws RehomeError not-staged, wrong-state */
export function requireOnward(session: GuestSession, records: readonly GuestRecord[]): void {
  requireState(session, stateOf(records), ["staged", "cutting-over"], "cut over");
  if (stateOf(records) === "staged" || !goingBackBegan(currentSteps(records))) return;
  throw new RehomeError("wrong-state", "going back to the source began and has not ended: the source may be running", {
    remedy: `run rehome rollback ${session.guest}, then stage and cut over again`,
  });
}

/** A guest that is half-way back to its source is none to keep. @throws RehomeError not-staged, wrong-state */
export function requireArrived(session: GuestSession, records: readonly GuestRecord[]): void {
  requireState(session, stateOf(records), ["cut-over"], "commit");
  if (!goingBackBegan(currentSteps(records))) return;
  throw new RehomeError("wrong-state", "going back to the source began and has not ended", {
    remedy: `run rehome rollback ${session.guest}, which ends it`,
  });
}

/** @throws RehomeError not-staged, wrong-state */
export function requireState(
  session: GuestSession,
  state: GuestState,
  allowed: readonly GuestState[],
  verb: string,
): void {
  if (allowed.includes(state)) return;
  if (state === "planned" || state === "staging") throw notStaged(session);
  throw new RehomeError("wrong-state", `cannot ${verb} a guest that is ${state}`, {
    remedy: `see rehome status ${session.guest}`,
  });
}

export function notStaged(session: GuestSession): RehomeError {
  return new RehomeError("not-staged", `${session.guest} has no complete copy yet`, {
    remedy: `run rehome stage ${session.guest} first`,
  });
}

/** Nothing was undone: the same error, with where things stand and both ways from there. */
export function unfinished(error: RehomeError, standing: string, guest: string): RehomeError {
  const { code, message, where, output, remedy } = error;
  const ways = `${standing}, nothing was undone: run rehome cutover ${guest} to go on, or rehome rollback ${guest}`;
  return new RehomeError(code === "downtime-exceeded" ? "source-not-back" : code, message, {
    ...where,
    ...(output !== undefined && { output }),
    remedy: remedy?.includes("rehome rollback") ? remedy : [remedy, ways].filter(Boolean).join("; "),
    cause: error,
  });
}

/** Going back failed too. */
export function bothFailed(undoing: RehomeError, first: RehomeError): RehomeError {
  const { code, message, where, output, remedy } = undoing;
  return new RehomeError(code, message, {
    ...where,
    ...(remedy !== undefined && { remedy }),
    output: [output, `going back because: ${first.message} [${first.code}]`].filter(Boolean).join("\n"),
    cause: first,
  });
}

/**
 * Copying goes one way: blocks that the guest wrote are of a converted system, and the source's own disks must stay as
 * they were at cutover, or there would be no way back.
 * @throws RehomeError changes-stay, and wrong-state where there is nothing to go back from
 */
export async function refuseToKeepChanges(session: GuestSession): Promise<never> {
  const records = await session.store.records();
  requireState(session, stateOf(records), ["cutting-over", "cut-over"], "roll back");
  const { at: startedAt } =
    currentSteps(records).find(({ step, event }) => step === "start" && event === "started") ?? {};
  const since =
    startedAt === undefined
      ? "the guest was not started, so nothing would be lost"
      : `the guest has run since ${new Date(startedAt).toISOString()}`;
  throw new RehomeError("changes-stay", `what a guest wrote since its cutover cannot go back to the source; ${since}`, {
    machine: session.guestConfig.source,
    remedy: `copy what must be kept out of the guest first (rsync, a dump), then run rehome rollback ${session.guest} without it`,
  });
}
