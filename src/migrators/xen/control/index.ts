import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { formatDuration, parseDuration } from "../../../lib/units.js";
import { effectiveChecks } from "../../cutover/gates.js";
import { currentSteps, factOf, statusOf } from "../../cutover/sequence.js";
import { isAbsence, type SourceLink } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { SourceControl } from "../../source-control.js";
import { gatherXenHost } from "../gather.js";
import { bootIdOf, requireDomain } from "../inspect.js";
import {
  destroy,
  disableAutostart,
  enableAutostart,
  idOf,
  requireOff,
  shutDown,
  start,
  writeMark,
  type ControlledDomain,
} from "./domain.js";

const DEFAULT_SHUTDOWN = "5min";
/** A domain that was told to shut down and is called back may still be on its way down for so long, in ms. */
const GOING_DOWN_MS = 30_000;
/** How long a host that cannot be reached is asked again before it is given up for now, in ms. */
const RECONNECT_MS = 60_000;
/** The fact that the step of coming to rest journals: the state of the disks at rest. */
const MARK = "writes";
/**
 * What a domain is, found out when it came to rest: its host takes seconds to tell, which are downtime. Whether it is off
 * and its disks are as they were is asked each time.
 */
const resting = new WeakMap<SourceLink, ControlledDomain>();

/**
 * A domain comes to rest by being shut down, and stays off: its host goes on, and is asked. It cannot start by itself
 * any more, and whether somebody started it all the same is seen by what its host counted of writes to its disks.
 */
export const xenControl: SourceControl = {
  async check(context) {
    const { domain, bootId } = await look(context);
    if (effectiveChecks(context.session, context.machine).length === 0) throw nothingToCheck(context);
    const host = await context.source.host();
    await idOf(host, domain);
    await writeMark(host, domain);
    return bootId;
  },
  rest: {
    describe: ({ session: { sourceConfig } }) => [
      `no longer start ${nameOf(sourceConfig)} with ${sourceConfig.address}`,
      `shut ${nameOf(sourceConfig)} down (xl shutdown), and wait for up to ${timeLimit(sourceConfig)}`,
      ...(sourceConfig.destroy ? ["end it (xl destroy) when it does not shut down in time"] : []),
    ],
    async holds(context) {
      const steps = currentSteps(await context.session.store.records());
      if (statusOf(steps, "source-off") === "done") return true; // the step that starts the guest asks once more
      try {
        await requireAtRest(context);
        return true;
      } catch (thrown) {
        if (isAbsence(thrown) && context.options.sourceIsOff) return true;
        if (thrown instanceof RehomeError && ["source-alive", "cutover-stale"].includes(thrown.code)) return false;
        throw thrown;
      }
    },
    run: comeToRest,
    undo: comeBack,
  },
  off: {
    describe: ({ session: { sourceConfig } }) => [
      `make sure that ${nameOf(sourceConfig)} is off, and that ${sourceConfig.address} has none of its disks open`,
    ],
    async run(context) {
      await requireStillOff(context);
      const { sourceConfig } = context.session;
      return { detail: `${nameOf(sourceConfig)} is off: do not start it, use rehome rollback` };
    },
    undo: () => Promise.resolve("it is started when everything is undone"),
  },
  requireAtRest,
  requireOff: requireStillOff,
  async requireWayBack(context) {
    const steps = currentSteps(await context.session.store.records());
    if (statusOf(steps, "quiesce") === "pending" || (await reaches(context))) return;
    throw unreachable(context);
  },
  async canReturn(context, steps) {
    if (statusOf(steps, "quiesce") === "pending") return true;
    const until = Date.now() + RECONNECT_MS;
    while (!(await reaches(context))) {
      if (Date.now() > until) return false;
      await delay(2000);
    }
    return true;
  },
  async answers(context) {
    try {
      const { domain } = await look(context);
      return (await idOf(await context.source.host(), domain)) !== undefined;
    } catch {
      return false; // nobody there, or nobody who tells
    }
  },
};

async function comeToRest(context: CutoverContext): Promise<{ detail: string; facts: Record<string, string> }> {
  const { session, report } = context;
  const { sourceConfig, guestConfig } = session;
  const { domain, bootId } = await look(context);
  const host = await context.source.host();
  const known = factOf(currentSteps(await session.store.records()), "preflight", "bootId");
  if (bootId !== known && bootId !== "off") {
    throw new RehomeError("cutover-stale", "the domain was restarted since the cutover began", {
      machine: guestConfig.source,
      remedy: "run the same command again",
    });
  }
  await disableAutostart(host, domain);
  if (!(await shutDown(host, domain, parseDuration(timeLimit(sourceConfig))))) {
    if (sourceConfig.destroy !== true) throw busy(context, domain);
    const text = `${domain.name} did not shut down within ${timeLimit(sourceConfig)} and was ended (xl destroy)`;
    report.note({ severity: "warning", text });
    await destroy(host, domain);
  }
  await requireOff(host, domain);
  resting.set(context.source, domain);
  return { detail: `${domain.name} is shut down`, facts: { [MARK]: await writeMark(host, domain) } };
}

async function comeBack(context: CutoverContext): Promise<string> {
  if (!(await reaches(context))) throw unreachable(context);
  const { domain } = await look(context);
  const host = await context.source.host();
  await enableAutostart(host, domain);
  // told to shut down in vain, it may still do so: then nobody would start it again
  const until = Date.now() + GOING_DOWN_MS;
  while ((await idOf(host, domain)) !== undefined && Date.now() < until) await delay(2000);
  if ((await idOf(host, domain)) !== undefined) return `${domain.name} runs`;
  await start(host, domain);
  return `${domain.name} was started`;
}

/** Off, and as it was when it came to rest. */
async function requireAtRest(context: CutoverContext): Promise<void> {
  const domain = resting.get(context.source) ?? (await look(context)).domain;
  const host = await reachedHost(context);
  await requireOff(host, domain);
  const known = factOf(currentSteps(await context.session.store.records()), "quiesce", MARK);
  if ((await writeMark(host, domain)) === known) return;
  throw new RehomeError("cutover-stale", "the domain's disks were written to after it was shut down", {
    machine: context.session.guestConfig.source,
    remedy: "find out who started it, or restarted its host, then run the same command again, or rehome rollback",
  });
}

/** The administrator's word that it is off counts where the host cannot be asked; it never stands against the host's. */
async function requireStillOff(context: CutoverContext): Promise<void> {
  try {
    await requireAtRest(context);
  } catch (thrown) {
    if (!isAbsence(thrown)) throw thrown;
    await context.source.drop();
    if (context.options.sourceIsOff) return;
    throw new RehomeError(
      "source-alive",
      "the host of the domain cannot be reached, so nobody knows whether it is off",
      {
        machine: context.session.guestConfig.source,
        remedy: "make sure that it is off, then run the same command with --source-is-off; or run rehome rollback",
        cause: thrown,
      },
    );
  }
}

interface Looked {
  readonly domain: ControlledDomain;
  readonly bootId: string;
}

/** A connection that was just used, or a new one. */
async function reachedHost({ source, session }: CutoverContext): Promise<Host> {
  if ((await source.bootId()) !== undefined) return source.host();
  throw new RehomeError("host-unreachable", "the host of the domain cannot be reached", {
    machine: session.guestConfig.source,
  });
}

/** The domain as its host knows it now. */
async function look(context: CutoverContext): Promise<Looked> {
  const { session, signal } = context;
  const { sourceConfig, guestConfig } = session;
  const host = await reachedHost(context);
  const xen = await gatherXenHost(host, signal);
  const found = requireDomain(xen, nameOf(sourceConfig), guestConfig.source);
  const { toolstack } = xen;
  if (toolstack === "virsh") {
    throw unsupported(host, guestConfig.source, "the host has neither xl nor xm, which domains are stopped with");
  }
  if (found.configPath === undefined) {
    throw unsupported(
      host,
      guestConfig.source,
      `${found.name} has no file in /etc/xen that it could be started from again`,
    );
  }
  return { domain: { ...found, tool: toolstack, configPath: found.configPath }, bootId: bootIdOf(xen, found) };
}

function unsupported(host: Host, machine: string, message: string): RehomeError {
  const remedy = `put its configuration there (on ${host.name}), then run the same command again`;
  return new RehomeError("source-unsupported", message, { machine, remedy });
}

async function reaches({ source }: CutoverContext): Promise<boolean> {
  return (await source.bootId()) !== undefined;
}

function nothingToCheck({ session }: CutoverContext): RehomeError {
  return new RehomeError("config-invalid", `nobody knows an address of ${session.guest}, and it has no checks`, {
    path: session.configPath,
    remedy: `name something that answers when it works, such as checks: [{ tcp: "192.0.2.10:22" }]`,
  });
}

function busy({ session }: CutoverContext, { name }: ControlledDomain): RehomeError {
  const { sourceConfig, guestConfig } = session;
  const limit = formatDuration(parseDuration(timeLimit(sourceConfig)));
  return new RehomeError("source-busy", `${name} did not shut down within ${limit}`, {
    machine: guestConfig.source,
    remedy: "look at its console (xl console); raise shutdownTimeout, or set destroy: true for it in rehome.yaml",
  });
}

function unreachable({ session }: CutoverContext): RehomeError {
  return new RehomeError("source-not-back", "the host of the domain cannot be reached, and the domain is shut down", {
    machine: session.guestConfig.source,
    remedy: `mend the connection; then run rehome rollback ${session.guest}`,
  });
}

function nameOf({ domain }: CutoverContext["session"]["sourceConfig"]): string {
  return domain ?? ""; // the schema sees to it that there is one
}

function timeLimit({ shutdownTimeout }: CutoverContext["session"]["sourceConfig"]): string {
  return shutdownTimeout ?? DEFAULT_SHUTDOWN;
}
