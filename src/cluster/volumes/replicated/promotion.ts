import { allEnded } from "../../../lib/all-ended.js";
import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { XmlElement } from "../../../lib/xml.js";
import type { DrbdVersion } from "../../setup/files/drbd-common.js";
import { adjustedStateOn, isManaged, requireNoResource, stateOn } from "./state.js";
import type { ReplicatedVolume, VolumeState } from "./types.js";

const LIMIT = { timeoutMs: 60_000 };
const POLL_MS = 500;
/** For two hosts that are both there to find each other, in ms. */
const CONNECT_MS = 20_000;
/** udev looks into a device that was closed, and holds it for a moment. */
const DEMOTE_MS = 15_000;

/** A volume that is written to by rehome, before the cluster manages it. */
export interface Promoted {
  readonly name: string;
  /** How many disks it has. */
  readonly parts: number;
  readonly version: DrbdVersion;
  readonly host: Host;
  /** The other host; undefined when it cannot be reached, and has certainly not promoted the volume. */
  readonly peer: Host | undefined;
}

/**
 * Makes a host the one that writes. Fencing is left out until it is given back: nothing of a copy is lost with its host
 * that the source does not have, and a host that writes alone must not wait for a cluster that does not know the volume.
 * @throws RehomeError volume-busy, volume-stale, command-failed, connection-lost
 */
export async function promote(volume: Promoted): Promise<void> {
  const { name, host, peer } = volume;
  const hosts = peer === undefined ? [host] : [host, peer];
  await Promise.all(hosts.map((each) => requireNoResource(each, name)));
  await Promise.all(hosts.map((each) => bringUp(each, name)));
  await Promise.all(hosts.map((each) => setFencing(each, volume)));
  if (peer !== undefined) {
    if ((await stateOn(peer, name)).role === "Primary") await demote(peer, name);
    await awaitConnection(host, name);
  }
  const result = await host.run(["drbdadm", "primary", name], LIMIT);
  if (result.exitCode === 0) return;
  const { disks } = await stateOn(host, name);
  if (disks.every((disk) => disk === "UpToDate")) throw commandFailed(host, result);
  throw new RehomeError("volume-stale", `the volume ${name} is ${disks.join(", ") || "not attached"} here`, {
    machine: host.name,
    output: result.stderr,
    remedy: "bring the other host back, so that this one gets the newer data; or remove the volume and stage again",
  });
}

/**
 * The configured fencing counts again. Not on a peer that went away meanwhile: handOver makes sure of both.
 * @throws RehomeError command-failed, connection-lost
 */
export async function restoreFencing({ name, host, peer }: Promoted): Promise<void> {
  const onPeer = peer === undefined ? Promise.resolve() : unlessLost(() => adjust(peer, name));
  await allEnded([adjust(host, name), onPeer]);
}

/** Something on a peer that may have gone away meanwhile. */
export async function unlessLost(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "connection-lost") throw thrown;
  }
}

/**
 * Makes sure on all hosts that are there that a volume is as the cluster must find it, also after a run that was killed:
 * demoted, and with its configured fencing. One that the cluster has is left alone.
 * @param cib of the part of the cluster that has quorum, as it is now
 * @returns what DRBD says then, by host
 * @throws RehomeError volume-busy, command-failed, connection-lost
 */
export async function handOver(
  hosts: readonly Host[],
  name: string,
  cib: XmlElement,
): Promise<ReplicatedVolume["states"]> {
  return isManaged(cib, name) ? statesOn(hosts, name) : statesOn(hosts, name, settled);
}

/** What DRBD says of a volume, by host. @throws RehomeError connection-lost */
export async function statesOn(
  hosts: readonly Host[],
  name: string,
  ask = stateOn,
): Promise<ReplicatedVolume["states"]> {
  const states = await allEnded(hosts.map((host) => ask(host, name)));
  return Object.fromEntries(hosts.map((host, index) => [host.name, states[index] as VolumeState]));
}

async function settled(host: Host, name: string): Promise<VolumeState> {
  let state = await adjustedStateOn(host, name);
  if (state.role === "Primary") {
    await demote(host, name);
    state = await adjustedStateOn(host, name);
  }
  if (state.connection === undefined || state.role === "Secondary") return state;
  throw new RehomeError("volume-busy", `nobody can tell whether the volume ${name} is still promoted here`, {
    machine: host.name,
    remedy: `see what drbdadm role ${name} says there`,
  });
}

async function adjust(host: Host, name: string): Promise<void> {
  await runChecked(host, ["drbdadm", "adjust", name], LIMIT);
}

/** A host that was restarted has nothing up before the cluster starts it. */
async function bringUp(host: Host, name: string): Promise<void> {
  if ((await stateOn(host, name)).connection === undefined) await runChecked(host, ["drbdadm", "up", name], LIMIT);
}

/** Where the option is depends on DRBD's generation; `drbdadm adjust` takes it back to what the files say. */
async function setFencing(host: Host, { name, version, parts }: Promoted): Promise<void> {
  if (version === "9") {
    await runChecked(host, ["drbdadm", "net-options", "--fencing=dont-care", name], LIMIT);
    return;
  }
  for (let number = 0; number < parts; number += 1) {
    await runChecked(host, ["drbdadm", "disk-options", "--fencing=dont-care", `${name}/${number}`], LIMIT);
  }
}

/** Nobody writes on a host any more. @throws RehomeError volume-busy, connection-lost */
export async function demote(host: Host, name: string): Promise<void> {
  const end = performance.now() + DEMOTE_MS;
  for (;;) {
    const result = await host.run(["drbdadm", "secondary", name], LIMIT);
    if (result.exitCode === 0) return;
    if (performance.now() >= end) {
      throw new RehomeError("volume-busy", `something on the host still has the volume ${name} open`, {
        machine: host.name,
        output: result.stderr,
        remedy: `find out what (lsblk, lsof), end it, and run there: drbdadm secondary ${name}`,
      });
    }
    await delay(POLL_MS);
  }
}

/** Waits for the other host, but not for ever: the copy goes on without it. */
async function awaitConnection(host: Host, name: string): Promise<void> {
  const end = performance.now() + CONNECT_MS;
  while (!isConnected(await stateOn(host, name)) && performance.now() < end) await delay(POLL_MS);
}

/** Connected, or on the way to be the same: SyncSource, SyncTarget … */
export function isConnected({ connection }: VolumeState): boolean {
  return connection !== undefined && /^(Connected|Established|.*Sync|Verify|Ahead|Behind)/.test(connection);
}

/** Whether the other host has all that this one has. */
export function isReplicated({ connection, disks, peerDisks }: VolumeState): boolean {
  const upToDate = (states: readonly string[]): boolean =>
    states.length > 0 && states.every((state) => state === "UpToDate");
  return (connection === "Connected" || connection === "Established") && upToDate(disks) && upToDate(peerDisks);
}
