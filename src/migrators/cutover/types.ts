import type { Hypervisor } from "../../cluster/libvirt/types.js";
import type { Report } from "../../lib/report.js";
import type { ApplianceAhead } from "../conversion/ahead.js";
import type { SessionKeeper, VerifyMode } from "../staging/index.js";
import type { VolumeKeeper } from "../landing/volume-keeper.js";
import type { GuestSession } from "../session.js";
import type { GuestPlan, Machine } from "../types.js";
import type { Home } from "./home/types.js";
import type { SourceLink } from "./source-link.js";

export interface CutoverOptions {
  /** Refuse to begin when the predicted downtime is longer, in ms; and go back when the measured one is twice as long. */
  readonly maxDowntimeMs?: number;
  /** How the copy is proven before the source goes. */
  readonly verify: VerifyMode;
  /** The administrator's word that the source is off, when rehome cannot find out by itself. */
  readonly sourceIsOff: boolean;
  /** Whether a guest that did not boot when it was rehearsed is cut over all the same. */
  readonly despiteRehearsal?: boolean;
}

/** What the steps of a cutover, and of its undoing, work on. */
export interface CutoverContext {
  readonly session: GuestSession;
  /** The plan and the machine that the guest was staged by. */
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly source: SourceLink;
  readonly volumes: VolumeKeeper;
  /** What the passes have open on the source and on the volumes; closed before anything else uses these. */
  readonly sessions: SessionKeeper;
  /** Where the guest will live. */
  readonly home: Home;
  /** What the appliance that converts the guest runs with; found out once and remembered. */
  readonly appliance: () => Promise<Hypervisor["type"]>;
  /** The appliance that is started when the window opens. */
  readonly ahead: ApplianceAhead;
  readonly options: CutoverOptions;
  readonly report: Report;
  /** Aborted by Ctrl-C; undoing goes on without it. */
  readonly signal: AbortSignal | undefined;
}

/** One part of the measured downtime. */
export interface DowntimeShare {
  readonly step: string;
  readonly title: string;
  readonly ms: number;
}

/** What a cutover came to. */
export interface CutoverResult {
  readonly guest: string;
  /** From the first service stopped on the source to the last check answered by the guest, in ms. */
  readonly downtimeMs: number;
  readonly shares: readonly DowntimeShare[];
}

/** What a rollback came to. */
export interface RollbackResult {
  readonly guest: string;
  /** Steps, in the order in which they were undone. */
  readonly undone: readonly string[];
  /** False when the source is off or cannot be reached: somebody must switch it on. */
  readonly sourceAnswers: boolean;
}
