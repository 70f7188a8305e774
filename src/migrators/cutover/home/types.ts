import type { GuestStatus, WaitOptions } from "../../../cluster/guests.js";
import type { Report } from "../../../lib/report.js";
import type { GuestSession } from "../../session.js";
import type { GuestPlan, Machine } from "../../types.js";

/** Where a guest is to live. Everything may be done again with the same result. */
export interface Home {
  /** What `register` does, for --dry-run. */
  readonly registering: readonly string[];
  /** Tries everything that could fail once the source is at rest; changes nothing. */
  check(): Promise<void>;
  /**
   * Makes the guest a resource of the cluster, stopped.
   * @param release has rehome let go of the guest's volumes, which is done before the cluster hears of the guest
   * @returns a few words on what came out
   */
  register(release: () => Promise<void>): Promise<string>;
  /** Takes the stopped guest out again. Nothing happens when it is not there. */
  unregister(): Promise<void>;
  status(): Promise<GuestStatus>;
  /** Starts the guest, and waits until it runs. @throws as startGuest of src/cluster/guests.ts */
  start(wait: WaitOptions): Promise<GuestStatus>;
  /** Stops a guest that is given up, with what it wrote: one that does not shut down in time is ended. @throws as stopGuest */
  giveUp(wait: WaitOptions): Promise<void>;
  /** What the guest wrote to its serial console, and where that is. */
  console(): Promise<ConsoleText>;
  /** Forgets connections, which are kept between the calls. */
  leave(): Promise<void>;
}

export interface ConsoleText {
  readonly machine?: string;
  readonly path: string;
  readonly text: string;
}

/** What a home is made for. */
export interface HomeOptions {
  readonly session: GuestSession;
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
}

export const NO_CONSOLE = "(no console log)";
