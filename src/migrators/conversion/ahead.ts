import type { ErrorCode } from "../../lib/error-codes.js";
import { asRehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import type { Report } from "../../lib/report.js";
import { startWaiting, type WaitingAppliance } from "./guestfs/waiting.js";
import type { ConversionOptions } from "./types.js";

/** An appliance that is started ahead of the conversion, so that its boot is no downtime: an advantage, never a condition. */
export interface ApplianceAhead {
  /** Starts one, where none was started. Does not wait for it, and never fails. */
  begin(): void;
  /** The one that was started; undefined when there is none, or it does not work. */
  take(): Promise<WaitingAppliance | undefined>;
  /** Ends it when it still runs, taken or not. Never fails. */
  drop(): Promise<void>;
}

export interface AheadOptions {
  readonly host: Host;
  /** What the host runs virtual machines with. */
  readonly hypervisor: () => Promise<ConversionOptions["hypervisor"]>;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
}

export function applianceAhead(
  { host, hypervisor, report, signal }: AheadOptions,
  start: typeof startWaiting = startWaiting,
): ApplianceAhead {
  let started: { readonly appliance: Promise<WaitingAppliance>; readonly stop: AbortController } | undefined;
  return {
    begin() {
      if (started !== undefined) return;
      const stop = new AbortController();
      const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
      const appliance = (async () => start({ host, kvm: (await hypervisor()) === "kvm", signal: either }))();
      appliance.catch(() => undefined); // told when it is taken
      started = { appliance, stop };
    },
    async take() {
      try {
        return await started?.appliance;
      } catch (thrown) {
        if (signal?.aborted === true) throw thrown;
        report.note({ severity: "info", text: `no appliance was started ahead: ${asRehomeError(thrown).message}` });
        return undefined;
      }
    },
    async drop() {
      const old = started;
      started = undefined;
      old?.stop.abort(); // while it starts, there is nothing else to end it by
      const appliance = await old?.appliance.catch(() => undefined);
      await appliance?.kill().catch((thrown: unknown) => {
        const { message } = asRehomeError(thrown);
        report.note({ severity: "warning", text: `the appliance of the conversion was not ended: ${message}` });
      });
    },
  };
}

/**
 * What is wrong with what the disks hold, or with this machine: a new appliance would come upon it again. A system that was
 * not found is none of these, because an appliance may fail to show what the disks hold.
 */
const FOUND: ReadonlySet<ErrorCode> = new Set(["guest-filesystem-damaged", "guest-disk-full", "conversion-no-space"]);

/**
 * Converts with the appliance that was started ahead. When that fails and may be the appliance's fault, it is ended and all
 * is done again with a new one: only what that says counts.
 * @param convert on overlays that it makes anew each time
 * @throws RehomeError what `convert` throws without an appliance, or what it found with this one
 */
export async function aheadOrAnew<T>(
  { ahead, report, signal }: { ahead: ApplianceAhead; report: Report; signal: AbortSignal | undefined },
  convert: (waiting: WaitingAppliance | undefined) => Promise<T>,
): Promise<T> {
  const waiting = await ahead.take();
  if (waiting !== undefined) {
    try {
      return await convert(waiting);
    } catch (thrown) {
      const { code, message } = asRehomeError(thrown);
      if (signal?.aborted === true || FOUND.has(code)) throw thrown;
      await ahead.drop();
      const text = `converted again with a new appliance, because it failed with the one started ahead: ${message}`;
      report.note({ severity: "info", text });
    }
  }
  return convert(undefined);
}
