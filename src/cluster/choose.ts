import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { loadConfig } from "../lib/config/load.js";
import type { ClusterConfig } from "../lib/config/schema.js";
import { RehomeError } from "../lib/errors.js";
import { localHost } from "../lib/host/local-host.js";
import { bundledCluster } from "./bundled.js";
import { pacemakerCluster } from "./pacemaker/cluster.js";
import { readLiveCib } from "./pacemaker/live-cib.js";
import type { MemberAccess } from "./pacemaker/members.js";
import { clusterPaths, type ClusterPaths } from "./paths.js";
import { connectMachine, type ConnectMachine } from "./setup/machines.js";
import type { Backend, Cluster } from "./types.js";

/** As the schema of rehome.yaml has it. */
const DEFAULT_STATE = "/var/lib/rehome";
/** Pacemaker ran here at least once; corosync.conf says nothing, Debian's package has one. */
const PACEMAKER_CIB = "/var/lib/pacemaker/cib/cib.xml";

/** What a command was told about which cluster it is about. */
export interface ClusterChoice {
  readonly config: string;
  /** Folder of the bundled runtime's CIB. */
  readonly state: string | undefined;
  readonly backend: Backend | undefined;
  readonly acceptNewHostKey: boolean;
  /** The command's name, recorded as the origin of changes. */
  readonly client: string;
  readonly signal?: AbortSignal;
  /** Tests put in fake machines. */
  readonly connect?: ConnectMachine;
}

/**
 * Where the bundled runtime of this machine keeps its cluster: in the folder it was given, else in the one of the
 * configuration file where there is one, else in the default.
 * @throws RehomeError config-invalid
 */
export async function bundledPaths(flags: Pick<ClusterChoice, "state" | "config">): Promise<ClusterPaths> {
  if (flags.state !== undefined) return clusterPaths(resolve(flags.state));
  if (!existsSync(flags.config)) return clusterPaths(DEFAULT_STATE);
  return clusterPaths((await loadConfig(flags.config)).target.state);
}

/** Works on the cluster that a command is about, and leaves it. @throws RehomeError as chooseCluster */
export async function withCluster<T>(choice: ClusterChoice, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await chooseCluster(choice);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

/**
 * The cluster that a command is about: with --state the bundled runtime's CIB there; where rehome.yaml describes a
 * cluster, that one, through its hosts; on a member of a cluster, that one; else the bundled runtime's of this machine.
 * @throws RehomeError config-invalid, usage, cluster-undescribed, cluster-ambiguous
 */
export async function chooseCluster(choice: ClusterChoice): Promise<Cluster> {
  const { state, config, backend, client } = choice;
  if (state !== undefined && backend === "pacemaker") {
    throw new RehomeError("usage", "--state is the folder of the bundled runtime, not of a cluster of Pacemaker", {
      remedy: "leave out --state (and REHOME_STATE) or --backend",
    });
  }
  const paths = await bundledPaths(choice);
  if (state !== undefined || backend === "bundled") return bundledCluster(paths, client);
  const described = existsSync(config) ? (await loadConfig(config)).cluster : undefined;
  if (described !== undefined) return pacemakerCluster(hostsOf(described, choice));
  if (backend === "pacemaker" || existsSync(PACEMAKER_CIB)) {
    const answers = (await readLiveCib(localHost())) !== undefined;
    if (backend === "pacemaker" && !answers) throw nowhere(config);
    const hasOwn = existsSync(paths.cib);
    if (answers && hasOwn && backend === undefined) throw ambiguous(paths);
    if (answers || !hasOwn) return clusterOfThisMachine();
  }
  return bundledCluster(paths, client);
}

/** The hosts, in order; this machine, where it is one of them, first and without logging in. */
function hostsOf(cluster: ClusterConfig, choice: ClusterChoice): readonly MemberAccess[] {
  const { connect = connectMachine, acceptNewHostKey, signal } = choice;
  const names = Object.keys(cluster.hosts);
  const isHere = (name: string): boolean => name === hostname() && existsSync(PACEMAKER_CIB);
  return names
    .toSorted((a, b) => Number(isHere(b)) - Number(isHere(a)))
    .map((name) =>
      isHere(name)
        ? thisMachine()
        : { name, connect: () => connect(cluster, name, { acceptNewHostKey, ...(signal && { signal }) }) },
    );
}

/** The cluster that this machine is a member of. */
export function clusterOfThisMachine(): Cluster {
  return pacemakerCluster([thisMachine()]);
}

function thisMachine(): MemberAccess {
  return { name: hostname(), connect: () => Promise.resolve(localHost(hostname())) };
}

function nowhere(config: string): RehomeError {
  return new RehomeError(
    "cluster-undescribed",
    existsSync(config)
      ? "it has no cluster section, and Pacemaker does not answer on this machine"
      : "there is no such file, and Pacemaker does not answer on this machine",
    {
      path: config,
      remedy: "name the configuration file that describes the cluster with --config, or run this on one of its members",
    },
  );
}

function ambiguous({ cib }: ClusterPaths): RehomeError {
  return new RehomeError("cluster-ambiguous", "Pacemaker runs here, and there is a CIB of the bundled runtime too", {
    path: cib,
    remedy:
      "say which one is meant with --backend pacemaker or --backend bundled; rehome cluster graduate makes them one",
  });
}
