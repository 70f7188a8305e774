import type { Host } from "../../lib/host/types.js";
import type { XmlElement } from "../../lib/xml.js";
import { isTrue } from "../cib/read.js";
import { findPath, pairValue } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import { untestedMembers } from "../setup/fence-record.js";

/** What holds a real cluster together, as one member sees it: votes, the tie-breaker, fencing. */
export interface Membership {
  /** Undefined when corosync did not say. */
  readonly votes?: { readonly present: number; readonly expected: number };
  /** A quorum device; undefined when the cluster has none. */
  readonly tieBreaker?: TieBreaker;
  readonly fencing: {
    readonly enabled: boolean;
    /** Members whose fencing was never seen to work, with the device as it is. */
    readonly untested: readonly string[];
  };
}

export interface TieBreaker {
  /** Where the quorum device is: `192.0.2.13:5403`. */
  readonly address?: string;
  readonly connected: boolean;
  /** What corosync-qdevice says of itself: `Connected`, `Connect failed`. */
  readonly state: string;
}

const LIMIT = { timeoutMs: 15_000 };

/** @throws RehomeError connection-lost, command-timeout */
export async function readMembership(host: Host, cib: XmlElement): Promise<Membership> {
  const quorum = await host.run(["corosync-quorumtool", "-s"], LIMIT); // its exit code only says whether there is quorum
  const votes = votesOf(quorum.stdout);
  const tieBreaker = await readTieBreaker(host);
  const config = findPath(cib, ["configuration", "crm_config"]);
  return {
    ...(votes && { votes }),
    ...(tieBreaker && { tieBreaker }),
    fencing: {
      enabled: isTrue((config && pairValue(config, "cluster_property_set", "stonith-enabled")) ?? "true"),
      untested: untestedMembers(cib, clusterNodes(cib)),
    },
  };
}

/** From `corosync-quorumtool -s`. */
function votesOf(text: string): Membership["votes"] {
  const number = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  const [present, expected] = [number("Total votes"), number("Expected votes")];
  return Number.isNaN(present) || Number.isNaN(expected) ? undefined : { present, expected };
}

/** Whether there is to be a quorum device stands in corosync's configuration; how it is, its daemon says. */
async function readTieBreaker(host: Host): Promise<TieBreaker | undefined> {
  const model = await host.run(["corosync-cmapctl", "-g", "quorum.device.model"], LIMIT);
  if (model.exitCode !== 0) return undefined;
  const status = await host.run(["corosync-qdevice-tool", "-s"], LIMIT);
  if (status.exitCode !== 0) {
    return { connected: false, state: `corosync-qdevice does not answer on ${host.name}` };
  }
  const field = (name: string): string | undefined =>
    new RegExp(`^\\s*${name}:\\s+(.*)$`, "m").exec(status.stdout)?.[1]?.trim();
  const [address, state = "unknown"] = [field("QNetd host"), field("State")];
  return { ...(address !== undefined && { address }), connected: state === "Connected", state };
}
