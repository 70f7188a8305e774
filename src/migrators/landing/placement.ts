import { hasQuorum, readLiveCib } from "../../cluster/pacemaker/live-cib.js";
import { preferredHost, type ComingGuest } from "../../cluster/replicated-guest/index.js";
import type { ClusterSession } from "../../cluster/setup/session.js";
import { hostsOf } from "../../cluster/setup/members.js";
import { RehomeError } from "../../lib/errors.js";
import { availableMemory } from "../../lib/host/memory.js";
import type { Host } from "../../lib/host/types.js";
import { formatSize } from "../../lib/units.js";
import { currentSteps, goingBackBegan, statusOf } from "../cutover/sequence.js";
import { stateOf, type GuestRecord, type GuestStore } from "../guest-store.js";
import type { GuestPlan } from "../types.js";

/** A host that a guest's volumes are written on, and that is to run it. */
export interface Placement {
  readonly host: string;
  readonly because: string;
}

/** A host as placement sees it. */
export interface Candidate {
  readonly host: string;
  /** Memory that is not in use, in bytes. */
  readonly free: number;
}

/** Less than this share is no reason to leave the order of rehome.yaml. */
const NOTICEABLE = 0.1;

/**
 * A guest that was placed stays where it is as long as that host can be reached; a new one goes where the cluster has most
 * room by its own limits. Undefined where free memory has to decide. Pure.
 * @param hosts that can be reached
 */
export function place(hosts: readonly string[], before: string | undefined, preferred?: string): Placement | undefined {
  if (before !== undefined) {
    return hosts.includes(before) ? { host: before, because: "what was copied is there" } : undefined;
  }
  if (preferred === undefined || !hosts.includes(preferred)) return undefined;
  return { host: preferred, because: "it has most room for guests" };
}

/** The host with most free memory, and the earlier one in rehome.yaml when they hardly differ. Pure. */
export function placeByMemory(candidates: readonly Candidate[], before: string | undefined): Placement | undefined {
  const [first, ...others] = candidates;
  if (first === undefined) return undefined;
  const best = others.reduce((found, each) => (each.free > found.free * (1 + NOTICEABLE) ? each : found), first);
  if (before !== undefined) return { host: best.host, because: `${before} cannot be reached` };
  return { host: best.host, because: `${formatSize(best.free)} of memory are free` };
}

/**
 * Chooses the host for a guest and notes it in the guest's journal.
 * @throws RehomeError host-unreachable when neither can be reached, or that which has the last pass cannot
 */
export async function placeGuest(
  session: ClusterSession,
  store: GuestStore,
  guest: Pick<GuestPlan, "name" | "vcpus" | "memory">,
  coming: () => Promise<readonly ComingGuest[]>,
): Promise<Placement> {
  const { cluster, connections } = session;
  const reached = hostsOf(cluster).flatMap(({ name }) => connections.hosts.get(name) ?? []);
  const names = reached.map(({ name }) => name);
  const records = await store.records();
  const before = placedOn(records);
  const preferred = before === undefined ? await preferredBy(session, guest, coming) : undefined;
  const placement = place(names, before, preferred) ?? placeByMemory(await candidatesOf(reached), before);
  if (placement === undefined) {
    const [problem] = connections.unreachable;
    throw new RehomeError("host-unreachable", `no host can be reached: ${problem?.message ?? "none is described"}`, {
      machine: problem?.name ?? cluster.name,
      remedy: problem?.remedy ?? "look at the hosts",
    });
  }
  if (before !== undefined && placement.host !== before && isLastPassDone(records)) throw lacking(guest.name, before);
  if (placement.host !== before) await store.append({ type: "placed", at: Date.now(), ...placement });
  return placement;
}

/**
 * Whether nothing is copied any more before the guest starts. A host that was away meanwhile takes what it has for current,
 * and lacks what was copied last.
 */
function isLastPassDone(records: readonly GuestRecord[]): boolean {
  if (stateOf(records) !== "cutting-over") return false;
  const steps = currentSteps(records);
  return statusOf(steps, "final-pass") === "done" && !goingBackBegan(steps);
}

function lacking(guest: string, host: string): RehomeError {
  return new RehomeError("host-unreachable", `${guest} was copied to this host, and another may lack what came last`, {
    machine: host,
    remedy: `bring it back, then run the same command again; or run rehome rollback ${guest}`,
  });
}

function candidatesOf(hosts: readonly Host[]): Promise<readonly Candidate[]> {
  return Promise.all(hosts.map(async (host) => ({ host: host.name, free: await availableMemory(host) })));
}

/** @param coming guests that are placed, and that the cluster does not know yet */
async function preferredBy(
  { cluster, connections }: ClusterSession,
  guest: Pick<GuestPlan, "name" | "vcpus" | "memory">,
  coming: () => Promise<readonly ComingGuest[]>,
): Promise<string | undefined> {
  const arbitrator = cluster.arbitrator.kind === "member" ? cluster.arbitrator.name : undefined;
  const reached = hostsOf(cluster).flatMap(({ name }) => connections.hosts.get(name) ?? []);
  const hosts = reached.map(({ name }) => name);
  for (const host of reached) {
    const cib = await readLiveCib(host);
    if (cib === undefined || !hasQuorum(cib)) continue;
    return preferredHost(cib, guest, { hosts, coming: await coming(), arbitrator, now: Date.now() });
  }
  return undefined;
}

/** Where a guest was placed last. */
export function placedOn(records: readonly GuestRecord[]): string | undefined {
  return records.findLast((record) => record.type === "placed")?.host;
}
