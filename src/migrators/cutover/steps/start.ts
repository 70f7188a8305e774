import { domainSpecOf } from "../domain.js";
import {
  defineGuest,
  guestStatus,
  registerGuest,
  startGuest,
  stopGuest,
  undefineGuest,
  unregisterGuest,
} from "../../../cluster/guests.js";
import { parseDuration } from "../../../lib/units.js";
import { describeCheck, waitForChecks } from "../checks.js";
import { effectiveChecks, silentGuest } from "../gates.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";
import { requireSilence } from "./source-off.js";

const START_TIMEOUT_MS = 3 * 60_000;
const STOP_TIMEOUT_MS = 6 * 60_000;

/** The guest becomes a resource of the cluster, stopped. */
export const registerStep: Step<CutoverContext> = {
  name: "register",
  title: "register the guest",
  describe: ({ plan, cluster, paths, session }) => [
    `write the domain of ${plan.name} below ${paths.domains}: ${plan.vcpus} vCPUs, ${plan.nics.map(({ mac, bridge }) => `${mac} on ${bridge}`).join(", ")}`,
    `add ocf:heartbeat:VirtualDomain ${plan.name} (${session.config.target.libvirt}) to ${cluster.name}, stopped`,
  ],
  async run({ plan, machine, cluster, paths, hypervisor, session }) {
    const domainPath = await defineGuest(paths, domainSpecOf(plan, machine, await hypervisor(), paths));
    await registerGuest(cluster, { name: plan.name, domainPath, libvirt: session.config.target.libvirt });
    return { detail: domainPath };
  },
  async undo({ plan, cluster, paths }) {
    await unregisterGuest(cluster, plan.name);
    await undefineGuest(paths, plan.name);
    return "no longer a resource";
  },
};

export const startStep: Step<CutoverContext> = {
  name: "start",
  title: "start the guest",
  describe: ({ plan, session }) => [
    `make sure once more that ${session.guestConfig.source} does not answer`,
    `start ${plan.name} as a resource of the cluster`,
  ],
  async ready(context) {
    // Once the guest runs it answers at the source's address, and silence proves nothing any more.
    if ((await guestStatus(context.cluster, context.plan.name)).state === "running") return;
    await requireSilence(context, 0);
  },
  async run({ plan, cluster, signal }) {
    const status = await startGuest(cluster, plan.name, { timeoutMs: START_TIMEOUT_MS, ...(signal && { signal }) });
    return { detail: `running${status.node === undefined ? "" : ` on ${status.node}`}` };
  },
  async undo({ plan, cluster }) {
    if ((await guestStatus(cluster, plan.name)).state === "unregistered") return "it was not started";
    await stopGuest(cluster, plan.name, { timeoutMs: STOP_TIMEOUT_MS });
    return "stopped";
  },
};

/** Downtime ends: the guest answers. */
export const answersStep: Step<CutoverContext> = {
  name: "answers",
  title: "wait until the guest answers",
  describe: ({ session }) => effectiveChecks(session).map((check) => `wait for ${describeCheck(check)}`),
  async run({ session, paths, plan, signal }) {
    const checks = effectiveChecks(session);
    const timeoutMs = parseDuration(session.guestConfig.bootTimeout);
    try {
      await waitForChecks(checks, session.target, { timeoutMs, signal });
    } catch (thrown) {
      throw await silentGuest(thrown, paths, plan.name);
    }
    return { detail: checks.map(describeCheck).join(", ") };
  },
};
