import { guestStatus, startGuest, stopGuest } from "../../../cluster/guests.js";
import { domainXml } from "../../../cluster/libvirt/domain-xml.js";
import {
  addGuest,
  CONSOLES,
  foreseeGuest,
  removeGuest,
  sessionCluster,
  type GuestRequest,
} from "../../../cluster/replicated-guest/index.js";
import { bothHosts, type ClusterSession } from "../../../cluster/setup/session.js";
import { listVolumes } from "../../../cluster/volumes/replicated/index.js";
import { handOver, isReplicated } from "../../../cluster/volumes/replicated/promotion.js";
import { RehomeError } from "../../../lib/errors.js";
import type { Cluster } from "../../../cluster/types.js";
import { domainSpecOf } from "../domain.js";
import { commonHardware } from "./common-hardware.js";
import { requireUnregistered } from "./machine.js";
import { NO_CONSOLE, type Home, type HomeOptions } from "./types.js";

/** Bytes of a console's end that are read. */
const CONSOLE_END = 16_384;

/** The two hosts, with Pacemaker. Both must be there to be given the guest's definition. */
export function clusterHome({ session, plan, machine, report, signal }: HomeOptions): Home {
  const { name } = plan;
  const options = { report, ...(signal && { signal }) };
  const consoleLog = `${CONSOLES}/${name}-console.log`;
  const on = <T>(work: (cluster: ClusterSession) => Promise<T>): Promise<T> => session.withCluster(signal, work);
  const asked = <T>(work: (cluster: Cluster) => Promise<T>): Promise<T> => on((hosts) => work(sessionCluster(hosts)));

  async function request(cluster: ClusterSession): Promise<GuestRequest> {
    await handOver(bothHosts(cluster), name); // never promoted by rehome and by the cluster
    const volume = (await listVolumes(cluster)).find((each) => each.name === name);
    if (volume === undefined) throw new RehomeError("volume-missing", `there is no replicated volume "${name}"`);
    for (const [host, state] of Object.entries(volume.states)) {
      if (isReplicated(state)) continue;
      report.note({ severity: "warning", text: `not yet highly available: ${host} says ${state.disks.join(", ")}` });
    }
    const hardware = await commonHardware(bothHosts(cluster));
    const disks = volume.parts.map(({ device }) => ({ path: device, kind: "block" as const }));
    const xml = domainXml(domainSpecOf(plan, machine, { ...hardware, disks, consoleLog }));
    return { name, xml, source: `the domain of ${name}`, volume: name, start: false };
  }

  return {
    registering: [
      `put the domain of ${name} on both hosts: ${plan.vcpus} vCPUs, ${plan.nics.map(({ mac, bridge }) => `${mac} on ${bridge}`).join(", ")}`,
      `add ${name} and its volume to the cluster in one change of its configuration, stopped`,
    ],
    check: () =>
      on(async (cluster) => {
        const keeper = sessionCluster(cluster);
        await keeper.requireKeeper();
        requireUnregistered(name, (await guestStatus(keeper, name)).state, keeper.name);
        const { notes, moves } = await foreseeGuest(cluster, await request(cluster), options);
        for (const text of notes) report.note({ severity: "warning", text });
        for (const { name: what, before, after } of moves) {
          report.note({ severity: "info", text: `${what}: ${before} → ${after}` });
        }
      }),
    register: () =>
      on(async (cluster) => {
        const { notes, files } = await addGuest(cluster, await request(cluster), options);
        for (const text of notes) report.note({ severity: "warning", text });
        return [...new Set(files.map(({ path }) => path))].join(", ") || "it was registered";
      }),
    unregister: () =>
      on(async (cluster) => {
        await removeGuest(cluster, name, options).catch((thrown: unknown) => {
          if (!(thrown instanceof RehomeError) || thrown.code !== "resource-unknown") throw thrown;
        });
      }),
    status: () => asked((cluster) => guestStatus(cluster, name)),
    start: (wait) => asked((cluster) => startGuest(cluster, name, wait)),
    async stop(wait) {
      await asked((cluster) => stopGuest(cluster, name, wait));
    },
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
  };
}
