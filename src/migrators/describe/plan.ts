import { formatSize } from "../../lib/units.js";
import { table, wrap } from "../../lib/view/table.js";
import type { GuestOutlook } from "../plan/plan-guests.js";
import type { Concern, GuestPlan } from "../types.js";

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

function describeConcern({ severity, code, message, remedy }: Concern): readonly string[] {
  return [
    "",
    `  ${severity.toUpperCase()} ${code}`,
    ...wrap(message, 76).map((line) => `    ${line}`),
    ...wrap(remedy, 74).map((line, index) => `    ${index === 0 ? "→ " : "  "}${line}`),
  ];
}
