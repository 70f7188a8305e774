import type { Host } from "../../lib/host/types.js";
import { pacemakerCluster } from "../pacemaker/cluster.js";
import { hostsOf } from "../setup/members.js";
import type { ClusterSession } from "../setup/session.js";
import type { Cluster } from "../types.js";

/** The cluster of a session, asked over its connections: for verbs such as `startGuest`. The session closes them. */
export function sessionCluster({ cluster, connections }: ClusterSession): Cluster & { host(): Promise<Host> } {
  return pacemakerCluster(
    hostsOf(cluster).flatMap(({ name }) => {
      const host = connections.hosts.get(name);
      return host === undefined ? [] : [{ name, connect: () => Promise.resolve(host) }];
    }),
  );
}
