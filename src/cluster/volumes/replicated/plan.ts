import { RehomeError } from "../../../lib/errors.js";
import { formatSize } from "../../../lib/units.js";
import type { DrbdResource } from "../../setup/files/drbd-resource.js";
import { isOurs } from "../../setup/files/mark.js";
import type { Member } from "../../setup/members.js";
import type { Survey } from "./survey.js";
import type { VolumeRequest } from "./types.js";

/** The tags of rehome's logical volumes; nothing without them is ever removed. */
export const TAG = "rehome";
export function resourceTag(name: string): string {
  return `rehome.volume=${name}`;
}

const FIRST_MINOR = 10;
const FIRST_PORT = 7800;
const MIB = 1024 ** 2;

/** Internal metadata at the volume's end: 32 KiB for a gigabyte of data, and a little more (drbd's user's guide). */
export function sizeWithMetadata(size: number): number {
  const extents = (bytes: number): number => Math.ceil(bytes / (4 * MIB)) * 4 * MIB;
  return extents(size + Math.ceil(size / 32768) + MIB);
}

/** The volume that a logical volume's tags name; undefined for one that rehome did not make. */
export function volumeOfTags(tags: readonly string[]): string | undefined {
  const prefix = resourceTag("");
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
}

/** What a guest's plan calls the volume of a disk: udev keeps this link to /dev/drbdMINOR. */
export function replicatedPath(name: string, number: number): string {
  return `/dev/drbd/by-res/${name}/${number}`;
}

export function partName(name: string, number: number): string {
  return `${name}-${number}`;
}

/**
 * What a new volume will be: minor and port free on both hosts. One that was begun before, and cut off, keeps what its
 * resource file says. Pure.
 * @throws RehomeError volume-foreign, volume-exists, target-full, usage
 */
export function planVolume(
  request: VolumeRequest,
  group: string,
  hosts: readonly Member[],
  surveys: readonly Survey[],
  secret: string,
): DrbdResource {
  const { name, sizes, pool } = request;
  const begun = surveys.map(({ files }) => files.get(name)).find((text) => text !== undefined);
  if (begun !== undefined && !isOurs(begun)) throw foreign(`/etc/drbd.d has a resource ${name}`);
  for (const { host, volumes, free } of surveys) {
    const names = sizes.map((_, number) => partName(name, number));
    const taken = volumes.filter((volume) => names.includes(volume.name));
    const other = taken.find(({ tags }) => !tags.includes(resourceTag(name)));
    if (other !== undefined) throw foreign(`${host} has a logical volume ${group}/${other.name}`);
    const wrong = taken.find(({ name: each, size }) => size !== sizeWithMetadata(sizes[names.indexOf(each)] ?? 0));
    if (wrong !== undefined) {
      throw new RehomeError("volume-exists", `there is a volume ${wrong.name} of ${formatSize(wrong.size)}`, {
        machine: host,
        remedy: `use it, or remove it first: rehome volume remove ${name}`,
      });
    }
    const missing = sizes.filter((_, number) => !taken.some((volume) => volume.name === partName(name, number)));
    const needed = missing.reduce((sum, size) => sum + sizeWithMetadata(size), 0);
    if (pool === undefined && needed > free) {
      throw new RehomeError(
        "target-full",
        `${group} has ${formatSize(free)} left, and ${formatSize(needed)} are needed`,
        {
          machine: host,
          remedy: `add a disk (vgextend ${group} DISK), or make a smaller volume`,
        },
      );
    }
  }
  if (begun !== undefined) {
    const found = resourceOf(name, begun, group, hosts);
    if (found.volumes.length === sizes.length) return found;
    throw new RehomeError(
      "volume-exists",
      `there is a volume ${name} of ${found.volumes.length} disks, not ${sizes.length}`,
      {
        remedy: `use it, or remove it first: rehome volume remove ${name}`,
      },
    );
  }
  const minors = freeNumbers(
    FIRST_MINOR,
    sizes.length,
    surveys.map((survey) => survey.minors),
  );
  const [port = FIRST_PORT] = freeNumbers(
    FIRST_PORT,
    1,
    surveys.map((survey) => survey.ports),
  );
  return resource(name, secret, port, minors, group, hosts);
}

function resource(
  name: string,
  secret: string,
  port: number,
  minors: readonly number[],
  group: string,
  hosts: readonly Member[],
): DrbdResource {
  return {
    name,
    secret,
    port,
    volumes: minors.map((minor, number) => ({ number, minor, disk: `/dev/${group}/${partName(name, number)}` })),
    hosts: hosts.map(({ name: host, nodeId, backplane }) => ({ name: host, nodeId: nodeId - 1, backplane })),
  };
}

/** A resource as a file of ours has it. */
export function resourceOf(name: string, text: string, group: string, hosts: readonly Member[]): DrbdResource {
  const secret = /shared-secret "([^"]*)"/.exec(text)?.[1] ?? "";
  const port = Number(/address\s[^;]*:(\d+);/.exec(text)?.[1]);
  const minors = [...text.matchAll(/\bminor (\d+);/g)].map((match) => Number(match[1]));
  return resource(name, secret, port, minors, group, hosts);
}

function freeNumbers(from: number, count: number, taken: readonly ReadonlySet<number>[]): readonly number[] {
  const free: number[] = [];
  for (let number = from; free.length < count; number += 1) {
    if (!taken.some((set) => set.has(number))) free.push(number);
  }
  return free;
}

function foreign(what: string): RehomeError {
  return new RehomeError("volume-foreign", `${what}, which rehome did not make`, {
    remedy: "give the volume another name, or remove the other one by hand when it is not needed",
  });
}
