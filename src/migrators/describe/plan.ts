import { formatSize } from "../../lib/units.js";
import { describeConcern } from "../../lib/view/concern-text.js";
import { table } from "../../lib/view/table.js";
import type { GuestOutlook } from "../plan/plan-guests.js";
import type { GuestPlan } from "../types.js";

/** A guest's plan and the concerns about it as lines for people, 80 columns wide. */
export function describeOutlook({ guest, source, plan, concerns }: GuestOutlook): readonly string[] {
  return [
    `${guest} ← ${source}`,
    ...(plan === undefined ? [] : describePlan(plan)),
    ...(concerns.length === 0 ? ["", "  no concerns"] : concerns.flatMap(describeConcern)),
  ];
}

function describePlan(plan: GuestPlan): readonly string[] {
  const volumes = plan.volumes.map(({ disk, size, device, path }) => [disk, formatSize(size), device, path]);
  const nics = plan.nics.map(({ name, mac, bridge }) => [name, mac, bridge]);
  return [
    `  ${plan.vcpus} vCPU${plan.vcpus === 1 ? "" : "s"}, ${formatSize(plan.memory)} of memory, ${plan.firmware === "uefi" ? "UEFI" : "BIOS"}`,
    ...(volumes.length === 0
      ? []
      : ["", ...table(["DISK", "SIZE", "BECOMES", "VOLUME"], volumes, { indent: 2, right: [1] })]),
    ...(nics.length === 0 ? [] : ["", ...table(["CARD", "MAC", "BRIDGE"], nics, { indent: 2 })]),
  ];
}
