import { dmNameOf } from "../../../lib/dm-name.js";
import type { Device } from "./devices.js";
import type { VolumeRow } from "./lvm.js";

/**
 * Devices as they are without rehome's snapshots. Each is on two layers: one that has what was overwritten (`-cow`), and
 * its origin's data (`-real`), which the origin itself is on from its first snapshot to its last.
 */
export function withoutOwnSnapshots(devices: readonly Device[], own: readonly VolumeRow[]): readonly Device[] {
  const dmNames = own.map(({ group, name }) => dmNameOf(group, name));
  const names = new Set(dmNames.flatMap((name) => [name, `${name}-cow`])); // no volume's: hyphens in those are doubled
  const isOwn = ({ dmName }: Device): boolean => dmName !== undefined && names.has(dmName);
  const below = new Set(devices.filter(isOwn).flatMap(({ slaves }) => slaves));
  const others = devices.filter((device) => !isOwn(device));
  const usersOf = ({ name }: Device): number => others.filter(({ slaves }) => slaves.includes(name)).length;
  const layers = others.filter(
    (device) => below.has(device.name) && device.dmUuid?.endsWith("-real") === true && usersOf(device) === 1,
  );
  const through = (name: string): readonly string[] => layers.find((layer) => layer.name === name)?.slaves ?? [name];
  return others
    .filter((device) => !layers.includes(device))
    .map((device) => ({ ...device, slaves: device.slaves.flatMap(through) }));
}
