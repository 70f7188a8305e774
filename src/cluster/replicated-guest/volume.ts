import { RehomeError } from "../../lib/errors.js";
import type { PresentHosts } from "../pacemaker/presence.js";
import type { ClusterSession } from "../setup/session.js";
import { listVolumes, type ReplicatedVolume } from "../volumes/replicated/index.js";

/**
 * A guest's volume, which somebody has current data of: where one host is away, the other one.
 * @throws RehomeError volume-missing, volume-stale
 */
export async function findVolume(
  session: ClusterSession,
  { hosts, away }: PresentHosts,
  name: string,
): Promise<ReplicatedVolume> {
  const volume = (await listVolumes(session, hosts)).find((each) => each.name === name);
  if (volume === undefined) {
    throw new RehomeError("volume-missing", `there is no replicated volume "${name}"`, {
      remedy: `rehome volume list shows them; make it with: rehome volume create ${name} --size SIZE`,
    });
  }
  if (away !== undefined) requireCurrent(volume, away);
  const known = Object.values(volume.states).flatMap(({ disks }) => disks);
  if (known.length > 0 && !known.includes("UpToDate")) {
    throw new RehomeError("volume-missing", `no host has current data of volume "${name}": ${known.join(", ")}`, {
      remedy: `finish it with rehome volume create ${name}, or see drbdadm status ${name}`,
    });
  }
  return volume;
}

/** What is not known to be current may be older than what the host that is away has. */
function requireCurrent({ name, parts, states }: ReplicatedVolume, away: string): void {
  for (const [machine, { disks }] of Object.entries(states)) {
    if (disks.length === parts.length && disks.every((disk) => disk === "UpToDate")) continue;
    throw new RehomeError("volume-stale", `the volume ${name} is ${disks.join(", ") || "not attached"} here`, {
      machine,
      remedy: `bring ${away} back, which may have newer data`,
    });
  }
}
