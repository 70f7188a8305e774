import { RehomeError } from "../../lib/errors.js";
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
      return host === undefined ? [] : [{ name, connect: lender(host) }];
    }),
  );
}

/** Others use the connection, too: whoever closes what is lent does not get it again, and nothing else happens. */
function lender(host: Host): () => Promise<Host> {
  let isGivenBack = false;
  const lent: Host = {
    name: host.name,
    run: (argv, options) => host.run(argv, options),
    start: (argv, options) => host.start(argv, options),
    readFile: (path) => host.readFile(path),
    writeFile: (path, data, mode) => host.writeFile(path, data, mode),
    close: () => {
      isGivenBack = true;
      return Promise.resolve();
    },
  };
  return () =>
    isGivenBack
      ? Promise.reject(new RehomeError("connection-lost", "it did not answer before", { machine: host.name }))
      : Promise.resolve(lent);
}
