import { formatSize } from "../../../lib/units.js";
import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import type { PlanContext } from "../context.js";

/** Whether the target can carry the guest; 0 stands for not known, which target-incomplete tells. */
export function checkCapacity({ draft, target }: PlanContext): readonly Concern[] {
  return [
    ...(target.memory > 0 && draft.memory > target.memory
      ? [
          concern(
            "memory-exceeds-target",
            `the guest gets ${formatSize(draft.memory)}, the target has ${formatSize(target.memory)}`,
            "set memory of the guest in rehome.yaml",
          ),
        ]
      : []),
    ...(target.cpus > 0 && draft.vcpus > target.cpus
      ? [
          concern(
            "vcpus-exceed-target",
            `the guest gets ${draft.vcpus} vCPUs, the target has ${target.cpus} processors`,
            "set vcpus of the guest in rehome.yaml",
          ),
        ]
      : []),
  ];
}
