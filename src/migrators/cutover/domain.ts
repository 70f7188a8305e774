import { join } from "node:path";
import type { DomainSpec, Hypervisor } from "../../cluster/libvirt/types.js";
import type { ClusterPaths } from "../../cluster/paths.js";
import type { GuestPlan, Machine } from "../types.js";

/** What the planned guest is to libvirt. */
export function domainSpecOf(
  plan: GuestPlan,
  machine: Machine,
  hypervisor: Hypervisor,
  paths: Pick<ClusterPaths, "consoles">,
): DomainSpec {
  return {
    name: plan.name,
    title: `${machine.hostname} (${machine.distribution.name})`,
    hypervisor,
    firmware: plan.firmware,
    vcpus: plan.vcpus,
    memory: plan.memory,
    disks: plan.volumes.map(({ path, device, identity }) => ({
      path,
      kind: "file",
      format: "raw",
      device,
      ...(identity.serial !== undefined && { serial: identity.serial }),
    })),
    nics: plan.nics.map(({ mac, bridge }) => ({ mac, bridge })),
    consoleLog: join(paths.consoles, `${plan.name}.log`),
  };
}
