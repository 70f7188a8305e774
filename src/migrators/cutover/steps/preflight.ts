import { guestStatus } from "../../../cluster/guests.js";
import { domainXml } from "../../../cluster/libvirt/domain-xml.js";
import { RehomeError } from "../../../lib/errors.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { formatDuration } from "../../../lib/units.js";
import { checkConversion } from "../../conversion/convert.js";
import { passesOf } from "../../guest-store.js";
import { bootIdOf } from "../../physical/quiesce.js";
import { factsOf, predictDowntime } from "../../staging/index.js";
import { domainSpecOf } from "../domain.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";
import { conversionTarget } from "./convert.js";

/** Tools of the target that a cutover needs, each called once so that a missing one is found before the window. */
const TOOLS = [
  ["qemu-img", "--version"],
  ["guestfish", "--version"],
  ["virsh", "--version"],
] as const;

/** Everything that could fail in the window is tried before it. Nothing is changed. */
export const preflightStep: Step<CutoverContext> = {
  name: "preflight",
  title: "try everything that could fail",
  fleeting: true,
  describe: ({ session, plan }) => [
    `log in to ${session.sourceConfig.address} and make sure that it can be brought to rest`,
    "check tools, libvirt, bridges and the runtime on the target",
    `have libvirt read the domain of ${plan.name}`,
    "convert a throw-away overlay of the copy, to see that it works",
  ],
  async run(context) {
    const bootId = await checkSource(context);
    await checkTarget(context);
    await checkDomain(context);
    const convertMs = await rehearseConversion(context);
    const predictedMs = await checkDowntime(context, convertMs);
    return { detail: `predicted downtime ${formatDuration(predictedMs)}`, facts: { bootId } };
  },
};

/** @returns the source's boot id */
async function checkSource({ source, session }: CutoverContext): Promise<string> {
  const host = await source.host();
  const sysrq = await host.run(["test", "-w", "/proc/sysrq-trigger"]);
  if (sysrq.exitCode !== 0) {
    throw new RehomeError(
      "source-unsupported",
      "cannot bring the source to rest: /proc/sysrq-trigger is not writable",
      {
        machine: session.guestConfig.source,
        remedy: "log in as root, or set sudo: true for it in rehome.yaml",
      },
    );
  }
  return bootIdOf(host);
}

async function checkTarget({ session, cluster, plan }: CutoverContext): Promise<void> {
  const { target, config } = session;
  for (const argv of TOOLS) await runChecked(target, argv);
  await cluster.requireKeeper();
  await runChecked(target, ["virsh", "-c", config.target.libvirt, "version"], { timeoutMs: 20_000 });
  for (const { bridge } of plan.nics) await requireBridge(target, bridge);
  const domain = await target.run(["virsh", "-c", config.target.libvirt, "domstate", "--", plan.name]);
  const { state } = await guestStatus(cluster, plan.name);
  if (state !== "unregistered") {
    throw new RehomeError("resource-exists", `the cluster already has a resource ${plan.name} (${state})`, {
      path: cluster.name,
      remedy: "it is not this cutover's: give the guest another name in rehome.yaml, or take the resource out",
    });
  }
  if (domain.exitCode === 0) {
    throw new RehomeError("wrong-state", `libvirt already has a domain ${plan.name} (${domain.stdout.trim()})`, {
      machine: target.name,
      remedy: "remove it, or give the guest another name in rehome.yaml",
    });
  }
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

/** Has libvirt itself read the domain, without defining it. From a file: what is its input here cannot be opened. */
async function checkDomain({ session, plan, machine, hypervisor, paths }: CutoverContext): Promise<void> {
  const { target, config } = session;
  const xml = domainXml(domainSpecOf(plan, machine, await hypervisor(), paths));
  const folder = (await runChecked(target, ["mktemp", "-d"])).trim();
  try {
    await target.writeFile(`${folder}/domain.xml`, xml, 0o600);
    const argv = ["virsh", "-c", config.target.libvirt, "domxml-to-native", "qemu-argv", `${folder}/domain.xml`];
    await runChecked(target, argv, { timeoutMs: 20_000 });
  } finally {
    await target.run(["rm", "-rf", "--", folder]);
  }
}

/**
 * Converts a throw-away overlay of the copy.
 * @returns how long it took, in ms, or undefined when the copy of a running source was too torn to be opened
 */
async function rehearseConversion(context: CutoverContext): Promise<number | undefined> {
  const { machine, report, session } = context;
  const hypervisor = (await context.hypervisor()).type;
  try {
    const result = await checkConversion({ ...conversionTarget(context), machine, report, hypervisor });
    for (const text of result.warnings) report.note({ severity: "warning", text });
    return result.durationMs;
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "guest-filesystem-damaged") throw thrown;
    const text = `the conversion could not be tried: ${thrown.message} (the copy was taken while ${session.guestConfig.source} ran)`;
    report.note({ severity: "warning", text });
    return undefined;
  }
}

async function checkDowntime({ session, options }: CutoverContext, convertMs: number | undefined): Promise<number> {
  const records = await session.store.records();
  const { totalMs } = predictDowntime({
    ...factsOf(passesOf(records), records),
    ...(convertMs !== undefined && { convertMs }),
  });
  if (options.maxDowntimeMs !== undefined && totalMs > options.maxDowntimeMs) {
    throw new RehomeError(
      "downtime-too-long",
      `the predicted downtime is ${formatDuration(totalMs)}, the limit ${formatDuration(options.maxDowntimeMs)}`,
      { remedy: `run rehome stage ${session.guest} again, or raise --max-downtime` },
    );
  }
  return totalMs;
}
