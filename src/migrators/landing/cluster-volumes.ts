import { hostsOf } from "../../cluster/setup/members.js";
import type { ComingGuest } from "../../cluster/replicated-guest/index.js";
import type { ClusterSession } from "../../cluster/setup/session.js";
import { openReplicated } from "../../cluster/volumes/replicated/store.js";
import { allEnded } from "../../lib/all-ended.js";
import type { GuestStore } from "../guest-store.js";
import type { OpenVolumes, VolumeUse } from "../session.js";
import { hardwareOf, rememberHardware } from "./common-hardware.js";
import { placeGuest } from "./placement.js";

/**
 * Promotes a guest's replicated volumes on the host that is to run it, for rehome to work with.
 * @param coming other guests that are placed, and that the cluster does not know yet
 * @throws RehomeError as placeGuest and openReplicated
 */
export async function openReplicatedVolumes(
  session: ClusterSession,
  store: GuestStore,
  { plan, report, signal }: VolumeUse,
  coming: () => Promise<readonly ComingGuest[]>,
): Promise<OpenVolumes> {
  const { host, because } = await placeGuest(session, store, plan, coming);
  report.note({ severity: "info", text: `${plan.name} is copied to ${host}: ${because}` });
  const sizes = plan.volumes.map(({ size }) => size);
  const both = hostsOf(session.cluster).flatMap(({ name }) => session.connections.hosts.get(name) ?? []);
  if (both.length > 1 && hardwareOf(await store.records()) === undefined) await rememberHardware(store, both);
  const volumes = await openReplicated(session, { name: plan.name, sizes, host, report, signal });
  return {
    volumes,
    async close() {
      const [, isReplicated] = await allEnded([volumes.close(), volumes.replicated()]);
      if (isReplicated) return;
      const peer = hostsOf(session.cluster).find(({ name }) => name !== host)?.name ?? "the other host";
      report.note({ severity: "warning", text: `not yet highly available: ${peer} does not have all of the copy` });
    },
  };
}
