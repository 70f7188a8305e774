import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host, HostProcess } from "../../../lib/host/types.js";

/** A disk as it was at one instant, on the source's host; gone when it is closed. */
export interface DiskSnapshot {
  readonly path: string;
  close(): Promise<void>;
}

/** A logical volume, as lvs names it. */
interface Volume {
  readonly group: string;
  readonly name: string;
  readonly size: number;
  readonly thin: boolean;
  readonly groupFree: number;
}

/** On every snapshot for a look; with the boot id of its host behind it. */
const TAG = "rehome.look";
const MIB = 1024 ** 2;
/** A look takes a minute; a guest that rewrites more than this meanwhile has its snapshot overflow, which is noticed. */
const [LEAST, MOST] = [64 * MIB, 1024 * MIB];

/**
 * Makes a snapshot, says so, and removes it when standard input ends: whatever becomes of rehome or of the connection,
 * it is gone a moment later. Arguments: the snapshot's GROUP/NAME, and lvcreate's.
 */
const HOLD = `trap '' HUP INT TERM PIPE
snapshot=$1
shift
"$@" >&2 </dev/null || exit 4
echo made
cat >/dev/null
tries=0
until lvremove -q -f "$snapshot" >&2 </dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || exit 5
  sleep 1
done
exit 0`;

/**
 * Takes a snapshot of a logical volume.
 * @returns why there can be none, in words, where there can be none
 * @throws RehomeError connection-lost, command-timeout
 */
export async function takeSnapshot(host: Host, path: string, signal?: AbortSignal): Promise<DiskSnapshot | string> {
  const volume = await volumeOf(host, path);
  if (volume === undefined) return `${path} is no logical volume`;
  const size = Math.min(MOST, Math.max(LEAST, volume.size / 20));
  if (!volume.thin && volume.groupFree < size)
    return `volume group ${volume.group} has no room for a snapshot of ${path}`;
  const name = `rehome-look-${randomBytes(4).toString("hex")}`;
  const boot = await bootTag(host);
  const create = [
    ...["lvcreate", "-q", "--yes", "--snapshot", "--name", name, "--addtag", TAG, "--addtag", boot],
    ...(volume.thin ? ["--setactivationskip", "n"] : ["--size", `${Math.ceil(size / MIB)}m`]),
    `${volume.group}/${volume.name}`,
  ];
  const holder = await host.start(["sh", "-c", HOLD, "sh", `${volume.group}/${name}`, ...create], signal && { signal });
  let said = "";
  holder.stderr.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
  holder.stdin.on("error", () => undefined); // its end tells
  if (!(await saidMade(holder))) return `no snapshot of ${path}: ${said.trim().split("\n").at(-1) ?? ""}`;
  return { path: `/dev/${volume.group}/${name}`, close: () => release(host, holder, volume.group, name, () => said) };
}

async function saidMade({ stdout, exited }: HostProcess): Promise<boolean> {
  const data = once(stdout, "data").then(([bytes]) => String(bytes).startsWith("made"));
  return Promise.race([data, exited.then(() => false)]);
}

async function release(
  host: Host,
  holder: HostProcess,
  group: string,
  name: string,
  said: () => string,
): Promise<void> {
  holder.stdin.end();
  if ((await holder.exited) === 0) return;
  throw new RehomeError("command-failed", `the snapshot ${group}/${name} could not be removed`, {
    machine: host.name,
    output: said().trim(),
    remedy: `remove it there: lvremove ${group}/${name}; the next inspection tries again`,
  });
}

/**
 * Removes the snapshots of looks that did not end because the host lost its power: those of another boot of it. Those
 * of this boot are in use, or about to be removed.
 */
export async function removeLostSnapshots(host: Host): Promise<void> {
  const boot = await bootTag(host);
  const argv = ["lvs", "--noheadings", "--separator", "|", "-o", "vg_name,lv_name,lv_tags", `@${TAG}`];
  const result = await host.run(argv, LVM_OPTIONS);
  if (result.exitCode !== 0) return; // no LVM, or a host on which nobody may ask: then nothing of ours is there
  for (const line of result.stdout.split("\n")) {
    const [group = "", name = "", tags = ""] = line.trim().split("|");
    if (!name.startsWith("rehome-look-") || tags.split(",").includes(boot)) continue;
    await runChecked(host, ["lvremove", "-q", "-f", `${group}/${name}`], LVM_OPTIONS);
  }
}

const LVM_OPTIONS = { timeoutMs: 60_000, env: { LC_ALL: "C" } };

/** A tag may have letters, digits and hyphens (lvm(8)), as a boot id has. */
async function bootTag(host: Host): Promise<string> {
  return `${TAG}.${(await runChecked(host, ["cat", "/proc/sys/kernel/random/boot_id"])).trim()}`;
}

async function volumeOf(host: Host, path: string): Promise<Volume | undefined> {
  const columns = "vg_name,lv_name,lv_size,segtype,vg_free";
  const argv = ["lvs", "--noheadings", "--units", "b", "--nosuffix", "--separator", "|", "-o", columns, "--", path];
  const result = await host.run(argv, LVM_OPTIONS);
  const [group = "", name = "", size, segment, free] = result.stdout.trim().split("|");
  if (result.exitCode !== 0 || name === "") return undefined;
  return { group, name, size: Number(size), thin: segment === "thin", groupFree: Number(free) };
}

/** Whether a snapshot still is what it was: an overflown one answers with errors, or nonsense. */
export async function isIntact(host: Host, snapshot: string): Promise<boolean> {
  const result = await host.run(["lvs", "--noheadings", "-o", "lv_attr", "--", snapshot], LVM_OPTIONS);
  // lvs(8): the fifth letter is the state; S and I are invalid snapshots
  return result.exitCode === 0 && !"SIM".includes(result.stdout.trim()[4] ?? "S");
}
