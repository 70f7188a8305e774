import type { ClusterConfig } from "../../lib/config/schema.js";
import { connectSsh, parseAddress } from "../../lib/host/ssh/index.js";
import { RehomeError } from "../../lib/errors.js";
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
  options: {
    readonly acceptNewHostKey: boolean;
    /** For the TCP connection alone, in ms. */
    readonly dialTimeoutMs?: number;
    readonly signal?: AbortSignal;
  },
) => Promise<Host>;

/**
 * Logs in to a machine of the cluster as rehome.yaml says.
 * @throws RehomeError usage, host-unreachable, host-key-unknown, host-key-changed, auth-failed, sudo-failed
 */
export const connectMachine: ConnectMachine = (cluster, name, { acceptNewHostKey, dialTimeoutMs, signal }) => {
  const machine = cluster.hosts[name] ?? cluster.arbitrator;
  const { lan, identity, passwordFile, sudo, knownHosts } = machine;
  const address = parseAddress(machine.address ?? `root@${lan.includes(":") ? `[${lan}]` : lan}`);
  return connectSsh(
    { ...address, identity, passwordFile, sudo, knownHosts },
    { name, acceptNewHostKey, ...(dialTimeoutMs !== undefined && { dialTimeoutMs }), ...(signal && { signal }) },
  );
};

/** A machine that is there takes a connection within milliseconds, however long the login then takes. */
const SECOND_DIAL_MS = 1500;

/** As `connect`, but a machine that did not answer the last time is not waited for as long again: each wait is downtime. */
export function impatient(connect: ConnectMachine): ConnectMachine {
  const silent = new Set<string>();
  return async (cluster, name, options) => {
    try {
      const host = await connect(cluster, name, {
        ...options,
        ...(silent.has(name) && { dialTimeoutMs: SECOND_DIAL_MS }),
      });
      silent.delete(name);
      return host;
    } catch (thrown) {
      if (thrown instanceof RehomeError && thrown.code === "host-unreachable") silent.add(name);
      throw thrown;
    }
  };
}
