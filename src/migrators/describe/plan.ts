import { formatSize } from "../../lib/units.js";
import { describeConcern } from "../../lib/view/concern-text.js";
import { table } from "../../lib/view/table.js";
import type { GuestOutlook } from "../plan/plan-guests.js";
import type { GuestPlan, VolumePlan } from "../types.js";

/** A guest's plan and the concerns about it as lines for people, 80 columns wide. */
export function describeOutlook({ guest, source, plan, concerns }: GuestOutlook): readonly string[] {
  return [
    `${guest} ← ${source}`,
    ...(plan === undefined ? [] : describePlan(plan)),
    ...(concerns.length === 0 ? ["", "  no concerns"] : concerns.flatMap(describeConcern)),
  ];
}

const WRAPPED = "  * without a partition table there: rehome writes one around its parts";

function describePlan(plan: GuestPlan): readonly string[] {
  const volumes = plan.volumes.flatMap(volumeRows);
  const nics = plan.nics.map(({ name, mac, bridge }) => [name, mac, bridge]);
  return [
    `  ${plan.vcpus} vCPU${plan.vcpus === 1 ? "" : "s"}, ${formatSize(plan.memory)} of memory, ${plan.firmware === "uefi" ? "UEFI" : "BIOS"}`,
    ...(volumes.length === 0
      ? []
      : ["", ...table(["DISK", "SIZE", "BECOMES", "VOLUME"], volumes, { indent: 2, right: [1] })]),
    ...(plan.volumes.some(({ wrapping }) => wrapping !== undefined) ? [WRAPPED] : []),
    ...(nics.length === 0 ? [] : ["", ...table(["CARD", "MAC", "BRIDGE"], nics, { indent: 2 })]),
  ];
}

/** A volume; and below it the partitions that the disks become which are wrapped into it. */
function volumeRows({ disk, size, device, path, wrapping }: VolumePlan): readonly (readonly string[])[] {
  if (wrapping === undefined) return [[disk, formatSize(size), device, path]];
  const table = wrapping.table === "gpt" ? "GPT" : "DOS";
  return [
    [`${disk}*`, formatSize(size), device, path],
    ...wrapping.parts.map((part) => [
      `  ${part.disk}`,
      formatSize(part.size),
      `  ${device}${part.number}`,
      `  ${part.use === "linux" ? "file system" : part.use === "lvm" ? "LVM" : "swap"} from byte ${part.offset}, ${table}`,
    ]),
  ];
}
