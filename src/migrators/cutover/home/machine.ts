import { join } from "node:path";
import { bundledCluster } from "../../../cluster/bundled.js";
import {
  defineGuest,
  guestStatus,
  registerGuest,
  startGuest,
  stopGuest,
  undefineGuest,
  unregisterGuest,
} from "../../../cluster/guests.js";
import { domainXml } from "../../../cluster/libvirt/domain-xml.js";
import { endDomain } from "../../../cluster/libvirt/end-domain.js";
import { probeHypervisor } from "../../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../../cluster/libvirt/types.js";
import { clusterPaths } from "../../../cluster/paths.js";
import { requireRunsNowhere } from "../../../cluster/replicated-guest/index.js";
import { RehomeError } from "../../../lib/errors.js";
import { runOnFile } from "../../../lib/host/on-file.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { domainSpecOf } from "../domain.js";
import { giveUp } from "./give-up.js";
import { NO_CONSOLE, type Home, type HomeOptions } from "./types.js";

/** The machine that rehome runs on, with the bundled runtime. */
export function machineHome({ session, plan, machine, report }: HomeOptions): Home {
  const { target, config } = session;
  const { libvirt } = config.target;
  const paths = clusterPaths(config.target.state);
  const cluster = bundledCluster(paths, "rehome");
  const consoleLog = join(paths.consoles, `${plan.name}.log`);
  let hypervisor: Promise<Hypervisor> | undefined;
  const spec = async () =>
    domainSpecOf(plan, machine, {
      hypervisor: await (hypervisor ??= probeHypervisor(target)),
      disks: plan.volumes.map(({ path }) => ({ path, kind: "file" })),
      consoleLog,
    });
  return {
    registering: [
      `write the domain of ${plan.name} below ${paths.domains}: ${plan.vcpus} vCPUs, ${plan.nics.map(({ mac, bridge }) => `${mac} on ${bridge}`).join(", ")}`,
      `add ocf:heartbeat:VirtualDomain ${plan.name} (${libvirt}) to ${cluster.name}, stopped`,
    ],
    async check() {
      await cluster.requireKeeper();
      await runChecked(target, ["virsh", "-c", libvirt, "version"], { timeoutMs: 20_000 });
      for (const { bridge } of plan.nics) await requireBridge(target, bridge);
      const domain = await target.run(["virsh", "-c", libvirt, "domstate", "--", plan.name]);
      requireUnregistered(plan.name, (await guestStatus(cluster, plan.name)).state, cluster.name);
      if (domain.exitCode === 0) {
        throw new RehomeError("wrong-state", `libvirt already has a domain ${plan.name} (${domain.stdout.trim()})`, {
          machine: target.name,
          remedy: "remove it, or give the guest another name in rehome.yaml",
        });
      }
      await requireReadable(target, libvirt, domainXml(await spec()));
    },
    async register(release) {
      await release();
      const domainPath = await defineGuest(paths, await spec());
      await registerGuest(cluster, { name: plan.name, domainPath, libvirt });
      return domainPath;
    },
    async unregister() {
      await unregisterGuest(cluster, plan.name);
      await undefineGuest(paths, plan.name);
      await requireRunsNowhere([target], plan.name, libvirt); // the source is called back next
    },
    status: () => guestStatus(cluster, plan.name),
    start: (wait) => startGuest(cluster, plan.name, wait),
    giveUp: (wait) => {
      const stop = (): Promise<unknown> => stopGuest(cluster, plan.name, wait);
      return giveUp(plan.name, { stop, end: () => endDomain(target, libvirt, plan.name) }, report);
    },
    async console() {
      const text = await target
        .readFile(consoleLog)
        .then((data) => data.toString("latin1"))
        .catch(() => NO_CONSOLE);
      return { path: consoleLog, text };
    },
    leave: () => Promise.resolve(),
  };
}

/** @throws RehomeError resource-exists */
export function requireUnregistered(guest: string, state: string, cluster: string): void {
  if (state === "unregistered") return;
  throw new RehomeError("resource-exists", `the cluster already has a resource ${guest} (${state})`, {
    path: cluster,
    remedy: "it is not this cutover's: give the guest another name in rehome.yaml, or take the resource out",
  });
}

async function requireBridge(target: Host, bridge: string): Promise<void> {
  const result = await target.run(["ip", "link", "show", "dev", bridge]);
  if (result.exitCode === 127) throw commandFailed(target, result);
  if (result.exitCode !== 0) {
    throw new RehomeError("wrong-state", `there is no bridge ${bridge}`, {
      machine: target.name,
      remedy: "make the bridge, or map the guest's NICs to another one in rehome.yaml",
    });
  }
}

/** Has libvirt itself read the domain, without defining it. */
async function requireReadable(target: Host, libvirt: string, xml: string): Promise<void> {
  const argv = ["virsh", "-c", libvirt, "domxml-to-native", "qemu-argv"];
  const read = await runOnFile(target, argv, xml, { timeoutMs: 20_000 });
  if (read.exitCode !== 0) throw commandFailed(target, read);
}
