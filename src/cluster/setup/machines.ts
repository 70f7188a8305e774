import type { ClusterConfig } from "../../lib/config/schema.js";
import { connectSsh, parseAddress } from "../../lib/host/ssh/index.js";
import type { Host } from "../../lib/host/types.js";
import type { Role } from "./facts/types.js";

/** A machine that init sets up. */
export interface ClusterMachine {
  readonly name: string;
  readonly role: Role;
}

/** The hosts first, the arbitrator last. */
export function machinesOf({ hosts, arbitrator }: ClusterConfig): readonly ClusterMachine[] {
  return [
    ...Object.keys(hosts).map((name): ClusterMachine => ({ name, role: "host" })),
    { name: arbitrator.name, role: arbitrator.kind === "member" ? "member" : "qdevice" },
  ];
}

/** How to reach a machine of the cluster; tests put in fake ones. */
export type ConnectMachine = (
  cluster: ClusterConfig,
  name: string,
  options: { readonly acceptNewHostKey: boolean; readonly signal?: AbortSignal },
) => Promise<Host>;

/**
 * Logs in to a machine of the cluster as rehome.yaml says.
 * @throws RehomeError usage, host-unreachable, host-key-unknown, host-key-changed, auth-failed, sudo-failed
 */
export const connectMachine: ConnectMachine = (cluster, name, { acceptNewHostKey, signal }) => {
  const machine = cluster.hosts[name] ?? cluster.arbitrator;
  const { lan, identity, passwordFile, sudo, knownHosts } = machine;
  const address = parseAddress(machine.address ?? `root@${lan.includes(":") ? `[${lan}]` : lan}`);
  return connectSsh(
    { ...address, identity, passwordFile, sudo, knownHosts },
    { name, acceptNewHostKey, ...(signal && { signal }) },
  );
};
