import { RehomeError } from "../../../lib/errors.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { descendantsOf, type XmlElement } from "../../../lib/xml.js";
import { readLiveCib } from "../../pacemaker/live-cib.js";
import { drbdVersion, type DrbdVersion } from "../../setup/files/drbd-common.js";
import type { VolumeState } from "./types.js";

const LIMIT = { timeoutMs: 30_000 };
const ADJUST_LIMIT = { timeoutMs: 60_000 };

/** Of the module that the hosts run. @throws RehomeError drbd-unusable */
export async function moduleVersion(hosts: readonly Host[]): Promise<DrbdVersion> {
  const versions = await Promise.all(
    hosts.map(async (host) =>
      drbdVersion((await runChecked(host, ["modinfo", "-F", "version", "drbd"], LIMIT)).trim()),
    ),
  );
  const [version] = versions;
  if (version !== undefined && versions.every((each) => each === version)) return version;
  throw new RehomeError("drbd-unusable", "the hosts have no DRBD of the same generation", {
    remedy: "rehome cluster plan says which machine lacks what",
  });
}

/** Role, connection and disks of $1, each with a line after it; what drbdadm cannot tell is missing. */
const ROLE = 'said=$(drbdadm role "$1")';
const REST =
  'echo "$said"; echo --; for what in cstate dstate; do said=$(drbdadm "$what" "$1") && echo "$said"; echo --; done';
const STATE = `${ROLE} || said=; ${REST}`;

/**
 * Has the fencing of a resource that is up, and not promoted, be what the configuration says, and tells its state. The role
 * is asked once: what is told to be not promoted was adjusted. Without an answer in time (drbdadm's exit code 20) nobody
 * knows whether it is up.
 */
const ADJUSTED_STATE = `${ROLE}
case $?:$said in 0:Secondary*) drbdadm adjust "$1" >&2 || exit ;; 20:*) exit 20 ;; 0:*) ;; *) said= ;; esac
${REST}`;

/** What DRBD says of a resource on a host. @throws RehomeError connection-lost */
export async function stateOn(host: Host, name: string): Promise<VolumeState> {
  return stateOf((await host.run(["sh", "-c", STATE, "sh", name], LIMIT)).stdout);
}

/** As `stateOn`, after `drbdadm adjust` where the resource is up and not promoted. @throws RehomeError command-failed */
export async function adjustedStateOn(host: Host, name: string): Promise<VolumeState> {
  const result = await host.run(["sh", "-c", ADJUSTED_STATE, "sh", name], ADJUST_LIMIT);
  if (result.exitCode === 0) return stateOf(result.stdout);
  throw commandFailed(host, { ...result, argv: ["drbdadm"] });
}

/** `drbdadm` prints a line for each volume: `UpToDate/UpToDate`, this side first. */
function stateOf(said: string): VolumeState {
  const [role = [], connection = [], disks = []] = said
    .split(/^--$/m)
    .map((text) => text.split("\n").filter((line) => line !== "" && line !== "Unconfigured"));
  return {
    connection: connection[0],
    role: role[0]?.split("/")[0],
    peerRole: role[0]?.split("/")[1],
    disks: disks.map((line) => line.split("/")[0] ?? ""),
    peerDisks: disks.map((line) => line.split("/")[1] ?? ""),
  };
}

/**
 * DRBD's data generation of one volume on a host, as sixteen hexadecimal digits: it becomes another one whenever the two
 * hosts' data may begin to differ, and when this host takes the other one's data. Its lowest bit only says who is
 * promoted, and is left out.
 * @throws RehomeError command-failed, output-unreadable
 */
export async function generationOn(host: Host, name: string, number: number): Promise<string> {
  const text = await runChecked(host, ["drbdadm", "get-gi", `${name}/${number}`], LIMIT);
  const current = /^([0-9A-F]{16}):/im.exec(text)?.[1];
  if (current !== undefined) return (BigInt(`0x${current}`) & ~1n).toString(16).padStart(16, "0");
  throw new RehomeError("output-unreadable", "drbdadm get-gi does not tell the data's generation", {
    machine: host.name,
    output: text,
  });
}

/** Whether the cluster that a host is a member of manages a volume. */
export async function hasResource(host: Host, name: string): Promise<boolean> {
  const cib = await readLiveCib(host);
  return cib !== undefined && isManaged(cib, name);
}

/** Whether a cluster manages a volume. */
export function isManaged(cib: XmlElement, name: string): boolean {
  return descendantsOf(cib, "nvpair").some(
    ({ attributes }) => attributes["name"] === "drbd_resource" && attributes["value"] === name,
  );
}

/** A volume that the cluster manages is the cluster's to promote. @throws RehomeError volume-busy */
export async function requireNoResource(host: Host, name: string): Promise<void> {
  if (!(await hasResource(host, name))) return;
  throw new RehomeError("volume-busy", `the cluster has a resource of "${name}"`, {
    machine: host.name,
    remedy: "stop the guest, and take it out of the cluster first",
  });
}
