import { randomUUID } from "node:crypto";
import { allEnded } from "../../../lib/all-ended.js";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { withDiskExport } from "../../../lib/nbd/disk-export.js";
import type { Report } from "../../../lib/report.js";
import { presentHosts, type PresenceOptions } from "../../pacemaker/presence.js";
import { isOurs } from "../../setup/files/mark.js";
import { hostsOf } from "../../setup/members.js";
import type { ClusterSession } from "../../setup/session.js";
import { openDeviceVolume } from "../device/device-volume.js";
import type { Volume, VolumeMark, VolumeRequest, VolumeStore } from "../types.js";
import { createVolume } from "./index.js";
import { markChange, markOfTags, type ReplicaMark } from "./marks.js";
import { partName, replicatedPath, resourceOf, resourceTag } from "./plan.js";
import { demote, isConnected, isReplicated, promote, restoreFencing, unlessLost, type Promoted } from "./promotion.js";
import { generationOn, moduleVersion, stateOn } from "./state.js";
import { surveyHost, tagsOf, type Survey } from "./survey.js";

const LIMIT = { timeoutMs: 60_000 };

export interface OpenReplicatedOptions {
  /** The guest's name, and the volume's. */
  readonly name: string;
  /** Of its disks, in order. */
  readonly sizes: readonly number[];
  /** The host that writes: the one that is to run the guest. */
  readonly host: string;
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
}

/** A guest's replicated volumes, promoted on one host for rehome to write to. */
export interface ReplicatedStore extends VolumeStore {
  /** Whether the other host has everything that was written, now. */
  replicated(): Promise<boolean>;
  /** Demotes: from then on the cluster may have the volume. @throws RehomeError volume-busy, connection-lost */
  close(): Promise<void>;
}

/**
 * Makes a guest's replicated volumes where there are none, and promotes them on a host. Once they are there the other host
 * may be away, as long as it is certain that it has not promoted them.
 * @throws RehomeError host-unreachable, volume-foreign, volume-busy, volume-stale, and as createVolume
 */
export async function openReplicated(
  session: ClusterSession,
  options: OpenReplicatedOptions,
): Promise<ReplicatedStore> {
  const { cluster, connections } = session;
  const { name, sizes, report, signal } = options;
  const host = requireHost(session, options.host);
  const peerName = hostsOf(cluster).find((each) => each.name !== options.host)?.name ?? "";
  const peer = connections.hosts.get(peerName);
  const group = cluster.volumeGroup;
  let survey = await surveyHost(host, group);
  if (survey.files.get(name) === undefined || partsOf(survey, name).length < sizes.length) {
    await createVolume(session, { name, sizes }, { report, ...(signal && { signal }) });
    survey = await surveyHost(host, group);
  }
  const text = survey.files.get(name) ?? "";
  if (!isOurs(text)) throw foreign(host, name);
  const { volumes } = resourceOf(name, text, group, hostsOf(cluster));
  if (volumes.length !== sizes.length) throw foreign(host, name);
  if (peer === undefined) await requireNotPromoted(session, host, name, { report, signal });
  const promoted: Promoted = { name, host, peer, parts: sizes.length, version: await moduleVersion([host]) };
  const generations = await generationsOf(promoted);
  await promote(promoted);
  return new Store(
    session,
    promoted,
    volumes.map(({ minor }) => `/dev/drbd${minor}`),
    generations,
    options,
  );
}

class Store implements ReplicatedStore {
  /** Volumes whose marks are right for what they hold now. */
  private readonly believed = new Set<number>();

  constructor(
    private readonly session: ClusterSession,
    private readonly promoted: Promoted,
    private readonly devices: readonly string[],
    /** As they were before this host was promoted; missing where DRBD was not up. */
    private readonly generations: readonly (string | undefined)[],
    private readonly options: OpenReplicatedOptions,
  ) {}

  async open({ path, guest, disk, size }: VolumeRequest): Promise<Volume> {
    const number = this.numberOf(path);
    const { host } = this.promoted;
    const known = await this.mark(path);
    if (known !== undefined && (known.disk !== disk || known.size !== size)) {
      throw new RehomeError("volume-foreign", `the volume is that of disk ${known.disk} (${known.size} bytes)`, {
        machine: host.name,
        path,
        remedy: `remove it to stage disk ${disk} from nothing: rehome volume remove ${guest}`,
      });
    }
    this.believed.add(number);
    const trusted = known !== undefined && known.generation === this.generations[number];
    const mark = trusted
      ? known
      : { ...known, uuid: randomUUID(), guest, disk, size, generation: await generationOn(host, guest, number) };
    if (!trusted) await this.setMark(host, number, mark);
    const device = this.devices[number] ?? "";
    const { signal } = this.options;
    return openDeviceVolume({ host, device, path, mark, unmarked: known === undefined, signal });
  }

  async mark(path: string): Promise<ReplicaMark | undefined> {
    const { host, name } = this.promoted;
    return markOfTags(name, await this.tagsOn(host, this.numberOf(path)));
  }

  /**
   * On both hosts, because either may be the one that is asked next; a peer that went away keeps the mark of a generation
   * that is not believed any more. What they hold is read before it is believed again.
   */
  async remark(path: string, mark: VolumeMark): Promise<void> {
    const { host, peer } = this.promoted;
    const number = this.numberOf(path);
    this.believed.delete(number);
    const next = { ...mark, generation: "none" };
    await this.setMark(host, number, next);
    if (peer !== undefined) await unlessLost(() => this.setMark(peer, number, next));
  }

  withImage<T>(path: string, work: (image: string) => Promise<T>): Promise<T> {
    const { host } = this.promoted;
    const { signal } = this.options;
    const device = this.devices[this.numberOf(path)] ?? "";
    return withDiskExport(host, device, signal ? { signal } : {}, ({ qemuPath }) => work(qemuPath));
  }

  async space(path: string): Promise<{ readonly allocated: number; readonly free: number }> {
    const { host, name } = this.promoted;
    const { free, volumes } = await surveyHost(host, this.session.cluster.volumeGroup);
    const own = partName(name, this.numberOf(path));
    return { allocated: volumes.find((volume) => volume.name === own)?.size ?? 0, free };
  }

  async replicated(): Promise<boolean> {
    return isReplicated(await stateOn(this.promoted.host, this.promoted.name));
  }

  async close(): Promise<void> {
    await demote(this.promoted.host, this.promoted.name);
    const believed = [...this.believed].map((number) => this.keepBelieved(number));
    await allEnded([restoreFencing(this.promoted), ...believed]);
  }

  /** What was written here stays believed, also when the hosts lost each other meanwhile. */
  private async keepBelieved(number: number): Promise<void> {
    const { host, name } = this.promoted;
    const [tags, generation] = await allEnded([this.tagsOn(host, number), generationOn(host, name, number)]);
    const mark = markOfTags(name, tags);
    if (mark === undefined || mark.generation === generation) return;
    await this.changeMark(host, number, tags, { ...mark, generation });
  }

  private numberOf(path: string): number {
    const number = this.devices.findIndex((_, index) => replicatedPath(this.promoted.name, index) === path);
    if (number !== -1) return number;
    throw new RehomeError("internal", `${path} is no volume of ${this.promoted.name}`);
  }

  /** @throws RehomeError volume-foreign when the logical volume is not the one that rehome made */
  private async tagsOn(host: Host, number: number): Promise<readonly string[]> {
    const { name } = this.promoted;
    const tags = await tagsOf(host, this.session.cluster.volumeGroup, partName(name, number));
    if (tags.includes(resourceTag(name))) return tags;
    throw foreign(host, name);
  }

  private async setMark(host: Host, number: number, mark: ReplicaMark): Promise<void> {
    await this.changeMark(host, number, await this.tagsOn(host, number), mark);
  }

  private async changeMark(host: Host, number: number, tags: readonly string[], mark: ReplicaMark): Promise<void> {
    const change = markChange(tags, mark);
    if (change.length === 0) return;
    const volume = `${this.session.cluster.volumeGroup}/${partName(this.promoted.name, number)}`;
    await runChecked(host, ["lvchange", "--quiet", ...change, volume], LIMIT);
  }
}

/**
 * A peer that cannot be asked may have the volume promoted, as a run that was killed left it: DRBD tells while the hosts
 * are connected, and else only Pacemaker, when it is certain that the peer is down.
 * @throws RehomeError host-unreachable
 */
async function requireNotPromoted(
  session: ClusterSession,
  host: Host,
  name: string,
  options: PresenceOptions,
): Promise<void> {
  const state = await stateOn(host, name);
  if (isConnected(state) && state.peerRole === "Secondary") return;
  await presentHosts(session, options);
}

/** Generations of a volume's disks, as far as DRBD can tell now. */
function generationsOf({ host, name, parts }: Promoted): Promise<readonly (string | undefined)[]> {
  return Promise.all(
    Array.from({ length: parts }, (_, number) =>
      generationOn(host, name, number).catch((thrown: unknown) => {
        if (thrown instanceof RehomeError && thrown.code === "command-failed") return undefined;
        throw thrown;
      }),
    ),
  );
}

function partsOf({ volumes }: Survey, name: string): Survey["volumes"] {
  return volumes.filter(({ tags }) => tags.includes(resourceTag(name)));
}

function requireHost({ connections }: ClusterSession, name: string): Host {
  const host = connections.hosts.get(name);
  if (host !== undefined) return host;
  const problem = connections.unreachable.find((each) => each.name === name);
  throw new RehomeError("host-unreachable", problem?.message ?? "the host cannot be reached", {
    machine: name,
    ...(problem && { remedy: problem.remedy }),
  });
}

function foreign(host: Host, name: string): RehomeError {
  return new RehomeError("volume-foreign", `the volume ${name} is not one that rehome made for this guest`, {
    machine: host.name,
    remedy: "give the guest another name; or remove the other volume by hand when it is not needed",
  });
}
