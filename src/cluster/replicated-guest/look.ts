import { allEnded } from "../../lib/all-ended.js";
import type { Host } from "../../lib/host/types.js";
import type { XmlElement } from "../../lib/xml.js";
import { hasQuorum, noQuorum } from "../pacemaker/live-cib.js";
import { contentsKey, readFiles, type Contents } from "../setup/examine.js";
import type { ClusterSession } from "../setup/session.js";
import type { Cluster } from "../types.js";
import type { ReplicatedVolume } from "../volumes/replicated/index.js";
import { handOver, statesOn } from "../volumes/replicated/promotion.js";
import { definitionPath } from "./resources.js";
import type { GuestRequest } from "./types.js";
import { findParts, type VolumeParts } from "./volume.js";

/** What there is before a guest is registered. */
export interface Found {
  readonly cib: XmlElement;
  readonly parts: VolumeParts;
  /** The guest's definitions as they are. */
  readonly definitions: Contents;
}

/**
 * Asks all at once what a registration is made of.
 * @throws RehomeError volume-missing, command-failed, connection-lost, and as Cluster.read
 */
export async function lookAround(
  session: ClusterSession,
  cluster: Cluster,
  hosts: readonly Host[],
  { name, volume }: GuestRequest,
): Promise<Found> {
  const [cib, parts, definitions] = await allEnded([
    cluster.read(),
    findParts(session, hosts, volume),
    allEnded(hosts.map((host) => definitionOn(host, name))),
  ]);
  return { cib, parts, definitions: new Map(definitions) };
}

async function definitionOn(host: Host, name: string): Promise<readonly [string, Buffer | undefined]> {
  const path = definitionPath(name);
  const [content] = await readFiles(host, [path]);
  return [contentsKey({ machine: host.name, path }), content];
}

/**
 * What DRBD says of a volume, by host; of one that rehome wrote to, once nobody has it promoted.
 * @param member that the CIB was read on
 * @throws RehomeError no-quorum, and as handOver
 */
export async function volumeStates(
  { volume, release }: GuestRequest,
  hosts: readonly Host[],
  cib: XmlElement,
  member: Host,
): Promise<ReplicatedVolume["states"]> {
  if (release === undefined) return statesOn(hosts, volume);
  // others may have decided meanwhile who has the volume
  if (!hasQuorum(cib)) throw noQuorum(member.name);
  return handOver(hosts, volume, cib);
}
