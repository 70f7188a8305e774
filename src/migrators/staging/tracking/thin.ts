import { commandFailed, runChecked } from "../../../lib/host/run.js";
import { runSeveral } from "../../../lib/host/run-several.js";
import type { Host } from "../../../lib/host/types.js";
import { childrenOf, parseXml } from "../../../lib/xml.js";
import type { Extent } from "../types.js";
import { mergeExtents } from "./extents.js";
import { dmNameOf } from "../../../lib/dm-name.js";
import { dmUuid, listVolumes, PLAIN, type SourceVolume } from "./lvm.js";
import type { Method } from "./method.js";
import type { TableRead } from "./snapshot-table.js";
import { createSnapshot, stateLine, stateOf, uuidOf } from "./snapshots.js";

/** Fuller than this, in percent, a pool is left alone: one that runs full stops every volume in it. */
const FULLEST = 80;

/** Whether thin_delta can follow a volume. */
export function isThin({ kinds, pool, thinId }: SourceVolume): boolean {
  return kinds.length === 1 && kinds[0] === "thin" && pool !== "" && thinId !== undefined;
}

/** Thin volumes: the pool's own metadata tells which of its blocks differ between two snapshots. */
export const thinMethod: Method = {
  kind: "thin",
  coarse: true,
  async create(host, { guest, origin, name }) {
    const full = await fullest(host, origin);
    if (full > FULLEST) return { reason: `thin pool ${origin.group}/${origin.pool} is ${Math.round(full)} % full` };
    await createSnapshot(host, origin, name, guest);
    return { cost: `shares its blocks until they are written to, and these take room in pool ${origin.pool} twice` };
  },
  changes: ({ host }, earlier, later, origin) => thinChanges(host, earlier, later ?? origin, origin),
  async broken(host, snapshot) {
    const [uuid, status] = await runSeveral(host, stateOf(snapshot));
    const line = stateLine(host, snapshot, uuid, status);
    if (typeof line !== "string") return line.reason;
    const [, , target, usage] = line.trim().split(/\s+/);
    return target === "thin" && /^\d+$/.test(usage ?? "") ? undefined : `the snapshot's state is "${usage ?? target}"`;
  },
};

/** Data or metadata of a volume's pool, whichever is fuller, in percent. */
async function fullest(host: Host, { group, pool }: SourceVolume): Promise<number> {
  const text = await runChecked(host, ["lvs", ...PLAIN, "-o", "data_percent,metadata_percent", `${group}/${pool}`]);
  return Math.max(...text.trim().split("|").map(Number));
}

/**
 * Reserves the pool's metadata, compares two volumes in it, and releases it, as one program: whatever becomes of the
 * connection, what was reserved is released. Arguments: pool, metadata device, the two numbers.
 */
const COMPARE = `trap '' HUP TERM INT PIPE
dmsetup message "$1" 0 reserve_metadata_snap || exit 9
thin_delta -m --snap1 "$3" --snap2 "$4" "$2"
code=$?
dmsetup message "$1" 0 release_metadata_snap || exit 10
exit $code`;

async function thinChanges(
  host: Host,
  earlier: SourceVolume,
  later: SourceVolume,
  origin: SourceVolume,
): Promise<TableRead> {
  const { group, pool: name } = origin;
  const pool = (await listVolumes(host))?.find((one) => one.group === group && one.name === name);
  if (pool === undefined) return { reason: `thin pool ${group}/${name} is not to be found` };
  const device = `${dmNameOf(group, name)}-tpool`;
  const info = await host.run(uuidOf(device));
  if (info.stdout.trim() !== dmUuid(pool, "tpool")) return { reason: `thin pool ${group}/${name} is not active` };
  const metadata = `/dev/mapper/${dmNameOf(group, name)}_tmeta`;
  const [one, other] = [String(earlier.thinId), String(later.thinId)];
  const result = await host.run(["sh", "-c", COMPARE, "rehome", device, metadata, one, other]);
  if (result.exitCode === 127) return { reason: "thin_delta (thin-provisioning-tools) is not installed on the source" };
  if (result.exitCode === 9)
    return { reason: `the metadata of thin pool ${group}/${name} is reserved by somebody else` };
  if (result.exitCode !== 0) throw commandFailed(host, result);
  const wireBytes = result.stdout.length;
  const changed = parseThinDelta(result.stdout, { left: one, right: other, size: origin.size });
  return changed === undefined
    ? { reason: "thin_delta printed something that rehome does not understand" }
    : { changed, readBytes: 0, wireBytes };
}

/** Elements of a diff that mean a change: also what only the earlier volume has, for it was discarded since (rule 2). */
const CHANGES: readonly string[] = ["different", "left_only", "right_only"];

/**
 * Reads what thin_delta prints: runs of the pool's blocks, whose size is in sectors of 512 bytes.
 * @returns undefined when it is not about these two volumes, or anything in it is not understood
 */
export function parseThinDelta(
  xml: string,
  { left, right, size }: { readonly left: string; readonly right: string; readonly size: number },
): readonly Extent[] | undefined {
  try {
    const root = parseXml(xml, "thin_delta");
    const [diff, ...more] = childrenOf(root, "diff");
    const unit = Number(root.attributes["data_block_size"]) * 512;
    if (root.name !== "superblock" || diff === undefined || more.length > 0 || !(unit > 0)) return undefined;
    if (diff.attributes["left"] !== left || diff.attributes["right"] !== right) return undefined;
    const extents: Extent[] = [];
    for (const { name, attributes } of diff.children) {
      const [begin, length] = [Number(attributes["begin"]), Number(attributes["length"])];
      if (!Number.isInteger(begin) || !Number.isInteger(length) || begin < 0 || length < 0) return undefined;
      if (name === "same") continue;
      if (!CHANGES.includes(name)) return undefined;
      const offset = begin * unit;
      extents.push({ offset, length: Math.min(size - offset, length * unit) });
    }
    return mergeExtents(extents);
  } catch {
    return undefined; // no XML at all: all of it is compared, and said
  }
}
