import { DIGEST_SIZE } from "../../../lib/digest.js";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { bothHosts, type ClusterSession } from "../../setup/session.js";
import { VolumeAgent } from "../device/agent.js";
import { DIGEST_PIECE, REQUEST } from "../device/protocol.js";
import { listVolumes, type VolumeOptions } from "./index.js";
import type { VolumePart } from "./types.js";

/** What has one digest. */
const UNIT = 65_536;
/** Pieces that are read at once on each host. */
const AT_ONCE = 4;
const LIMIT = { timeoutMs: 30_000 };
const SECTOR = 512;

export interface ComparedCopies {
  readonly name: string;
  /** Of all disks together, on each host. */
  readonly bytes: number;
  readonly durationMs: number;
}

/**
 * Compares what is really on the disks below a volume on both hosts, past DRBD and the page cache. Only while nobody
 * writes: of a volume in use, `drbdadm verify` tells.
 * @throws RehomeError copies-differ, volume-busy, volume-missing, host-unreachable, connection-lost
 */
export async function compareCopies(
  session: ClusterSession,
  name: string,
  { report, signal }: VolumeOptions,
): Promise<ComparedCopies> {
  const begun = performance.now();
  const volume = (await listVolumes(session)).find((each) => each.name === name);
  if (volume === undefined) {
    throw new RehomeError("volume-missing", `there is no volume "${name}"`, {
      remedy: "rehome volume list shows them",
    });
  }
  const writer = Object.entries(volume.states).find(([, { role }]) => role === "Primary")?.[0];
  if (writer !== undefined) {
    throw new RehomeError("volume-busy", `"${name}" is in use: its copies change while they are compared`, {
      machine: writer,
      remedy: `DRBD compares them while they are in use: drbdadm verify ${name}, then see dmesg`,
    });
  }
  const hosts = bothHosts(session);
  let bytes = 0;
  for (const [number, part] of volume.parts.entries()) {
    const id = `compare-${number}`;
    const size = await dataSize(hosts, part);
    report.begin({ id, title: `compare ${part.disk} on ${hosts.map((host) => host.name).join(" and ")}` });
    try {
      await comparePart(hosts, part, size, signal, (doneBytes) => {
        const rate = (doneBytes / (performance.now() - begun)) * 1000;
        report.progress(id, { doneBytes, totalBytes: size, rate, etaMs: ((size - doneBytes) / rate) * 1000 });
      });
    } catch (thrown) {
      report.end(id, { state: "failed", detail: thrown instanceof Error ? thrown.message : String(thrown) });
      throw thrown;
    }
    report.end(id, { state: "done" });
    bytes += size;
  }
  return { name, bytes, durationMs: performance.now() - begun };
}

/** Without DRBD's metadata, which are each host's own. @throws RehomeError volume-missing */
async function dataSize(hosts: readonly Host[], { minor }: VolumePart): Promise<number> {
  const sizes = await Promise.all(
    hosts.map(async (host) => Number(await runChecked(host, ["cat", `/sys/block/drbd${minor}/size`], LIMIT)) * SECTOR),
  );
  const size = Math.min(...sizes);
  if (size > 0) return size;
  throw new RehomeError("volume-missing", `DRBD has not attached minor ${minor} on both hosts`, {
    remedy: "rehome volume list shows what it says",
  });
}

async function comparePart(
  hosts: readonly Host[],
  { disk }: VolumePart,
  size: number,
  signal: AbortSignal | undefined,
  progress: (doneBytes: number) => void,
): Promise<void> {
  const agents: VolumeAgent[] = [];
  try {
    for (const host of hosts) agents.push((await VolumeAgent.open(host, disk, { readOnly: true, signal })).agent);
    for (let start = 0; start < size; start += AT_ONCE * DIGEST_PIECE) {
      const pieces = Array.from({ length: AT_ONCE }, (_, index) => start + index * DIGEST_PIECE);
      await Promise.all(
        pieces
          .filter((offset) => offset < size)
          .map(async (offset) => {
            const length = Math.min(DIGEST_PIECE, size - offset);
            const request = { type: REQUEST.digest, offset, length, unit: UNIT };
            const [one, other] = await Promise.all(agents.map((agent) => agent.ask(request)));
            if (one !== undefined && other !== undefined && !one.equals(other)) throw differ(disk, offset, one, other);
          }),
      );
      progress(Math.min(size, start + AT_ONCE * DIGEST_PIECE));
    }
  } finally {
    for (const agent of agents) await agent.close();
  }
}

function differ(disk: string, offset: number, one: Buffer, other: Buffer): RehomeError {
  const unit = Array.from({ length: one.length / DIGEST_SIZE }, (_, index) => index * DIGEST_SIZE).find(
    (at) => !one.subarray(at, at + DIGEST_SIZE).equals(other.subarray(at, at + DIGEST_SIZE)),
  );
  const at = offset + ((unit ?? 0) / DIGEST_SIZE) * UNIT;
  return new RehomeError("copies-differ", `the hosts hold different data at byte ${at}`, {
    path: disk,
    remedy:
      "have DRBD mark what differs (drbdadm verify), then disconnect and connect it on the host whose data is to go",
  });
}
