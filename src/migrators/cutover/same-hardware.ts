import { RehomeError } from "../../lib/errors.js";
import { isEthernet } from "../plan/draft.js";
import type { Disk, Machine, Nic } from "../types.js";
import type { CutoverContext } from "./types.js";

/** Disks and network cards, as far as another one can be told from them. */
export interface Hardware {
  readonly disks: readonly { readonly name: string; readonly path: string }[];
  /** In lower case. */
  readonly macs: readonly string[];
}

/** What a machine has of hardware that somebody may need: no empty slots, no cards that are down and without address. */
export function hardwareOf({ disks, network }: Pick<Machine, "disks" | "network">): Hardware {
  return {
    disks: disks.filter(hasContents).map(({ name, path, stablePath }) => ({ name, path: stablePath ?? path })),
    macs: network.nics.filter(isUsed).map(({ mac }) => mac.toLowerCase()),
  };
}

function hasContents({ partitionTable, format, contents }: Disk): boolean {
  return (partitionTable ?? format ?? contents[0]) !== undefined;
}

function isUsed(nic: Nic): boolean {
  return nic.physical && isEthernet(nic) && (nic.up || nic.addresses.length > 0);
}

/**
 * What the source got since it was looked at for its copy would stay behind, without a word. What rehome.yaml excludes was
 * there then, too.
 * @throws RehomeError source-changed
 */
export function requireSameHardware({ session, machine }: CutoverContext, now: Hardware): void {
  const paths = machine.disks.flatMap(({ path, stablePath }) => [path, stablePath]);
  const macs = machine.network.nics.map(({ mac }) => mac.toLowerCase());
  const found = [
    ...now.disks.filter(({ path }) => !paths.includes(path)).map(({ name, path }) => `disk ${name} (${path})`),
    ...now.macs.filter((mac) => !macs.includes(mac)).map((mac) => `a network card with the MAC ${mac}`),
  ];
  if (found.length === 0) return;
  const { guest, guestConfig } = session;
  throw new RehomeError("source-changed", `it has what it had not when it was staged: ${found.join(", ")}`, {
    machine: guestConfig.source,
    remedy: `run rehome stage ${guest}, which looks at it anew; name disks that are to stay behind in excludeDisks`,
  });
}
