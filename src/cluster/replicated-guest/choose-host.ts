import { childrenOf, descendantsOf, type XmlElement } from "../../lib/xml.js";
import { findResource } from "../cib/edit.js";
import { setTransientAttribute } from "../cib/status.js";
import { findPath, pairValue, type Edit } from "../cib/tree.js";
import { clusterNodes, inTurn } from "../control.js";
import type { Situation } from "../scheduler/types.js";
import { whatIf } from "../simulation/what-if.js";
import { effectsOf } from "./effects.js";
import { diskIds, ownIds, putGuest } from "./resources.js";

/** What a guest would take of a host. */
export interface GuestLoad {
  readonly name: string;
  readonly vcpus: number;
  /** Bytes. */
  readonly memory: number;
}

/** A guest that is to come to a host, and that the cluster does not know yet. */
export interface ComingGuest extends GuestLoad {
  readonly host: string;
}

export interface ChoiceOptions {
  /** Hosts to choose from, the one before the others where nothing else decides. */
  readonly hosts: readonly string[];
  /** Other guests that will take room. */
  readonly coming: readonly ComingGuest[];
  /** A full member that must not run any. */
  readonly arbitrator: string | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * The host with most room left of what guests may take of it (its reserve and overcommitment count), as long as the
 * scheduler would start the guest there when told that it is preferred, and would stop nothing for it. Pacemaker alone
 * promotes a volume without a look at whether its guest fits. Undefined when it fits nowhere, the cluster knows it
 * already, or nobody can tell.
 */
export async function preferredHost(
  cib: XmlElement,
  guest: GuestLoad,
  { hosts, coming, arbitrator, now }: ChoiceOptions,
): Promise<string | undefined> {
  const isKnown = ({ name }: GuestLoad): boolean => findResource(cib, name) !== undefined;
  if (isKnown(guest)) return undefined;
  const others = coming.filter((each) => each.name !== guest.name && !isKnown(each));
  const base = inTurn(...others.map((each) => added(each, each.host, arbitrator)))(cib);
  const { after, unsupported } = await whatIf(base, { injections: [], failures: [], now });
  if (unsupported.length > 0) return undefined;
  const ranked = hosts
    .map((host) => ({ host, free: capacityOf(base, host) - usedOn(base, after, host) }))
    .toSorted((one, other) => other.free - one.free);
  for (const { host } of ranked) {
    const edit = added(guest, host, arbitrator);
    const { moves, stopped } = await effectsOf(base, edit, ownIds(edit(base), guest.name), now);
    const place = moves.find(({ name }) => name === guest.name)?.after;
    if (place === `started ${host}` && stopped.length === 0) return host;
  }
  return undefined;
}

function added({ name, vcpus, memory }: GuestLoad, host: string, arbitrator: string | undefined): Edit {
  const put = putGuest({ name, volume: name, vcpus, memory, preferred: host }, arbitrator, "Started");
  return inTurn(put, expectPromotable(name));
}

/** DRBD's agent says how fit each side is for promotion, but only once it runs: until then it is supposed. */
export function expectPromotable(volume: string): Edit {
  const attribute = `master-${diskIds(volume).primitive}`;
  return (cib) => clusterNodes(cib).reduce((at, node) => setTransientAttribute(at, node, attribute, "10000"), cib);
}

/** MiB of memory that guests may take of a host. */
function capacityOf(cib: XmlElement, host: string): number {
  const nodes = findPath(cib, ["configuration", "nodes"]);
  return memoryOf(nodes && childrenOf(nodes, "node").find(({ attributes }) => attributes["uname"] === host));
}

function usedOn(cib: XmlElement, { placement }: Situation, host: string): number {
  const resources = findPath(cib, ["configuration", "resources"]);
  return (resources === undefined ? [] : descendantsOf(resources, "primitive"))
    .filter(({ attributes }) => placement[attributes["id"] ?? ""]?.some(({ nodes }) => nodes.includes(host)))
    .reduce((sum, primitive) => sum + memoryOf(primitive), 0);
}

function memoryOf(at: XmlElement | undefined): number {
  return Number((at && pairValue(at, "utilization", "hv_memory")) ?? 0);
}
