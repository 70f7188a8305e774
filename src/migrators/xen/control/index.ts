import { RehomeError } from "../../../lib/errors.js";
import { effectiveChecks } from "../../cutover/gates.js";
import { requireSameHardware, type Hardware } from "../../cutover/same-hardware.js";
import { currentSteps, statusOf } from "../../cutover/sequence.js";
import { answersInTime, isAbsence } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { SourceControl } from "../../source-control.js";
import type { Domain } from "../types.js";
import { idOf, requireNoOtherStarter } from "./domain.js";
import { look, nameOf } from "./look.js";
import { prove } from "./proof.js";
import { reaches, requireAtRest, unreachable, xenRest } from "./rest.js";

/**
 * A domain comes to rest by being shut down, and stays off: its host goes on, and is asked. It cannot start by itself
 * any more, and whether somebody started it all the same is seen by what its host counted of writes to its disks.
 */
export const xenControl: SourceControl = {
  async check(context) {
    const { domain, bootId, auto, host } = await look(context);
    requireSameHardware(context, hardwareOf(domain));
    if (effectiveChecks(context.session, context.machine).length === 0) throw nothingToCheck(context);
    await requireNoOtherStarter(host, domain, auto);
    const { shared } = await prove(host, domain); // what its host cannot tell now, it cannot tell in the window either
    if (shared.length > 0) throw inUse(context, domain.name, shared);
    return bootId;
  },
  leavesReaders: true, // they run on the domain's host, and have no disk open between two passes
  rest: xenRest,
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
  canReturn({ source }, steps) {
    return statusOf(steps, "quiesce") === "pending" ? Promise.resolve(true) : answersInTime(source);
  },
  async answers(context) {
    try {
      const { domain, host } = await look(context);
      return (await idOf(host, domain)) !== undefined;
    } catch {
      return false; // nobody there, or nobody who tells
    }
  },
};

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

/** Also a name in rehome.yaml that is that of another domain now shows by its disks. */
function hardwareOf({ disks, nics }: Pick<Domain, "disks" | "nics">): Hardware {
  return {
    disks: disks.filter(({ cdrom, path }) => !cdrom && path !== "").map(({ device, path }) => ({ name: device, path })),
    macs: nics.flatMap(({ mac }) => mac?.toLowerCase() ?? []),
  };
}

/** It would be found in the window, when the domain is down: nobody could prove that its disks are at rest. */
function inUse({ session }: CutoverContext, name: string, disks: readonly string[]): RehomeError {
  return new RehomeError("source-unsupported", `another domain has disks of ${name} open: ${disks.join(", ")}`, {
    machine: session.guestConfig.source,
    remedy: "shut that one down, or take them from it (xl block-detach); or let them stay behind (excludeDisks)",
  });
}

function nothingToCheck({ session }: CutoverContext): RehomeError {
  return new RehomeError("config-invalid", `nobody knows an address of ${session.guest}, and it has no checks`, {
    path: session.configPath,
    remedy: `name something that answers when it works, such as checks: [{ tcp: "192.0.2.10:22" }]`,
  });
}
