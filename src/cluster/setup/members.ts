import type { BmcConfig, ClusterConfig, HostConfig } from "../../lib/config/schema.js";

/** A member of the cluster: a host, or an arbitrator that is a full member. */
export interface Member {
  readonly name: string;
  /** corosync's id, from 1; DRBD's is one less. */
  readonly nodeId: number;
  readonly lan: string;
  readonly backplane: string;
  readonly bmc: BmcConfig;
  /** False for an arbitrator, which only votes. */
  readonly runsGuests: boolean;
}

/** The two hosts, in the order of rehome.yaml. */
export function hostsOf({ hosts }: ClusterConfig): readonly Member[] {
  return Object.entries(hosts).map(([name, host], index) => memberOf(name, index + 1, host, true));
}

/** The hosts, and after them an arbitrator that is a full member. */
export function membersOf(cluster: ClusterConfig): readonly Member[] {
  const { arbitrator } = cluster;
  const { bmc, backplane } = arbitrator;
  const hosts = hostsOf(cluster);
  if (arbitrator.kind !== "member" || bmc === undefined || backplane === undefined) return hosts;
  return [...hosts, memberOf(arbitrator.name, hosts.length + 1, { ...arbitrator, bmc, backplane }, false)];
}

function memberOf(
  name: string,
  nodeId: number,
  { lan, backplane, bmc }: Pick<HostConfig, "lan" | "backplane" | "bmc">,
  runsGuests: boolean,
): Member {
  return { name, nodeId, lan, backplane, bmc, runsGuests };
}
