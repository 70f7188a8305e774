import { hostsOf } from "../../cluster/setup/members.js";
import type { ClusterSession } from "../../cluster/setup/session.js";
import { replicatedPath, volumeOfTags } from "../../cluster/volumes/replicated/plan.js";
import { surveyHost } from "../../cluster/volumes/replicated/survey.js";
import type { Host } from "../../lib/host/types.js";
import {
  CONVERSION_TOOLS,
  factsAttempt,
  findMissing,
  gatherHosting,
  HOSTING_TOOLS,
  type TargetFacts,
} from "../plan/target.js";

/**
 * Finds out what a guest may count on, whichever host runs it: what both have. The conversion is done on the machine that
 * rehome runs on. Changes nothing.
 * @throws RehomeError connection-lost, cancelled
 */
export async function gatherClusterTarget(session: ClusterSession, here: Host): Promise<TargetFacts> {
  const { cluster, connections } = session;
  const hosts = hostsOf(cluster).flatMap(({ name }) => connections.hosts.get(name) ?? []);
  const away = connections.unreachable.filter(({ name }) => Object.hasOwn(cluster.hosts, name));
  const unknown = away.map(({ name, message }) => `${name}: ${message}`);
  const missingTools = await findMissing(here, CONVERSION_TOOLS);
  const found = await Promise.all(
    hosts.map(async (host) => {
      const attempt = factsAttempt(unknown, `${host.name}: `);
      const missing = await findMissing(host, HOSTING_TOOLS);
      const facts = await gatherHosting(host, "qemu:///system", missing, attempt);
      const volumes = await attempt("volumes", () => surveyHost(host, cluster.volumeGroup));
      return { ...facts, name: host.name, missing, volumes };
    }),
  );
  const known = <T>(values: readonly (T | undefined)[]): readonly T[] =>
    values.filter((value): value is T => value !== undefined);
  const least = (values: readonly (number | undefined)[]): number | undefined =>
    known(values).length === 0 ? undefined : Math.min(...known(values));
  const free = known(found.map(({ name, volumes }) => volumes && { freeOn: name, freeBytes: volumes.free }));
  const hypervisors = known(found.map(({ hypervisor }) => hypervisor));
  const bridges = known(found.map((each) => each.bridges));
  const domains = known(found.map((each) => each.domains));
  return {
    cpus: least(found.map(({ cpus }) => cpus)) ?? 0,
    memory: least(found.map(({ memory }) => memory)) ?? 0,
    hypervisor: hypervisors.includes("qemu") ? "qemu" : hypervisors[0],
    ...(free.toSorted((one, other) => one.freeBytes - other.freeBytes)[0] ?? { freeBytes: undefined }),
    allocatedBytes: new Map(
      known(found.map(({ volumes }) => volumes)).flatMap(({ volumes }) =>
        volumes.flatMap(({ name, size, tags }) => {
          const guest = volumeOfTags(tags);
          const number = Number(name.slice(`${guest ?? ""}-`.length));
          return guest === undefined ? [] : [[replicatedPath(guest, number), size] as const];
        }),
      ),
    ),
    bridges:
      bridges.length === 0 ? undefined : bridges.reduce((one, other) => one.filter((name) => other.includes(name))),
    domains: domains.length === 0 ? undefined : domains.flat(),
    missingTools: [...missingTools, ...found.flatMap(({ missing }) => missing)],
    unknown,
  };
}
