import type { DomainDisk, DomainSpec } from "../../cluster/libvirt/types.js";
import type { GuestPlan, Machine } from "../types.js";

/** What a guest's domain has of the place that it lives in. */
export interface DomainPlace extends Pick<DomainSpec, "hypervisor" | "cpuModel" | "consoleLog"> {
  /** Of the plan's volumes, in order. */
  readonly disks: readonly Pick<DomainDisk, "path" | "kind">[];
}

/** What the planned guest is to libvirt. */
export function domainSpecOf(plan: GuestPlan, machine: Machine, { disks, ...place }: DomainPlace): DomainSpec {
  return {
    name: plan.name,
    title: `${machine.hostname} (${machine.distribution.name})`,
    firmware: plan.firmware,
    vcpus: plan.vcpus,
    memory: plan.memory,
    disks: disks.map((disk, index) => {
      const volume = plan.volumes[index];
      const serial = volume?.identity.serial;
      return { ...disk, format: "raw", device: volume?.device ?? "", ...(serial !== undefined && { serial }) };
    }),
    nics: plan.nics.map(({ mac, bridge }) => ({ mac, bridge })),
    ...place,
  };
}
