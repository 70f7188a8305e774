import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { allDomains, LIBVIRT, type HostDomain } from "./hosts.js";
import type { GuestDomain } from "./types.js";

/**
 * Nothing may ever run twice: a domain of the guest's name, UUID or disks that the cluster did not start is a reason not
 * to register it. The guest itself, where it is registered, runs without a definition: VirtualDomain made it.
 * @param devices of the guest's volume, and the volumes below them
 * @throws RehomeError domain-exists
 */
export function requireNowhereElse(
  domains: readonly HostDomain[],
  { name, uuid }: Pick<GuestDomain, "name" | "uuid">,
  devices: readonly string[],
  isRegistered: boolean,
): void {
  for (const domain of domains) {
    const shared = domain.disks.find((disk) => devices.includes(disk));
    if (domain.name !== name && domain.uuid !== uuid && shared === undefined) continue;
    const isItself = isRegistered && domain.name === name && !domain.defined;
    if (isItself) continue;
    throw new RehomeError("domain-exists", conflict(domain, name, shared), {
      machine: domain.host,
      remedy: remedyOf(domain),
    });
  }
}

/**
 * That the cluster, or a machine's runtime, does not run a guest, or knows it no more, says nothing of what somebody
 * started by hand.
 * @param libvirt URI of libvirt on the hosts
 * @throws RehomeError domain-exists; command-failed, output-unreadable when nobody can tell
 */
export async function requireRunsNowhere(hosts: readonly Host[], name: string, libvirt = LIBVIRT): Promise<void> {
  const domain = (await allDomains(hosts, libvirt)).find((each) => each.name === name && each.running);
  if (domain === undefined) return;
  throw new RehomeError("domain-exists", conflict(domain, name, undefined), {
    machine: domain.host,
    remedy: `${remedyOf(domain, libvirt)}; then run the same command again`,
  });
}

function conflict(domain: HostDomain, name: string, shared: string | undefined): string {
  const state = domain.running ? "runs" : "is defined";
  if (domain.name === name) return `a domain "${name}" ${state} in libvirt, outside the cluster`;
  return `the domain "${domain.name}" ${state} in libvirt, with the same ${shared === undefined ? "UUID" : `disk ${shared}`}`;
}

function remedyOf({ name, running, defined }: HostDomain, libvirt = LIBVIRT): string {
  const virsh = libvirt === LIBVIRT ? "virsh" : `virsh -c ${libvirt}`;
  const stop = running ? [`${virsh} shutdown ${name}`] : [];
  const forget = defined ? [`${virsh} undefine ${name} --keep-nvram`] : [];
  return `only the cluster may start it; run there: ${[...stop, ...forget].join(", then ")}`;
}
