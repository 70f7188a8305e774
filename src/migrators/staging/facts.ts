import { rehearsalOf, type GuestRecord, type StepRecord } from "../guest-store.js";
import type { Rehearsal } from "../rehearsal/types.js";
import type { Pass } from "../types.js";
import type { DowntimeFacts } from "./downtime.js";

/** A first full copy says nothing about what changes; this share of what it wrote is assumed. */
const ASSUMED_DIRTY = 0.01;

/** What the guest's passes and earlier cutovers say about the next downtime. @param passes oldest first */
export function factsOf(passes: readonly Pass[], records: readonly GuestRecord[]): DowntimeFacts {
  const numbers = [...new Set(passes.map(({ number }) => number))];
  const last = passes.filter(({ number }) => number === numbers.at(-1));
  const before = passes.filter(({ number }) => number === numbers.at(-2));
  const durationMs = Math.max(0, ...last.map((pass) => pass.durationMs));
  const written = sum(last, "writtenBytes");
  const rehearsed = rehearsedSince(records);
  const steps = (...names: readonly string[]): number | undefined => measuredSteps(records, names);
  return {
    ...dirtyOf(last, before, durationMs, written),
    bandwidth: bandwidthOf(passes),
    scanMs: scanMsOf(passes),
    scanMeasured: before.length > 0,
    shutdownMs: steps("quiesce", "source-off"),
    convertMs: rehearsed?.convertMs ?? steps("convert", "write-conversion"),
    applianceMs: rehearsed?.applianceMs,
    defineMs: steps("register"),
    bootMs: rehearsed?.bootMs ?? steps("start", "answers"),
  };
}

/** What changes until a pass that begins now has ended: as fast as in the last pass, for as long as it takes. */
function dirtyOf(
  last: readonly Pass[],
  before: readonly Pass[],
  durationMs: number,
  written: number,
): Pick<DowntimeFacts, "dirtyBytes" | "dirtyMeasured"> {
  const begun = last[0]?.startedAt;
  const begunBefore = before[0]?.startedAt;
  if (begun === undefined || begunBefore === undefined) {
    return { dirtyBytes: written * ASSUMED_DIRTY, dirtyMeasured: false };
  }
  const interval = Math.max(1, begun - begunBefore);
  return { dirtyBytes: (written / interval) * durationMs, dirtyMeasured: true };
}

/** Bytes a second in the pass that wrote most: there writing took the time, not reading. */
function bandwidthOf(passes: readonly Pass[]): number {
  const numbers = [...new Set(passes.map(({ number }) => number))];
  const byNumber = numbers.map((number) => passes.filter((pass) => pass.number === number));
  const heaviest = byNumber.toSorted((one, other) => sum(other, "writtenBytes") - sum(one, "writtenBytes"))[0] ?? [];
  const durationMs = Math.max(0, ...heaviest.map((pass) => pass.durationMs));
  return durationMs === 0 ? 0 : (sum(heaviest, "writtenBytes") / durationMs) * 1000;
}

/** The last pass as a whole: a delta pass is hardly more than reading and hashing. */
function scanMsOf(passes: readonly Pass[]): number {
  return Math.max(0, ...passes.filter(({ number }) => number === passes.at(-1)?.number).map((pass) => pass.durationMs));
}

/**
 * What a rehearsal measured, where it is younger than the last start at a cutover. How long a guest takes to boot where it is emulated says
 * nothing about a cluster, whose hosts are other machines.
 */
function rehearsedSince(
  records: readonly GuestRecord[],
): Pick<Rehearsal, "convertMs" | "applianceMs" | "bootMs"> | undefined {
  const rehearsal = rehearsalOf(records);
  const started = records.findLast((record) => record.type === "step" && record.step === "start");
  if (rehearsal === undefined || (started !== undefined && started.at > rehearsal.at)) return undefined;
  const { convertMs, applianceMs, bootMs, emulated } = rehearsal;
  const elsewhere = emulated && records.some((record) => record.type === "placed");
  return {
    ...(convertMs !== undefined && { convertMs, applianceMs }),
    ...(bootMs !== undefined && !elsewhere && { bootMs }),
  };
}

/** What steps of the last cutover took together (one that was rolled back); undefined unless all ended. */
function measuredSteps(records: readonly GuestRecord[], names: readonly string[]): number | undefined {
  const durations = names.map(
    (name) =>
      records.findLast(
        (record): record is StepRecord => record.type === "step" && record.step === name && record.event === "done",
      )?.durationMs,
  );
  return durations.reduce<number | undefined>(
    (total, ms) => (total === undefined || ms === undefined ? undefined : total + ms),
    0,
  );
}

function sum(passes: readonly Pass[], key: "writtenBytes"): number {
  return passes.reduce((total, pass) => total + pass[key], 0);
}
