/** Where a part of the prediction comes from. */
export type Basis = "measured" | "derived" | "default";

export interface DowntimePart {
  readonly step: "shutdown" | "scan" | "transfer" | "verify" | "convert" | "define" | "boot";
  readonly ms: number;
  readonly basis: Basis;
}

/** Downtime if the guest were cut over now, in ms, with every part and where it comes from. */
export interface DowntimePrediction {
  readonly totalMs: number;
  readonly parts: readonly DowntimePart[];
  /** Bytes expected to travel in the last pass. */
  readonly dirtyBytes: number;
}

/** What is known of the steps; what is absent is taken from DEFAULT_MS. */
export interface DowntimeFacts {
  /** Bytes that the last pass is expected to write. */
  readonly dirtyBytes: number;
  /** Whether dirtyBytes comes from a delta pass; a first full pass only allows a guess. */
  readonly dirtyMeasured: boolean;
  /** Bytes a second that travel to the target when all of them changed. */
  readonly bandwidth: number;
  /** Reading and hashing all disks once, in ms, as the last delta pass did it. */
  readonly scanMs: number;
  readonly scanMeasured: boolean;
  /** Bytes a second read back from the target, when it was measured. */
  readonly readBackRate?: number | undefined;
  readonly shutdownMs?: number | undefined;
  readonly convertMs?: number | undefined;
  /** Start of the conversion's appliance: it begins when the source is brought to rest, and counts from when it is waited for. */
  readonly applianceMs?: number | undefined;
  readonly defineMs?: number | undefined;
  readonly bootMs?: number | undefined;
}

/** Stated defaults for steps that nobody has measured yet on this guest, in ms (bytes a second for readBackRate). */
export const DOWNTIME_DEFAULTS = {
  shutdownMs: 15_000,
  convertMs: 30_000,
  defineMs: 3_000,
  bootMs: 30_000,
  readBackRate: 150 * 1024 * 1024,
} as const;

/**
 * Downtime = shutdown + scanning the source a last time + dirty / bandwidth + reading back what was sent + convert +
 * define and register + boot (shared rule "when to stop pre-copying"). Scanning and transfer overlap, so the scan part is
 * whole and the transfer part is only what goes beyond it; so does the start of the conversion's appliance with all before it.
 */
export function predictDowntime(facts: DowntimeFacts): DowntimePrediction {
  const transferMs = facts.bandwidth > 0 ? (facts.dirtyBytes / facts.bandwidth) * 1000 : 0;
  const verifyMs = (facts.dirtyBytes / (facts.readBackRate ?? DOWNTIME_DEFAULTS.readBackRate)) * 1000;
  const before: readonly DowntimePart[] = [
    part("shutdown", facts.shutdownMs, DOWNTIME_DEFAULTS.shutdownMs),
    { step: "scan", ms: facts.scanMs, basis: facts.scanMeasured ? "measured" : "derived" },
    {
      step: "transfer",
      ms: Math.max(0, transferMs - facts.scanMs),
      basis: facts.dirtyMeasured ? "measured" : "derived",
    },
    { step: "verify", ms: verifyMs, basis: facts.readBackRate === undefined ? "default" : "measured" },
  ];
  const waitMs = Math.max(0, (facts.applianceMs ?? 0) - total(before));
  const convert = part("convert", facts.convertMs, DOWNTIME_DEFAULTS.convertMs);
  const parts: readonly DowntimePart[] = [
    ...before,
    { ...convert, ms: convert.ms + waitMs },
    part("define", facts.defineMs, DOWNTIME_DEFAULTS.defineMs),
    part("boot", facts.bootMs, DOWNTIME_DEFAULTS.bootMs),
  ];
  return { totalMs: total(parts), parts, dirtyBytes: facts.dirtyBytes };
}

function total(parts: readonly DowntimePart[]): number {
  return parts.reduce((sum, { ms }) => sum + ms, 0);
}

function part(step: DowntimePart["step"], measuredMs: number | undefined, defaultMs: number): DowntimePart {
  return measuredMs === undefined
    ? { step, ms: defaultMs, basis: "default" }
    : { step, ms: measuredMs, basis: "measured" };
}
