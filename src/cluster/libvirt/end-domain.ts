import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";

const LIMIT = { timeoutMs: 60_000 };

/**
 * Ends a domain as a power cut would, if libvirt on that host runs it.
 * @returns whether it ran there
 * @throws RehomeError command-failed, command-timeout
 */
export async function endDomain(host: Host, libvirt: string, name: string): Promise<boolean> {
  const virsh = ["virsh", "--quiet", "--connect", libvirt];
  const running = await runChecked(host, [...virsh, "list", "--name"], LIMIT);
  if (!running.split("\n").includes(name)) return false;
  await runChecked(host, [...virsh, "destroy", "--domain", name], LIMIT);
  return true;
}
