import type { XmlElement } from "../../lib/xml.js";
import type { PresentHosts } from "../pacemaker/presence.js";
import { untestedMembers } from "../setup/fence-record.js";
import { membersOf } from "../setup/members.js";
import type { ClusterSession } from "../setup/session.js";
import type { ReplicatedVolume } from "../volumes/replicated/index.js";
import { isReplicated } from "../volumes/replicated/promotion.js";
import type { GuestDomain } from "./types.js";

export function notesOnAbsence({ away }: PresentHosts, name: string): readonly string[] {
  if (away === undefined) return [];
  return [
    `not yet highly available: ${away} is away and gets no definition of ${name}; once it is back, run rehome cluster add ${name}`,
  ];
}

export function notesOnReplication({ away }: PresentHosts, states: ReplicatedVolume["states"]): readonly string[] {
  const behind = Object.entries(states).filter(({ 1: { disks } }) => disks.some((disk) => disk !== "UpToDate"));
  if (behind.length > 0) {
    return behind.map(([host]) => `the volume is not current on ${host}: the guest cannot go there before it is`);
  }
  if (away !== undefined || Object.values(states).every(isReplicated)) return [];
  return ["not yet highly available: the hosts do not see each other over DRBD"];
}

export function notesOn(
  { cluster }: ClusterSession,
  cib: XmlElement,
  domain: GuestDomain,
  runs: boolean,
): readonly string[] {
  const untested = untestedMembers(cib, membersOf(cluster));
  return [
    ...(untested.length > 0
      ? [`fencing was never tested on ${untested.join(", ")}: nothing is highly available yet`]
      : []),
    ...(runs ? ["it runs: a changed definition counts from its next start on"] : []),
    ...(domain.usesUefi
      ? ["UEFI keeps its variables on each host: the guest must boot without an entry of its own"]
      : []),
  ];
}
