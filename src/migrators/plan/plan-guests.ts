import { ERROR_CODES } from "../../lib/error-codes.js";
import { RehomeError } from "../../lib/errors.js";
import { reported, type Report } from "../../lib/report.js";
import { cutoverBegan, stateOf } from "../guest-store.js";
import { landingOf } from "../landing/landing.js";
import { inspectSource, plansOfOthers, type GuestSession } from "../session.js";
import type { Concern, GuestPlan, Machine } from "../types.js";
import { concern } from "./concerns.js";
import type { Draft } from "./context.js";
import { draftGuest } from "./draft.js";
import { planGuest } from "./plan.js";

/** What is to be said of a guest; without a plan when its source could not be reached, or its cutover began. */
export interface GuestOutlook {
  readonly guest: string;
  readonly source: string;
  readonly plan: GuestPlan | undefined;
  readonly concerns: readonly Concern[];
}

interface Inspected {
  readonly session: GuestSession;
  readonly machine: Machine;
  readonly draft: Draft;
}

/**
 * Plans several guests of one rehome.yaml with a view to each other (MACs, space). A source that cannot be reached is a
 * concern of its guest, so that the others are planned all the same.
 * @throws RehomeError cancelled, and whatever is not about reaching a source
 */
export async function planGuests(
  sessions: readonly GuestSession[],
  report: Report,
  signal?: AbortSignal,
): Promise<readonly GuestOutlook[]> {
  const [first] = sessions;
  if (first === undefined) return [];
  const [target, ...found] = await Promise.all([
    reported(report, { id: "target", title: "look at the target" }, () => first.gatherTarget(signal)),
    ...sessions.map((session) => inspectForPlan(session, report, signal)),
  ]);
  const inspected = found.filter((one): one is Inspected => "machine" in one);
  return Promise.all(
    found.map(async (one): Promise<GuestOutlook> => {
      const { session } = one;
      const { guest, config, guestConfig } = session;
      if (!("machine" in one)) return { guest, source: guestConfig.source, plan: undefined, concerns: [one.concern] };
      const now = inspected.filter((other) => other.session.guest !== guest).map(({ draft }) => draft);
      const before = await plansOfOthers(session);
      const others = [...now, ...before.filter((plan) => !now.some(({ name }) => name === plan.name))];
      const state = stateOf(await session.store.records());
      const plan = planGuest({ name: guest, config, machine: one.machine, target, others, state });
      return { guest, source: guestConfig.source, plan, concerns: plan.concerns };
    }),
  );
}

type Unplanned = { readonly session: GuestSession; readonly concern: Concern };

async function inspectForPlan(
  session: GuestSession,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<Inspected | Unplanned> {
  const { guest, guestConfig, config } = session;
  const state = stateOf(await session.store.records());
  if (cutoverBegan(state)) {
    const text = `${guest} is ${state}: its source is off, or about to be`;
    return { session, concern: concern("guest-moved", text, `see rehome status ${guest}`) };
  }
  try {
    const machine = await reported(
      report,
      { id: guest, title: `inspect ${guestConfig.source} for ${guest}` },
      () => inspectSource(session, signal),
      (found) => found.distribution.name,
    );
    return { session, machine, draft: draftGuest(guest, guestConfig, landingOf(config), machine) };
  } catch (error) {
    const reason = error instanceof RehomeError ? reachingConcern(error) : undefined;
    if (reason === undefined) throw error;
    return { session, concern: reason };
  }
}

/** The concern that an error of reaching a source stands for; undefined for other errors. */
export function reachingConcern(error: RehomeError): Concern | undefined {
  if (ERROR_CODES[error.code].exit !== "connection" && error.code !== "connection-lost") return undefined;
  const machine = error.where.machine === undefined ? "" : `${error.where.machine}: `;
  return concern(
    error.code === "host-key-unknown" ? "host-key-unknown" : "source-unreachable",
    `${machine}${error.message}`,
    error.remedy ?? "see that the machine runs and that its address is right",
  );
}

export function isBlocked({ concerns }: GuestOutlook): boolean {
  return concerns.some(({ severity }) => severity === "blocker");
}
