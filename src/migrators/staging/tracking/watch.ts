import type { Host } from "../../../lib/host/types.js";
import type { Report } from "../../../lib/report.js";
import { formatSize } from "../../../lib/units.js";
import { groupSpace, type SourceVolume } from "./lvm.js";
import { needsRoom, roomToAdd } from "./room.js";
import { extendSnapshot, snapshotStatus } from "./snapshots.js";

const EVERY_MS = 3000;

export interface Watched {
  readonly snapshot: SourceVolume;
  readonly originSize: number;
}

/** Gives snapshots more room before they run full, until it is stopped. What goes wrong is said, once for each snapshot. */
export function watchRoom(host: Host, watched: readonly Watched[], report: Report): { stop(): Promise<void> } {
  const told = new Set<string>();
  let round = Promise.resolve();
  const warn = ({ uuid }: SourceVolume, text: string): void => {
    if (!told.has(uuid)) report.note({ severity: "warning", text });
    told.add(uuid);
  };
  const look = async (): Promise<void> => {
    for (const { snapshot, originSize } of watched) {
      try {
        await extendIfNeeded(host, snapshot, originSize, report, (text) => warn(snapshot, text));
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        warn(snapshot, `snapshot ${snapshot.name} is not watched any more: ${reason}`);
      }
    }
  };
  const timer = setInterval(() => void (round = round.then(look)), EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}

/** @param warn told when there is no room */
export async function extendIfNeeded(
  host: Host,
  snapshot: SourceVolume,
  originSize: number,
  report: Report,
  warn: (text: string) => void,
): Promise<void> {
  const status = await snapshotStatus(host, snapshot);
  if (!status.valid) return; // whoever reads it next finds out, and says so
  if (!needsRoom(status.used, status.size, originSize)) return; // LVM's own tools read the disks: not every time
  const space = await groupSpace(host, snapshot.group);
  const more = roomToAdd(status.size, space);
  const share = `${Math.round((status.used / status.size) * 100)} % of snapshot ${snapshot.name} is used`;
  if (more === undefined) {
    warn(`${share}, and volume group ${snapshot.group} has no room for more: when it is full, everything is compared`);
    return;
  }
  await extendSnapshot(host, snapshot, more);
  report.note({ severity: "info", text: `${share}: it got ${formatSize(more)} more` });
}
