import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { listed, type PlanContext } from "../context.js";

/** What the target lacks, whatever the guest is. */
export function checkTarget({ target, machine }: PlanContext): readonly Concern[] {
  const missing = target.missingTools.filter(({ paravirtual }) => paravirtual !== true || machine.boot !== undefined);
  const packages = [...new Set(missing.map((tool) => tool.package))];
  return [
    ...(packages.length === 0
      ? []
      : [
          concern(
            "tools-missing",
            `the target lacks ${listed(missing.map((tool) => tool.name))}`,
            `apt-get install ${packages.join(" ")}`,
          ),
        ]),
    ...(target.hypervisor === "qemu"
      ? [
          concern(
            "hypervisor-emulated",
            "KVM does not work on the target: the guest is emulated, many times slower",
            "switch virtualization on in the target's firmware (or in the machine that it runs in)",
          ),
        ]
      : []),
    ...(target.unknown.length === 0
      ? []
      : [concern("target-incomplete", `not known: ${target.unknown.join("; ")}`, "put that right, and plan again")]),
  ];
}
