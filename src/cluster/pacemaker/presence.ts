import { delay } from "../../lib/delay.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { reported, type Report } from "../../lib/report.js";
import type { XmlElement } from "../../lib/xml.js";
import { isTrue } from "../cib/read.js";
import { findNodeState } from "../cib/status.js";
import { findPath, pairValue } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import { hostsOf } from "../setup/members.js";
import { bothHosts, type ClusterSession } from "../setup/session.js";
import { hasQuorum, readLiveCib } from "./live-cib.js";

/** The hosts that something can be done on now. */
export interface PresentHosts {
  readonly hosts: readonly Host[];
  /** A host that is certainly down: nothing runs there, and nothing is promoted. Undefined when both are there. */
  readonly away: string | undefined;
}

export interface PresenceOptions {
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
  /** How long Pacemaker may take to give a lost host up, in ms. */
  readonly patienceMs?: number;
}

/** A lost host is noticed within seconds, and then fenced; a slow BMC takes a minute to say that it did. */
const PATIENCE_MS = 90_000;
const POLL_MS = 2000;

/**
 * The hosts that can be logged in to. That one cannot says nothing about what runs there: it is left out only when
 * Pacemaker, with quorum, says that it was fenced or left in order, and that is waited for a while.
 * @throws RehomeError host-unreachable with what Pacemaker thinks of it, connection-lost
 */
export async function presentHosts(session: ClusterSession, options: PresenceOptions): Promise<PresentHosts> {
  const { cluster, connections } = session;
  const problem = connections.unreachable.find(({ name }) => Object.hasOwn(cluster.hosts, name));
  const [host] = hostsOf(cluster).flatMap(({ name }) => connections.hosts.get(name) ?? []);
  if (problem === undefined || host === undefined) return { hosts: bothHosts(session), away: undefined };
  const doubt = await doubtOf(host, problem.name);
  if (doubt !== undefined) {
    const task = { id: "presence", title: `wait until the cluster has given ${problem.name} up` };
    await reported(options.report, task, () => untilDown(host, problem, options));
  }
  return { hosts: [host], away: problem.name };
}

async function untilDown(
  host: Host,
  { name, message, remedy }: { readonly name: string; readonly message: string; readonly remedy: string },
  { signal, patienceMs = PATIENCE_MS }: PresenceOptions,
): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const doubt = await doubtOf(host, name);
    if (doubt === undefined) return;
    if (performance.now() >= end) {
      throw new RehomeError("host-unreachable", `${message}; nobody can tell what runs there: ${doubt}`, {
        machine: name,
        remedy: `${remedy}; or switch it off and see that rehome cluster status calls it offline`,
      });
    }
    await delay(Math.min(POLL_MS, patienceMs), signal);
  }
}

async function doubtOf(host: Host, name: string): Promise<string | undefined> {
  const cib = await readLiveCib(host);
  return cib === undefined ? `Pacemaker does not answer on ${host.name}` : whyNotDown(cib, name);
}

/**
 * Why a member may still run something, by the CIB of another one; undefined when it certainly does not. Pacemaker sets
 * what it expects of a member to `down` when that one leaves in order, and when fencing it succeeded. Pure.
 */
export function whyNotDown(cib: XmlElement, name: string): string | undefined {
  if (!hasQuorum(cib)) return "the part of the cluster that was asked has no quorum";
  const config = findPath(cib, ["configuration", "crm_config"]);
  if (!isTrue((config && pairValue(config, "cluster_property_set", "stonith-enabled")) ?? "true")) {
    return "fencing is switched off";
  }
  const node = clusterNodes(cib).find((each) => each.name === name);
  const state = node && findNodeState(cib, node.id)?.attributes;
  if (state === undefined) return "Pacemaker knows nothing of it";
  const isGone = state["in_ccm"] === "false" && state["crmd"] === "offline";
  if (!isGone) return "Pacemaker counts it as a member";
  return state["expected"] === "down" ? undefined : "Pacemaker lost it and has not fenced it";
}
