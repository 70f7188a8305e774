import { RehomeError } from "../lib/errors.js";
import type { Host } from "../lib/host/types.js";
import { trackingOf } from "./guest-store.js";
import type { GuestSession } from "./session.js";
import { listVolumes, type SourceVolume } from "./staging/tracking/lvm.js";
import { guestOf, isOf, isOurs, removeSnapshot } from "./staging/tracking/snapshots.js";

/** A snapshot that rehome made on a source. */
export interface Leftover {
  readonly source: string;
  /** `group/name` */
  readonly snapshot: string;
  /** The logical volume that it was made of. */
  readonly origin: string;
  /** Bytes that it takes of its group. */
  readonly size: number;
}

export interface CleanupResult {
  readonly guest: string;
  /** Removed, or with `dryRun` what would be. */
  readonly removed: readonly Leftover[];
  /** What looks like rehome's on the same machine and is left alone, and why. */
  readonly left: readonly { readonly snapshot: string; readonly why: string }[];
}

/**
 * Removes from a guest's source what rehome made there for it: only what has its name and its tag. The guest's next pass
 * compares everything.
 * @throws RehomeError locked, command-failed, and what connecting throws
 */
export async function cleanUp(
  session: GuestSession,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal?: AbortSignal },
): Promise<CleanupResult> {
  const lock = dryRun ? undefined : await session.store.lock(`rehome cleanup ${session.guest}`);
  try {
    const host = await session.connect(signal);
    try {
      return await cleanSource(session, host, dryRun);
    } finally {
      await host.close();
    }
  } finally {
    await lock?.release();
  }
}

async function cleanSource(session: GuestSession, host: Host, dryRun: boolean): Promise<CleanupResult> {
  const volumes = (await listVolumes(host)) ?? [];
  const mine = volumes.filter((volume) => isOf(session.guest, volume));
  if (!dryRun) {
    for (const volume of mine) await removeSnapshot(host, volume);
    requireGone(host, mine, (await listVolumes(host)) ?? []);
    await forget(session);
  }
  return {
    guest: session.guest,
    removed: mine.map((volume) => leftover(session, volume)),
    left: othersIn(session, volumes),
  };
}

/** lvremove says nothing of what it did not find. */
function requireGone(host: Host, removed: readonly SourceVolume[], now: readonly SourceVolume[]): void {
  const there = removed.find(({ uuid }) => now.some((one) => one.uuid === uuid));
  if (there === undefined) return;
  throw new RehomeError("command-failed", `snapshot ${there.group}/${there.name} is still there`, {
    machine: host.name,
    remedy: "look at the source (lvs, dmesg), then run it again",
  });
}

/** Nothing follows the guest's disks any more. */
async function forget({ store }: GuestSession): Promise<void> {
  for (const disk of trackingOf(await store.records()).keys()) {
    await store.append({ type: "tracking", at: Date.now(), disk });
  }
}

function leftover({ guestConfig }: GuestSession, { group, name, origin, size }: SourceVolume): Leftover {
  return { source: guestConfig.source, snapshot: `${group}/${name}`, origin: `${group}/${origin}`, size };
}

function othersIn({ guest, config }: GuestSession, volumes: readonly SourceVolume[]): CleanupResult["left"] {
  return volumes.flatMap((volume) => {
    const snapshot = `${volume.group}/${volume.name}`;
    if (isOf(guest, volume)) return [];
    if (!isOurs(volume)) {
      return volume.name.startsWith("rehome-") ? [{ snapshot, why: "it has rehome's name, but not its tag" }] : [];
    }
    const owner = guestOf(volume);
    if (owner !== undefined && owner !== guest && owner in config.guests) return [];
    return [{ snapshot, why: `it is tagged for guest ${owner ?? "nobody"}, which is not in rehome.yaml` }];
  });
}

/**
 * Removes what rehome made on the source, where the journal says that there is anything, once nothing needs it any more.
 * @returns why it is still there, in words that end a sentence; undefined when nothing is left
 */
export async function releaseSource(session: GuestSession, open: () => Promise<Host>): Promise<string | undefined> {
  if (trackingOf(await session.store.records()).size === 0) return undefined;
  try {
    const host = await open();
    try {
      await cleanSource(session, host, false);
    } finally {
      await host.close();
    }
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof RehomeError)) throw thrown;
    return `snapshots are left on ${session.guestConfig.source} (${thrown.message}): run rehome cleanup ${session.guest}`;
  }
}
