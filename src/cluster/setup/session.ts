import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.js";
import type { ClusterConfig } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { openJournal } from "../../lib/journal.js";
import { acquireLock } from "../../lib/lock.js";
import type { StepRecord } from "./apply.js";
import { hostOf } from "./examine.js";
import { connectAll, type Connections } from "./facts/gather.js";
import { connectMachine, machinesOf, type ConnectMachine } from "./machines.js";
import { hostsOf } from "./members.js";
import { bmcPasswords } from "./passwords.js";

/** What every command that works on the cluster's machines begins with. */
export interface ClusterSession {
  readonly cluster: ClusterConfig;
  /** Of the members' BMCs, by the member's name. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly connections: Connections;
  /** What its hosts were seen to be able to run, for whoever asks that. */
  readonly proven: Set<string>;
  /**
   * Holds the lock and the journal of what changes machines, for as long as `work` takes.
   * @param waitMs how long somebody else may hold it before that is an error; a moment without it
   * @throws RehomeError locked
   */
  exclusively<T>(purpose: string, work: (journal: ClusterJournal) => Promise<T>, waitMs?: number): Promise<T>;
  close(): Promise<void>;
}

export interface ClusterJournal {
  append(record: StepRecord): Promise<void>;
}

export interface OpenClusterOptions {
  readonly configPath: string;
  readonly acceptNewHostKey: boolean;
  readonly connect?: ConnectMachine;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For work that switches no machine on or off: the passwords of BMCs are not looked for. */
  readonly withoutPasswords?: boolean;
  /** For work on guests: the tie-breaker is not logged in to, and may be away. */
  readonly hostsOnly?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads rehome.yaml's cluster section and the passwords that it names, and logs in to the machines.
 * @throws RehomeError config-missing, config-invalid, cluster-undescribed, password-missing, secret-exposed
 */
export async function openCluster(options: OpenClusterOptions): Promise<ClusterSession> {
  const { configPath, acceptNewHostKey, signal } = options;
  const { cluster, target } = await loadConfig(configPath);
  if (cluster === undefined) {
    throw new RehomeError("cluster-undescribed", "it has no cluster section", {
      path: configPath,
      remedy: "describe the hosts and the tie-breaker below cluster; a new rehome.yaml (rehome init) has an example",
    });
  }
  const passwords =
    options.withoutPasswords === true
      ? new Map<string, string>()
      : await bmcPasswords(cluster, options.env ?? process.env);
  const machines = options.hostsOnly === true ? hostsOf(cluster) : machinesOf(cluster);
  const connections = await connectAll(
    cluster,
    options.connect ?? connectMachine,
    { acceptNewHostKey, ...(signal && { signal }) },
    machines.map(({ name }) => name),
  );
  return {
    cluster,
    passwords,
    connections,
    proven: new Set(),
    async exclusively(purpose, work, waitMs) {
      const folder = join(target.state, "cluster");
      const lock = await acquireLock(join(folder, "lock"), purpose, waitMs);
      try {
        await mkdir(folder, { recursive: true });
        const journal = await openJournal<StepRecord>(join(folder, "journal.jsonl"));
        try {
          return await work(journal);
        } finally {
          await journal.close();
        }
      } finally {
        await lock.release();
      }
    },
    close: () => connections.close(),
  };
}

/** The hosts, both of which must be there. @throws RehomeError host-unreachable */
export function bothHosts({ cluster, connections }: ClusterSession): readonly Host[] {
  const problem = connections.unreachable.find(({ name }) => Object.hasOwn(cluster.hosts, name));
  if (problem !== undefined) {
    throw new RehomeError("host-unreachable", problem.message, { machine: problem.name, remedy: problem.remedy });
  }
  return hostsOf(cluster).map(({ name }) => hostOf(connections.hosts, name));
}
