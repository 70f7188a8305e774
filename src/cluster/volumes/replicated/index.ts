import { randomBytes } from "node:crypto";
import { allEnded } from "../../../lib/all-ended.js";
import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { reported, type Report } from "../../../lib/report.js";
import { applySteps } from "../../setup/apply.js";
import { isOurs } from "../../setup/files/mark.js";
import { hostsOf } from "../../setup/members.js";
import { bothHosts, type ClusterSession } from "../../setup/session.js";
import { partName, planVolume, resourceOf, resourceTag } from "./plan.js";
import { createSteps, removeSteps } from "./steps.js";
import { statesOn } from "./promotion.js";
import { resourceFiles, surveyHost, type Survey } from "./survey.js";
import { moduleVersion, requireNoResource, stateOn } from "./state.js";
import type { ReplicatedVolume, VolumePart, VolumeRequest } from "./types.js";

export type { ReplicatedVolume, VolumeRequest } from "./types.js";

export interface VolumeOptions {
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/**
 * Makes a guest's replicated volume on both hosts; one that was begun is finished.
 * @returns the volume, and how many steps it took: 0 when it was there
 * @throws RehomeError volume-foreign, volume-exists, target-full, host-unreachable, as applySteps
 */
export async function createVolume(
  session: ClusterSession,
  request: VolumeRequest,
  { report, signal }: VolumeOptions,
): Promise<{ readonly changed: number; readonly volume: ReplicatedVolume }> {
  const { cluster, connections } = session;
  const hosts = bothHosts(session);
  return session.exclusively(`rehome volume create ${request.name}`, async (journal) => {
    const task = { id: "survey", title: "look at the hosts" };
    const surveys = await reported(report, task, () => surveyAll(session, hosts));
    const secret = randomBytes(24).toString("hex");
    const resource = planVolume(request, cluster.volumeGroup, hostsOf(cluster), surveys, secret);
    const version = await moduleVersion(hosts);
    const steps = createSteps(request, cluster.volumeGroup, version, resource);
    const changed = await applySteps(steps, connections.hosts, { report, journal, ...(signal && { signal }) });
    const volume = (await listVolumes(session)).find(({ name }) => name === request.name);
    if (volume === undefined) throw new RehomeError("internal", `the new volume ${request.name} is not there`);
    return { changed, volume };
  });
}

/**
 * Volumes of rehome's, with what DRBD says of them on each host.
 * @param hosts that are asked: both, unless one is known to be away
 * @throws RehomeError host-unreachable
 */
export async function listVolumes(
  session: ClusterSession,
  hosts: readonly Host[] = bothHosts(session),
): Promise<readonly ReplicatedVolume[]> {
  const { cluster } = session;
  const surveys = await surveyAll(session, hosts);
  const names = new Set(
    surveys.flatMap(({ files }) => [...files].flatMap(([name, text]) => (isOurs(text) ? [name] : []))),
  );
  return Promise.all(
    [...names].sort().map(async (name): Promise<ReplicatedVolume> => {
      const text = surveys.map(({ files }) => files.get(name)).find((each) => each !== undefined) ?? "";
      const { port, volumes } = resourceOf(name, text, cluster.volumeGroup, hostsOf(cluster));
      const states = await statesOn(hosts, name);
      const size = (number: number): number =>
        surveys.flatMap((survey) => survey.volumes).find((volume) => volume.name === partName(name, number))?.size ?? 0;
      return {
        name,
        port,
        parts: volumes.map(({ number, minor, disk }) => ({
          minor,
          disk,
          device: deviceOf(minor),
          size: size(number),
        })),
        states,
      };
    }),
  );
}

/** The parts of one volume of rehome's, as the hosts' configuration has them; undefined where there is none. */
export async function partsOfVolume(
  { cluster }: ClusterSession,
  hosts: readonly Host[],
  name: string,
): Promise<readonly Pick<VolumePart, "device" | "disk">[] | undefined> {
  const texts = (await allEnded(hosts.map(resourceFiles))).flatMap((files) => files.get(name) ?? []);
  const text = texts.find(isOurs);
  if (text === undefined) return undefined;
  const { volumes } = resourceOf(name, text, cluster.volumeGroup, hostsOf(cluster));
  return volumes.map(({ minor, disk }) => ({ device: deviceOf(minor), disk }));
}

/**
 * Takes a volume of rehome's away on both hosts, with all that is on it.
 * @throws RehomeError volume-missing, volume-foreign, volume-busy, host-unreachable, as applySteps
 */
export async function removeVolume(
  session: ClusterSession,
  name: string,
  { report, signal }: VolumeOptions,
): Promise<number> {
  const { cluster, connections } = session;
  const hosts = bothHosts(session);
  return session.exclusively(`rehome volume remove ${name}`, async (journal) => {
    const surveys = await surveyAll(session, hosts);
    const found = ownVolumes(name, surveys);
    for (const host of hosts) await requireUnused(host, name);
    const steps = removeSteps(name, cluster.volumeGroup, found);
    return applySteps(steps, connections.hosts, { report, journal, ...(signal && { signal }) });
  });
}

function deviceOf(minor: number): string {
  return `/dev/drbd${minor}`;
}

/** The logical volumes of a resource by host: those with its tag, and nothing else. */
function ownVolumes(name: string, surveys: readonly Survey[]): ReadonlyMap<string, readonly string[]> {
  const files = surveys.flatMap(({ files: each }) => each.get(name) ?? []);
  if (files.some((text) => !isOurs(text))) {
    throw new RehomeError("volume-foreign", `/etc/drbd.d has a resource ${name} that rehome did not make`, {
      remedy: "remove it by hand when it is not needed",
    });
  }
  const found = surveys.map(({ host, volumes }) => {
    const tagged = volumes.filter(({ tags }) => tags.includes(resourceTag(name)));
    return [host, tagged.map((volume) => volume.name)] as const;
  });
  if (files.length > 0 || found.some(([, volumes]) => volumes.length > 0)) return new Map(found);
  throw new RehomeError("volume-missing", `there is no volume "${name}"`, { remedy: "rehome volume list shows them" });
}

async function requireUnused(host: Host, name: string): Promise<void> {
  const { role } = await stateOn(host, name);
  await requireNoResource(host, name);
  if (role?.startsWith("Primary") !== true) return;
  throw new RehomeError("volume-busy", `"${name}" is in use`, {
    machine: host.name,
    remedy: "stop the guest, and take it out of the cluster first",
  });
}

function surveyAll({ cluster }: ClusterSession, hosts: readonly Host[]): Promise<readonly Survey[]> {
  return Promise.all(hosts.map((host) => surveyHost(host, cluster.volumeGroup)));
}
