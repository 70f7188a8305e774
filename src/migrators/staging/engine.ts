import { RehomeError } from "../../lib/errors.js";
import type { GuestPlan } from "../types.js";
import type {
  FinalPassRequest,
  FinalPassResult,
  StageRequest,
  StageResult,
  VerifyRequest,
  VerifyResult,
} from "./types.js";

/**
 * Locks the guest, creates its volumes, and runs passes until the stop rule ends them. Every pass, the plan and the
 * state (`staging`, then `staged`) go to the guest's journal. Whatever interrupts it: the next run goes on where it stopped.
 * @throws RehomeError locked, disk-changed, disk-missing, volume-foreign, volume-diverged, target-full, connection-lost, cancelled
 */
export function stageGuest(request: StageRequest): Promise<StageResult> {
  return todo("stageGuest", request);
}

/**
 * The last pass of a cutover, over all of every disk; recorded in the guest's journal. The caller holds the guest's lock.
 * @throws RehomeError as stageGuest
 */
export function runFinalPass(request: FinalPassRequest): Promise<FinalPassResult> {
  return todo("runFinalPass", request);
}

/**
 * Reads the target back, past the page cache, and compares. The caller holds the guest's lock.
 * @throws RehomeError verify-mismatch with disk and offset; volume-missing; nothing-copied when the volume is empty and the source is not
 */
export function verifyTarget(request: VerifyRequest): Promise<VerifyResult> {
  return todo("verifyTarget", request);
}

/**
 * Notes on the guest's volumes that they are no copies of the source any more: to be called right before the first write
 * to them that did not come from the source (committing the conversion, starting the guest). Further passes are refused.
 * @param reason shown to the administrator, such as `converted` or `the guest ran`
 */
export function markDiverged(plan: GuestPlan, reason: string): Promise<void> {
  return todo("markDiverged", { plan, reason });
}

/**
 * Allows passes again after a rollback, when what the volumes hold beyond the source may be overwritten. Nothing is
 * believed of them any more: the next pass hashes all of the target as well.
 */
export function markStaged(plan: GuestPlan): Promise<void> {
  return todo("markStaged", { plan });
}

function todo(name: string, input: unknown): Promise<never> {
  return Promise.reject(new RehomeError("internal", `${name} has not landed yet`, { cause: input }));
}
