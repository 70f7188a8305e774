import { hostsOf } from "../../cluster/setup/members.js";
import type { ClusterSession } from "../../cluster/setup/session.js";
import { openReplicated, type ReplicatedStore } from "../../cluster/volumes/replicated/store.js";
import { asRehomeError } from "../../lib/errors.js";
import type { GuestStore } from "../guest-store.js";
import type { VolumeUse } from "../session.js";
import { placeGuest } from "./placement.js";

/**
 * Has something done with a guest's replicated volumes while rehome has them promoted on the host that is to run it.
 * @throws RehomeError as placeGuest, openReplicated, and what `work` throws
 */
export async function withReplicatedVolumes<T>(
  session: ClusterSession,
  store: GuestStore,
  { plan, report, signal }: VolumeUse,
  work: (volumes: ReplicatedStore) => Promise<T>,
): Promise<T> {
  const { host, because } = await placeGuest(session, store);
  report.note({ severity: "info", text: `${plan.name} is copied to ${host}: ${because}` });
  const sizes = plan.volumes.map(({ size }) => size);
  const volumes = await openReplicated(session, { name: plan.name, sizes, host, report, signal });
  let result: T;
  try {
    result = await work(volumes);
    if (!(await volumes.replicated())) {
      const peer = hostsOf(session.cluster).find(({ name }) => name !== host)?.name ?? "the other host";
      report.note({ severity: "warning", text: `not yet highly available: ${peer} does not have all of the copy` });
    }
  } catch (thrown) {
    await volumes.close().catch((second: unknown) => {
      const { message } = asRehomeError(second);
      report.note({ severity: "warning", text: `the volumes of ${plan.name} stay promoted on ${host}: ${message}` });
    });
    throw thrown;
  }
  await volumes.close();
  return result;
}
