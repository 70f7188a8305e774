import type { CheckConfig } from "../../lib/config/schema.js";
import { consoleTail } from "../../lib/console-text.js";
import { RehomeError } from "../../lib/errors.js";
import { parseAddress } from "../../lib/host/ssh/index.js";
import type { GuestSession } from "../session.js";
import type { Machine } from "../types.js";
import type { Home } from "./home/types.js";

/**
 * The guest's checks from rehome.yaml; without any, its ssh must answer where the source's did. A domain's own address
 * is not that of its host: it is the first that was found in it, and without one there is nothing to check.
 */
export function effectiveChecks(
  { guestConfig, sourceConfig }: Pick<GuestSession, "guestConfig" | "sourceConfig">,
  machine: Machine,
): readonly CheckConfig[] {
  if (guestConfig.checks.length > 0) return guestConfig.checks;
  if (sourceConfig.kind === "xen") {
    const [address] = machine.network.nics.flatMap(({ addresses }) => addresses);
    return address === undefined ? [] : [sshAt(address.replace(/\/\d+$/, ""), 22)];
  }
  const { host, port } = parseAddress(sourceConfig.address);
  return [sshAt(host, port)];
}

function sshAt(host: string, port: number): CheckConfig {
  return { tcp: `${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** A guest that does not answer: the same error with the end of its console and what to do now. */
export async function silentGuest(thrown: unknown, home: Home): Promise<unknown> {
  if (!(thrown instanceof RehomeError) || thrown.code !== "guest-silent") return thrown;
  const { text, ...where } = await home.console();
  return new RehomeError("guest-silent", thrown.message, {
    ...where,
    output: consoleTail(text, 15),
    remedy:
      "the source is off and intact: look at the guest (virsh console), then run the same command again, or rehome rollback",
  });
}
