import { entryOf } from "../../lib/entry-of.js";
import type { Config } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import { landingOf } from "../landing/landing.js";
import type { GuestPlan, GuestState, Machine } from "../types.js";
import { CHECKS } from "./checks/index.js";
import { bySeverity } from "../../lib/concern.js";
import type { Draft } from "./context.js";
import { draftGuest } from "./draft.js";
import type { TargetFacts } from "./target.js";

export interface PlanInput {
  readonly name: string;
  readonly config: Config;
  readonly machine: Machine;
  readonly target: TargetFacts;
  /** The other guests, for what guests must not share. */
  readonly others: readonly Draft[];
  readonly state: GuestState;
}

/** What becomes of a machine, and every concern about it, blockers first. Pure. @throws RehomeError guest-unknown */
export function planGuest({ name, config, machine, target, others, state }: PlanInput): GuestPlan {
  const guest = entryOf(config.guests, name);
  if (guest === undefined) throw new RehomeError("guest-unknown", `there is no guest "${name}"`);
  const landing = landingOf(config);
  const draft = draftGuest(name, guest, landing, machine);
  const context = { draft, guest, landing, machine, target, others, state };
  return { ...draft, concerns: bySeverity(CHECKS.flatMap((check) => check(context))) };
}

/** @throws RehomeError plan-blocked, with every blocker in its output */
export function requireUnblocked(plan: GuestPlan): void {
  const blockers = plan.concerns.filter(({ severity }) => severity === "blocker");
  const [first] = blockers;
  if (first === undefined) return;
  throw new RehomeError("plan-blocked", `guest ${plan.name} cannot be moved: ${first.message} (${first.code})`, {
    remedy: first.remedy,
    ...(blockers.length > 1 && {
      output: blockers
        .slice(1)
        .map(({ code, message, remedy }) => `${message} (${code}): ${remedy}`)
        .join("\n"),
    }),
  });
}
