import { guestStatus, startGuest, stopGuest } from "../../../cluster/guests.js";
import { domainXml } from "../../../cluster/libvirt/domain-xml.js";
import { endDomain } from "../../../cluster/libvirt/end-domain.js";
import {
  addGuest,
  CONSOLES,
  foreseeGuest,
  removeGuest,
  requireRunsNowhere,
  sessionCluster,
  type GuestRequest,
} from "../../../cluster/replicated-guest/index.js";
import type { PresentHosts } from "../../../cluster/pacemaker/presence.js";
import type { ClusterSession } from "../../../cluster/setup/session.js";
import { RehomeError } from "../../../lib/errors.js";
import type { Cluster } from "../../../cluster/types.js";
import type { GuestStore } from "../../guest-store.js";
import { clusterKeeper } from "../../landing/cluster-keeper.js";
import { commonHardware, hardwareOf, rememberHardware, type CommonHardware } from "../../landing/common-hardware.js";
import { onceMore } from "../../landing/once-more.js";
import { placedOn } from "../../landing/placement.js";
import { domainSpecOf } from "../domain.js";
import { requireUnregistered } from "./machine.js";
import { giveUp } from "./give-up.js";
import { NO_CONSOLE, type Home, type HomeOptions } from "./types.js";

/** Bytes of a console's end that are read. */
const CONSOLE_END = 16_384;

/** Nobody of this run has the volume. */
const released = (): Promise<void> => Promise.resolve();

/** Of both hosts, as the cluster's agents use it. */
const LIBVIRT = "qemu:///system";

/** Several guests may be moved at once, and each is a change of the cluster by itself: that takes seconds. */
const LOCK_WAIT_MS = 120_000;

/** The two hosts, with Pacemaker. One of them may be away, when that is certain; it gets the guest's definition later. */
export function clusterHome({ session, plan, machine, report, signal }: HomeOptions): Home {
  const { name } = plan;
  const options = { report, lockWaitMs: LOCK_WAIT_MS, ...(signal && { signal }) };
  const consoleLog = `${CONSOLES}/${name}-console.log`;
  const keeper = clusterKeeper(() => session.openCluster(signal));
  const on = <T>(work: (cluster: ClusterSession) => Promise<T>): Promise<T> =>
    onceMore({ report, signal }, () => keeper.use(work));
  const asked = <T>(work: (cluster: Cluster) => Promise<T>): Promise<T> => on((hosts) => work(sessionCluster(hosts)));

  /**
   * @param hardware what the guest may have of the hosts that are there
   * @param release lets go of the volume: never promoted by rehome and by the cluster
   */
  async function request(
    hardware: (present: PresentHosts) => Promise<CommonHardware>,
    release: () => Promise<void>,
  ): Promise<GuestRequest> {
    const xml: GuestRequest["xml"] = async (devices, present) => {
      if (present.away !== undefined) await requirePlacedHere(session.store, name, present.away);
      const { hypervisor, cpuModel } = await hardware(present);
      const disks = devices.map((path) => ({ path, kind: "block" as const }));
      return domainXml(domainSpecOf(plan, machine, { hypervisor, cpuModel, disks, consoleLog }));
    };
    const preferred = placedOn(await session.store.records());
    return { name, xml, source: `the domain of ${name}`, volume: name, release, preferred, start: false };
  }

  /** What both have; of one that is away what it had when it was there. */
  async function lookedFor({ hosts, away }: PresentHosts): Promise<CommonHardware> {
    if (away === undefined) return rememberHardware(session.store, hosts);
    const known = hardwareOf(await session.store.records());
    if (known !== undefined) return known;
    const text = `nobody knows what ${away} has: it may lack what ${name} gets from ${hosts[0]?.name ?? "the other host"}`;
    report.note({ severity: "warning", text });
    return commonHardware(hosts);
  }

  /** In the window nobody looks again at what the preflight found. */
  async function remembered({ hosts }: PresentHosts): Promise<CommonHardware> {
    return hardwareOf(await session.store.records()) ?? commonHardware(hosts);
  }

  return {
    registering: [
      `put the domain of ${name} on both hosts: ${plan.vcpus} vCPUs, ${plan.nics.map(({ mac, bridge }) => `${mac} on ${bridge}`).join(", ")}`,
      `add ${name} and its volume to the cluster in one change of its configuration, stopped`,
    ],
    check: () =>
      on(async (cluster) => {
        const pacemaker = sessionCluster(cluster);
        await pacemaker.requireKeeper();
        requireUnregistered(name, (await guestStatus(pacemaker, name)).state, pacemaker.name);
        const { notes, moves } = await foreseeGuest(cluster, await request(lookedFor, released), options);
        for (const text of notes) report.note({ severity: "warning", text });
        for (const { name: what, before, after } of moves) {
          report.note({ severity: "info", text: `${what}: ${before} → ${after}` });
        }
      }),
    register: (release) =>
      on(async (cluster) => {
        const { notes, files, undefinedOn } = await addGuest(cluster, await request(remembered, release), options);
        await session.store.append({ type: "registered", at: Date.now(), undefinedOn });
        for (const text of notes) report.note({ severity: "warning", text });
        return [...new Set(files.map(({ path }) => path))].join(", ") || "it was registered";
      }),
    unregister: () =>
      on(async (cluster) => {
        try {
          const { notes } = await removeGuest(cluster, name, options);
          for (const text of notes) report.note({ severity: "warning", text });
        } catch (thrown) {
          if (!(thrown instanceof RehomeError) || thrown.code !== "resource-unknown") throw thrown;
        }
        await requireRunsNowhere([...cluster.connections.hosts.values()], name); // the source is called back next
      }),
    status: () => asked((cluster) => guestStatus(cluster, name)),
    start: (wait) => asked((cluster) => startGuest(cluster, name, wait)),
    giveUp: (wait) =>
      on(async (cluster) => {
        const end = async (): Promise<boolean> => {
          const ended = await Promise.all(
            [...cluster.connections.hosts.values()].map((host) => endDomain(host, LIBVIRT, name)),
          );
          return ended.includes(true);
        };
        await giveUp(name, { stop: () => stopGuest(sessionCluster(cluster), name, wait), end }, report);
      }),
    console: () =>
      on(async (cluster) => {
        const { node } = await guestStatus(sessionCluster(cluster), name);
        const host = cluster.connections.hosts.get(node ?? "");
        const read = await host?.run(["tail", "-c", `${CONSOLE_END}`, "--", consoleLog]);
        return {
          ...(node !== undefined && { machine: node }),
          path: consoleLog,
          text: read?.exitCode === 0 ? read.stdout : NO_CONSOLE,
        };
      }),
    leave: () => keeper.release(),
  };
}

/** Another host than the one that was copied to may lack what was copied last. @throws RehomeError host-unreachable */
async function requirePlacedHere(store: GuestStore, name: string, away: string): Promise<void> {
  if (placedOn(await store.records()) !== away) return;
  throw new RehomeError("host-unreachable", `${name} was copied to this host, which is away`, {
    machine: away,
    remedy: `bring it back; or run rehome stage ${name}, which copies to the other host`,
  });
}
