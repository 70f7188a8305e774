import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import { copiesOf } from "../staging/index.js";
import { draftGuest } from "../plan/draft.js";
import type { Draft } from "../plan/context.js";
import type { GuestSession } from "../session.js";
import type { GuestPlan, Machine } from "../types.js";

/**
 * The guest becomes what it was staged as. What was written in rehome.yaml since then, and what `rehome plan` shows of it,
 * would have no effect, and nobody would say so.
 * @param planned what it was staged as, and the machine as it was then
 * @throws RehomeError config-changed
 */
export function requireSamePlan(
  { guest, guestConfig, landing, configPath }: GuestSession,
  { plan, machine }: { readonly plan: GuestPlan; readonly machine: Machine },
): void {
  const staged = described(plan);
  const found = described(draftGuest(guest, guestConfig, landing, machine)).flatMap(([what, value], index) => {
    const before = staged[index]?.[1];
    return value === before ? [] : [`${what} ${value} instead of ${before ?? "none"}`];
  });
  if (found.length === 0) return;
  throw new RehomeError("config-changed", `${guest} was staged as something else: ${found.join("; ")}`, {
    path: configPath,
    remedy: `run rehome stage ${guest}, from when on it counts; or put back what was there`,
  });
}

type Described = readonly (readonly [what: string, value: string])[];

function described({ source, vcpus, memory, nics, volumes }: Draft): Described {
  const copies = copiesOf({ volumes }).map(({ disk, path }) => `${disk} on ${path}`);
  return [
    ["source", source],
    ["vcpus", String(vcpus)],
    ["memory", formatSize(memory)],
    ["network", nics.map(({ mac, bridge }) => `${mac} on ${bridge}`).join(", ") || "none"],
    ["disks", copies.join(", ") || "none"],
  ];
}
