import { delay } from "../../lib/delay.js";
import { RehomeError } from "../../lib/errors.js";
import { reported } from "../../lib/report.js";
import { guestStatus, type GuestStatus } from "../guests.js";
import type { Cluster } from "../types.js";
import type { GuestOptions } from "./types.js";

const PATIENCE_MS = 60_000;
const POLL_MS = 1000;

/**
 * Makes sure that a guest runs nowhere, or is not registered. Of one that was just registered the hosts are still being
 * asked: that is waited for.
 * @throws RehomeError resource-active, also when nobody can tell
 */
export async function requireStopped(cluster: Cluster, name: string, options: GuestOptions): Promise<void> {
  const { state, node } = await knownStatus(cluster, name, options);
  if (state === "stopped" || state === "unregistered") return;
  const where = node === undefined ? "" : ` on ${node}`;
  const isUnknown = state === "unknown";
  const message = isUnknown ? `nobody can tell whether guest "${name}" runs` : `guest "${name}" is ${state}${where}`;
  const stop = `rehome cluster stop ${name}`;
  throw new RehomeError("resource-active", message, {
    remedy: isUnknown ? `rehome cluster status says what is waited for; or ${stop}` : `stop it first: ${stop}`,
  });
}

async function knownStatus(
  cluster: Cluster,
  name: string,
  { report, signal, patienceMs = PATIENCE_MS }: GuestOptions,
): Promise<GuestStatus> {
  const first = await guestStatus(cluster, name);
  if (first.state !== "unknown") return first;
  return reported(report, { id: "known", title: `wait until the cluster knows whether ${name} runs` }, async () => {
    const end = performance.now() + patienceMs;
    for (;;) {
      const status = await guestStatus(cluster, name);
      if (status.state !== "unknown" || performance.now() >= end) return status;
      await delay(Math.min(POLL_MS, patienceMs), signal);
    }
  });
}
