import { RehomeError } from "../../../lib/errors.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host, RunResult } from "../../../lib/host/types.js";
import { runSeveral } from "../../../lib/host/run-several.js";
import { dmUuid, listVolumes, type SourceVolume } from "./lvm.js";

/** On every snapshot that rehome makes on a source. */
export const TAG = "rehome";
const NAME_START = "rehome-";
/** LVM and device-mapper allow 127 characters for group, hyphens doubled, and volume together. */
const LONGEST_NAME = 100;

/** The tag that says whose it is. */
export function guestTag(guest: string): string {
  return `${TAG}.guest.${guest}`;
}

/** The name of a guest's snapshot; undefined when it would be longer than LVM takes. */
export function snapshotName(guest: string, origin: SourceVolume, generation: number): string | undefined {
  const name = `${NAME_START}${guest}-${origin.name}-${generation}`;
  return `${origin.group}-${name}`.replaceAll("-", "--").length > LONGEST_NAME ? undefined : name;
}

/** Whether rehome made it: both its name and its tag say so, and it is a snapshot. The name alone proves nothing. */
export function isOurs({ name, tags, origin }: Pick<SourceVolume, "name" | "tags" | "origin">): boolean {
  return name.startsWith(NAME_START) && tags.includes(TAG) && origin !== "";
}

/** Whether rehome made it for this guest. */
export function isOf(guest: string, volume: SourceVolume): boolean {
  const { name, origin, tags } = volume;
  return isOurs(volume) && tags.includes(guestTag(guest)) && name.startsWith(`${NAME_START}${guest}-${origin}-`);
}

/** The guest that a snapshot was made for; undefined when its tags do not tell. */
export function guestOf({ tags }: SourceVolume): string | undefined {
  const start = guestTag("");
  return tags.find((tag) => tag.startsWith(start))?.slice(start.length);
}

/** @param store size of the copy-on-write area and of its chunks in bytes; none for a thin snapshot */
export async function createSnapshot(
  host: Host,
  origin: SourceVolume,
  name: string,
  guest: string,
  store?: { readonly size: number; readonly chunkSize: number },
): Promise<void> {
  const room = store
    ? ["--size", `${store.size}b`, "--chunksize", `${store.chunkSize}b`]
    : ["--setactivationskip", "n", "--ignoreactivationskip"];
  const tags = ["--addtag", TAG, "--addtag", guestTag(guest)];
  const what = ["--name", name, `${origin.group}/${origin.name}`];
  await runChecked(host, ["lvcreate", "--yes", "--quiet", "--snapshot", ...room, ...tags, ...what]);
}

/**
 * Removes a snapshot that rehome made.
 * @param options `backup`: whether LVM keeps a copy of its metadata below /etc, as it does by itself; on a file system
 *   that is read-only it refuses to do anything unless it is told not to
 * @throws RehomeError internal when it is not one of ours, command-failed
 */
export async function removeSnapshot(
  host: Host,
  volume: SourceVolume,
  { backup = true }: { readonly backup?: boolean } = {},
): Promise<void> {
  if (!isOurs(volume)) {
    throw new RehomeError("internal", `${volume.group}/${volume.name} was not made by rehome and is left alone`);
  }
  const how = ["--quiet", ...(backup ? [] : ["--autobackup", "n"])];
  const path = `${volume.group}/${volume.name}`;
  // The tag is asked for again by LVM itself: nothing that took the name meanwhile is removed.
  const select = `vg_name="${volume.group}" && lv_uuid="${volume.uuid}" && lv_tags={"${TAG}"}`;
  const selected = await host.run(["lvremove", "--yes", ...how, "--select", select, path]);
  if (selected.exitCode === 0) return;
  if (selected.exitCode !== UNKNOWN_OPTION) throw commandFailed(host, selected);
  if (await isThere(host, volume)) await runChecked(host, ["lvremove", "--force", ...how, path]);
}

/** LVM's exit code. lvremove can select since 2.02.117; before 2.02.112 it asks in spite of --yes (LVM2's WHATS_NEW). */
const UNKNOWN_OPTION = 3;

/** Whether a snapshot of rehome's has its name still, asked right before an LVM that cannot do that itself removes it. */
async function isThere(host: Host, { group, name, uuid }: SourceVolume): Promise<boolean> {
  const found = ((await listVolumes(host)) ?? []).find((one) => one.uuid === uuid);
  return found !== undefined && isOurs(found) && found.group === group && found.name === name;
}

/** Adds room to a snapshot. */
export async function extendSnapshot(host: Host, { group, name }: SourceVolume, bytes: number): Promise<void> {
  await runChecked(host, ["lvextend", "--quiet", "--size", `+${bytes}b`, `${group}/${name}`]);
}

/** What device-mapper says of a snapshot. */
export type SnapshotStatus =
  | { readonly valid: true; readonly used: number; readonly size: number; readonly metadata: number }
  /** In words for people. */
  | { readonly valid: false; readonly reason: string };

/** Asks for a snapshot's state; it is also broken when it is not there, or is not the one that is meant. */
export async function snapshotStatus(host: Host, snapshot: SourceVolume): Promise<SnapshotStatus> {
  const [uuid, status] = await runSeveral(host, stateOf(snapshot));
  const line = stateLine(host, snapshot, uuid, status);
  return typeof line === "string" ? parseStatus(line) : line;
}

/** The programs that tell a snapshot's state, for {@link stateLine}. */
export function stateOf({ dmName }: SourceVolume): readonly [readonly string[], readonly string[]] {
  return [uuidOf(dmName), ["dmsetup", "status", dmName]];
}

/** The program that prints the UUID of a device-mapper device. */
export function uuidOf(dmName: string): readonly string[] {
  return ["dmsetup", "info", "-c", "--noheadings", "-o", "uuid", dmName];
}

/**
 * What `dmsetup status` says of a snapshot, or why that is about no snapshot of ours.
 * @throws RehomeError command-failed
 */
export function stateLine(
  host: Host,
  snapshot: SourceVolume,
  uuid: RunResult,
  status: RunResult,
): string | { readonly valid: false; readonly reason: string } {
  if (uuid.exitCode !== 0) return { valid: false, reason: "the snapshot is gone" };
  if (uuid.stdout.trim() !== dmUuid(snapshot)) return { valid: false, reason: "the snapshot is another one" };
  if (status.exitCode !== 0) throw commandFailed(host, status);
  return status.stdout;
}

const SECTOR = 512;

/** Reads a line of `dmsetup status`: `0 131072 snapshot 176/32768 16`, all in sectors. */
export function parseStatus(line: string): SnapshotStatus {
  const [, , target, usage = "", metadata] = line.trim().split(/\s+/);
  if (target !== "snapshot")
    return { valid: false, reason: `the snapshot is a ${target ?? "device without a target"}` };
  const numbers = /^(\d+)\/(\d+)$/.exec(usage);
  if (usage === "Invalid") return { valid: false, reason: "the snapshot ran full and is invalid" };
  if (usage === "Overflow") return { valid: false, reason: "the snapshot ran full" };
  if (numbers === null) return { valid: false, reason: `the snapshot's state is "${usage}"` };
  const [used, size] = [Number(numbers[1]) * SECTOR, Number(numbers[2]) * SECTOR];
  if (used >= size) return { valid: false, reason: "the snapshot is full" };
  return { valid: true, used, size, metadata: Number(metadata ?? 0) * SECTOR };
}
