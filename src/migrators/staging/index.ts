/**
 * The block engine: copies a running machine's disks to volumes, again and again, until little is left.
 * `rehome stage` calls stageGuest; the cutover calls runFinalPass, verifyTarget and, when the guest's own data begins to
 * differ from the source's, markDiverged.
 */
export { decideStop, type PassOutcome, type StopLimits, type StopReason } from "./stop-rule.js";
export {
  DOWNTIME_DEFAULTS,
  predictDowntime,
  type DowntimeFacts,
  type DowntimePart,
  type DowntimePrediction,
} from "./downtime.js";
export { copiesOf, type DiskCopy } from "./copies.js";
export { markDiverged, markStaged, runFinalPass, stageGuest, verifyTarget } from "./engine.js";
export { factsOf } from "./facts.js";
export { sessionKeeper, type SessionKeeper } from "./session-keeper.js";
export type * from "./types.js";
