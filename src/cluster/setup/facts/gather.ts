import type { ClusterConfig } from "../../../lib/config/schema.js";
import { isConnectionError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { reported, type Report } from "../../../lib/report.js";
import { formatRate } from "../../../lib/units.js";
import { machinesOf, type ConnectMachine } from "../machines.js";
import { hostsOf, membersOf } from "../members.js";
import { askBmc } from "./bmc.js";
import { measureLink } from "./link.js";
import { gatherMachine } from "./machine.js";
import type { BmcFacts, ClusterFacts, LinkFacts } from "./types.js";

/** Open connections to the cluster's machines, as far as they could be reached. */
export interface Connections {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly unreachable: ClusterFacts["unreachable"];
  close(): Promise<void>;
}

/** Logs in to machines of the cluster, all at once. @throws RehomeError cancelled */
export async function connectAll(
  cluster: ClusterConfig,
  connect: ConnectMachine,
  options: Parameters<ConnectMachine>[2],
  names: readonly string[] = machinesOf(cluster).map(({ name }) => name),
): Promise<Connections> {
  const hosts = new Map<string, Host>();
  const unreachable: ClusterFacts["unreachable"][number][] = [];
  const close = async (): Promise<void> => {
    await Promise.all([...hosts.values()].map((host) => host.close()));
  };
  const results = await Promise.allSettled(
    names.map(async (name) => hosts.set(name, await connect(cluster, name, options))),
  );
  for (const [index, name] of names.entries()) {
    const result = results[index];
    if (result?.status !== "rejected") continue;
    const error: unknown = result.reason;
    if (!isConnectionError(error)) {
      await close();
      throw error;
    }
    unreachable.push({ name, message: error.message, remedy: error.remedy ?? "see that it can be logged in to" });
  }
  return { hosts, unreachable, close };
}

export interface GatherOptions {
  readonly report: Report;
  /** Of members' BMCs, by the member's name. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
}

/** Finds out all that a plan needs; changes nothing anywhere. @throws RehomeError connection-lost, cancelled */
export async function gatherCluster(
  cluster: ClusterConfig,
  { hosts, unreachable }: Connections,
  { report, passwords, signal }: GatherOptions,
): Promise<ClusterFacts> {
  const reached = machinesOf(cluster).flatMap((machine) => {
    const host = hosts.get(machine.name);
    return host === undefined ? [] : [{ machine, host }];
  });
  const machines = await Promise.all(
    reached.map(({ machine, host }) =>
      reported(report, { id: `look-${machine.name}`, title: `look at ${machine.name}` }, () =>
        gatherMachine(host, machine, cluster),
      ),
    ),
  );
  signal?.throwIfAborted();
  const link = await reported(
    report,
    { id: "backplane", title: "measure the backplane" },
    () => measureBackplane(cluster, hosts, signal),
    (found) => (found?.rate === undefined ? "not measured" : formatRate(found.rate)),
  );
  const bmcs = await reported(report, { id: "bmcs", title: "ask the BMCs" }, () => askAll(cluster, hosts, passwords));
  return { machines, unreachable, link, bmcs };
}

async function measureBackplane(
  cluster: ClusterConfig,
  hosts: ReadonlyMap<string, Host>,
  signal?: AbortSignal,
): Promise<LinkFacts | undefined> {
  const [from, to] = hostsOf(cluster).flatMap(({ name, backplane: address }) => {
    const host = hosts.get(name);
    return host === undefined ? [] : [{ host, address }];
  });
  if (from === undefined || to === undefined) return undefined;
  return measureLink(from, to, signal);
}

/** Every member's BMC is asked by another member that can be reached. */
async function askAll(
  cluster: ClusterConfig,
  hosts: ReadonlyMap<string, Host>,
  passwords: ReadonlyMap<string, string>,
): Promise<readonly BmcFacts[]> {
  const members = membersOf(cluster);
  const found = await Promise.all(
    members.map(async (member) => {
      const others = members.filter(({ name }) => name !== member.name);
      const from = others.flatMap(({ name }) => hosts.get(name) ?? [])[0];
      const password = passwords.get(member.name);
      return from === undefined || password === undefined ? [] : [await askBmc(from, member, password)];
    }),
  );
  return found.flat();
}
