import { loadConfig } from "../lib/config/load.js";
import { entryOf } from "../lib/entry-of.js";
import type { Config, GuestConfig, SourceConfig } from "../lib/config/schema.js";
import { RehomeError } from "../lib/errors.js";
import { connectMachine, impatient, type ConnectMachine } from "../cluster/setup/machines.js";
import { openCluster, type ClusterSession } from "../cluster/setup/session.js";
import type { ComingGuest } from "../cluster/replicated-guest/index.js";
import type { VolumeStore } from "../cluster/volumes/types.js";
import { fileVolumes } from "../cluster/volumes/file-volume.js";
import type { Host } from "../lib/host/types.js";
import type { Report } from "../lib/report.js";
import { localHost } from "../lib/host/local-host.js";
import { nearest } from "../lib/nearest.js";
import { guestStore, plannedOf, stateOf, type GuestRecord, type GuestStore } from "./guest-store.js";
import type { Draft } from "./plan/context.js";
import { planGuest } from "./plan/plan.js";
import { openReplicatedVolumes } from "./landing/cluster-volumes.js";
import { gatherClusterTarget } from "./landing/cluster-target.js";
import { landingOf, type Landing } from "./landing/landing.js";
import { onceMore } from "./landing/once-more.js";
import { placedOn } from "./landing/placement.js";
import { gatherTarget, type TargetFacts } from "./plan/target.js";
import { migratorOf } from "./registry.js";
import type { GuestPlan, Machine } from "./types.js";

/** What every command that works on one guest begins with. */
export interface GuestSession {
  readonly guest: string;
  readonly configPath: string;
  readonly config: Config;
  readonly guestConfig: GuestConfig;
  readonly sourceConfig: SourceConfig;
  /** Where the guest lands. */
  readonly landing: Landing;
  /** The machine that rehome runs on. */
  readonly target: Host;
  readonly store: GuestStore;
  /**
   * Connects to the guest's source; the caller closes it.
   * @throws RehomeError host-unreachable, host-key-unknown, host-key-changed, auth-failed, sudo-failed
   */
  connect(signal?: AbortSignal): Promise<Host>;
  /** Finds out what there is where the guest lands. Changes nothing. */
  gatherTarget(signal?: AbortSignal): Promise<TargetFacts>;
  /** Logs in to the cluster's hosts; the caller closes it. @throws RehomeError as openCluster */
  openCluster(signal?: AbortSignal): Promise<ClusterSession>;
  /** Opens the guest's volumes where it lands; the caller closes them. @throws RehomeError as openReplicatedVolumes */
  openVolumes(use: VolumeUse): Promise<OpenVolumes>;
}

/** A guest's volumes, as long as rehome works with them. */
export interface OpenVolumes {
  readonly volumes: VolumeStore;
  close(): Promise<void>;
}

/** What volumes are opened for. */
export interface VolumeUse {
  readonly plan: GuestPlan;
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
}

/** How to reach a source; tests put in fake machines. */
export type Connect = (
  name: string,
  source: SourceConfig,
  options: { readonly acceptNewHostKey: boolean; readonly signal?: AbortSignal },
) => Promise<Host>;

export interface OpenGuestOptions {
  readonly configPath: string;
  readonly guest: string;
  /** Trust a host key that was never seen before (never one that changed). */
  readonly acceptNewHostKey?: boolean;
  readonly connect: Connect;
  readonly target?: Host;
  /** How to reach the cluster's machines; tests put in fake ones. */
  readonly connectMachine?: ConnectMachine;
}

/**
 * Reads rehome.yaml and finds a guest in it. Touches no machine yet.
 * @throws RehomeError config-missing, config-invalid, guest-unknown
 */
export async function openGuest(options: OpenGuestOptions): Promise<GuestSession> {
  return sessionOf(await loadConfig(options.configPath), options);
}

/** One session for every guest in rehome.yaml, in its order. */
export async function openGuests(options: Omit<OpenGuestOptions, "guest">): Promise<readonly GuestSession[]> {
  const config = await loadConfig(options.configPath);
  return Object.keys(config.guests).map((guest) => sessionOf(config, { ...options, guest }));
}

function sessionOf(config: Config, options: OpenGuestOptions): GuestSession {
  const { guest, configPath, connect } = options;
  const guestConfig = entryOf(config.guests, guest);
  if (guestConfig === undefined) throw unknownGuest(config, guest, configPath);
  const sourceConfig = entryOf(config.sources, guestConfig.source);
  if (sourceConfig === undefined) {
    throw new RehomeError("config-invalid", `there is no source "${guestConfig.source}"`, { path: configPath });
  }
  const landing = landingOf(config);
  const target = options.target ?? localHost();
  const store = guestStore(config.target.state, guest);
  const connectMember = impatient(options.connectMachine ?? connectMachine);
  function login(signal?: AbortSignal): Promise<ClusterSession> {
    return openCluster({
      configPath,
      acceptNewHostKey: options.acceptNewHostKey ?? false,
      withoutPasswords: true,
      hostsOnly: true,
      connect: connectMember,
      ...(signal && { signal }),
    });
  }
  async function gatherOnCluster(signal: AbortSignal | undefined): Promise<TargetFacts> {
    const cluster = await login(signal);
    try {
      return await gatherClusterTarget(cluster, target);
    } finally {
      await cluster.close();
    }
  }
  async function openOnCluster(use: VolumeUse): Promise<OpenVolumes> {
    const cluster = await login(use.signal);
    try {
      const opened = await openReplicatedVolumes(cluster, store, use, () => placedOthers(config, guest));
      return { volumes: opened.volumes, close: () => opened.close().finally(() => cluster.close()) };
    } catch (thrown) {
      await cluster.close();
      throw thrown;
    }
  }
  return {
    guest,
    configPath,
    config,
    landing,
    guestConfig,
    sourceConfig,
    target,
    store,
    gatherTarget: (signal) =>
      landing.kind === "machine" ? gatherTarget(target, config.target) : gatherOnCluster(signal),
    openCluster: login,
    connect: (signal) =>
      connect(guestConfig.source, sourceConfig, {
        acceptNewHostKey: options.acceptNewHostKey ?? false,
        ...(signal && { signal }),
      }),
    openVolumes: (use) =>
      landing.kind === "machine"
        ? Promise.resolve({ volumes: fileVolumes, close: () => Promise.resolve() })
        : onceMore(use, () => openOnCluster(use)),
  };
}

function unknownGuest(config: Config, guest: string, path: string): RehomeError {
  const known = Object.keys(config.guests);
  const near = nearest(guest, known);
  return new RehomeError("guest-unknown", `there is no guest "${guest}"`, {
    path,
    remedy:
      near === undefined
        ? `guests are ${known.join(", ") || "none yet: add one below guests"}`
        : `did you mean "${near}"?`,
  });
}

/**
 * Inspects a guest's source and plans the guest, as `rehome plan` does. What other guests take (MACs, space) is known
 * from their journals. Changes nothing anywhere.
 * @throws RehomeError what `connect` and the inspection throw
 */
export async function inspectAndPlan(
  session: GuestSession,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly machine: Machine; readonly plan: GuestPlan }> {
  const [machine, target, others, records] = await Promise.all([
    inspectSource(session, options.signal),
    session.gatherTarget(options.signal),
    plansOfOthers(session),
    session.store.records(),
  ]);
  const { guest: name, config } = session;
  return { machine, plan: planGuest({ name, config, machine, target, others, state: stateOf(records) }) };
}

/** Connects to the source, describes it, and leaves it. */
export async function inspectSource(session: GuestSession, signal?: AbortSignal): Promise<Machine> {
  const host = await session.connect(signal);
  try {
    return await migratorOf(session.sourceConfig.kind).inspect(host, session.sourceConfig, signal);
  } finally {
    await host.close();
  }
}

/** Plans of the other guests in rehome.yaml that were staged already. */
export async function plansOfOthers({ config, guest }: GuestSession): Promise<readonly Draft[]> {
  const records = await recordsOfOthers(config, guest);
  return records.flatMap((ofOne) => plannedOf(ofOne)?.plan ?? []);
}

/** What the other guests will take of the hosts that they were placed on. */
async function placedOthers(config: Config, guest: string): Promise<readonly ComingGuest[]> {
  const records = await recordsOfOthers(config, guest);
  return records.flatMap((ofOne) => {
    const [plan, host] = [plannedOf(ofOne)?.plan, placedOn(ofOne)];
    return plan === undefined || host === undefined ? [] : [{ ...plan, host }];
  });
}

function recordsOfOthers(config: Config, guest: string): Promise<readonly (readonly GuestRecord[])[]> {
  const names = Object.keys(config.guests).filter((name) => name !== guest);
  return Promise.all(names.map((name) => guestStore(config.target.state, name).records()));
}
