import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { dmNameOf } from "../../lib/dm-name.js";
import type { ClusterSession } from "../setup/session.js";
import { partsOfVolume, type ReplicatedVolume } from "../volumes/replicated/index.js";
import { isConnected } from "../volumes/replicated/promotion.js";
import { replicatedPath } from "../volumes/replicated/plan.js";
import type { GuestRequest } from "./types.js";

/** What a guest has of its volume, in the order of its disks. */
export type VolumeParts = readonly Pick<ReplicatedVolume["parts"][number], "device" | "disk">[];

/** @throws RehomeError volume-missing, connection-lost */
export async function findParts(session: ClusterSession, hosts: readonly Host[], name: string): Promise<VolumeParts> {
  const parts = await partsOfVolume(session, hosts, name);
  if (parts !== undefined) return parts;
  throw new RehomeError("volume-missing", `there is no replicated volume "${name}"`, {
    remedy: `rehome volume list shows them; make it with: rehome volume create ${name} --size SIZE`,
  });
}

/**
 * Every path by which a domain may have a disk of a volume: DRBD's devices with the links that its udev rules make (drbd.rules),
 * and the logical volumes below them.
 */
export function pathsOf(volume: string, parts: VolumeParts): readonly string[] {
  return parts.flatMap(({ device, disk }, number) => {
    const [, , group = "", name = ""] = disk.split("/"); // /dev/GROUP/NAME
    const mapped = `/dev/mapper/${dmNameOf(group, name)}`;
    return [device, replicatedPath(volume, number), `/dev/drbd/by-disk/${group}/${name}`, disk, mapped];
  });
}

/**
 * Somebody has current data of a volume: where one host is away, the other one.
 * @param parts how many the volume has
 * @throws RehomeError volume-missing, volume-stale
 */
export function requireData(
  name: string,
  parts: number,
  states: ReplicatedVolume["states"],
  away: string | undefined,
): void {
  if (away !== undefined) requireCurrent(name, parts, states, away);
  const known = Object.values(states).flatMap(({ disks }) => disks);
  if (known.length > 0 && !known.includes("UpToDate")) {
    throw new RehomeError("volume-missing", `no host has current data of volume "${name}": ${known.join(", ")}`, {
      remedy: `finish it with rehome volume create ${name}, or see drbdadm status ${name}`,
    });
  }
}

/**
 * The hosts that may have missed what rehome wrote to a volume on the preferred one: those that are not connected. Fencing,
 * by which DRBD tells them itself, is left out while rehome writes.
 */
export function hostsBehind(
  { release, preferred }: Pick<GuestRequest, "release" | "preferred">,
  states: ReplicatedVolume["states"],
): readonly string[] {
  if (release === undefined || preferred === undefined || states[preferred] === undefined) return [];
  return Object.entries(states).flatMap(([host, state]) => (host === preferred || isConnected(state) ? [] : [host]));
}

/** What is not known to be current may be older than what the host that is away has. */
function requireCurrent(name: string, parts: number, states: ReplicatedVolume["states"], away: string): void {
  for (const [machine, { disks }] of Object.entries(states)) {
    if (disks.length === parts && disks.every((disk) => disk === "UpToDate")) continue;
    throw new RehomeError("volume-stale", `the volume ${name} is ${disks.join(", ") || "not attached"} here`, {
      machine,
      remedy: `bring ${away} back, which may have newer data`,
    });
  }
}
