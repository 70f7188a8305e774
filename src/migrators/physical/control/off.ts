import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import { parseAddress } from "../../../lib/host/ssh/index.js";
import { probeTcp } from "../../../lib/probe-tcp.js";
import { delay } from "../../../lib/delay.js";
import type { StepRecord } from "../../guest-store.js";
import { currentSteps, factOf } from "../../cutover/sequence.js";
import { answers, waitUntilBack } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { Phase } from "../../source-control.js";
import { powerOff } from "../quiesce.js";
import { BACK_TIMEOUT_MS, requireAtRest } from "./rest.js";

/** How long the source may go on answering after it was switched off, in ms. */
const GOING_MS = 30_000;
/** Silence that counts: the source's ssh port must not answer this many times in a row, each time for this long. */
const SILENT_TIMES = 2;
const SILENCE_MS = 1000;
/** For the administrator's own commands that switch the source on or off, in ms. */
const POWER_TIMEOUT_MS = 120_000;

/** The source is switched off, and no longer answers. */
export const physicalOff: Phase = {
  describe: ({ session: { sourceConfig } }) => [
    `switch ${sourceConfig.address} off at once (sysrq o)${sourceConfig.powerOff === undefined ? "" : `, then run ${sourceConfig.powerOff.join(" ")}`}`,
    "wait until it no longer answers",
  ],
  async run(context) {
    const { source, session, options, report } = context;
    const wasTold = await wasToldToGo(context);
    const bootId = await source.bootId();
    if (bootId !== undefined) {
      await requireAtRest(context);
      await powerOff(await source.host());
      await source.drop();
      await session.store.append(toldToGo(bootId));
    } else if (wasTold) {
      report.note({ severity: "info", text: "the source was told to switch off before this run was interrupted" });
    } else if (!options.sourceIsOff && session.sourceConfig.powerOff === undefined) {
      throw unknownPower(session.guestConfig.source);
    }
    if (session.sourceConfig.powerOff !== undefined) {
      await runChecked(session.target, session.sourceConfig.powerOff, { timeoutMs: POWER_TIMEOUT_MS });
    }
    await requireSilence(context, GOING_MS);
    return { detail: `${session.guestConfig.source} is off: do not switch it on, use rehome rollback` };
  },
  async undo({ source, session, report }) {
    const oldBootId = factOf(currentSteps(await session.store.records()), "preflight", "bootId") ?? "";
    const name = session.guestConfig.source;
    if ((await source.bootId()) !== undefined) return "the source is on";
    const { powerOn } = session.sourceConfig;
    if (powerOn === undefined) {
      report.note({ severity: "warning", text: `switch ${name} on by hand: its disks are as they were at cutover` });
      return `${name} can be switched on`;
    }
    await runChecked(session.target, powerOn, { timeoutMs: POWER_TIMEOUT_MS });
    await waitUntilBack(source, name, oldBootId, BACK_TIMEOUT_MS);
    return `${name} was switched on and answers`;
  },
};

/** Noted once the source was really told: that this step began proves nothing. */
function toldToGo(bootId: string): StepRecord {
  return { type: "step", at: Date.now(), step: "source-off", event: "started", facts: { told: bootId } };
}

async function wasToldToGo({ session }: CutoverContext): Promise<boolean> {
  return factOf(currentSteps(await session.store.records()), "source-off", "told") !== undefined;
}

/**
 * Makes sure that nobody answers where the source was; a refused connection is an answer too. The administrator's word
 * that the source is off counts instead, unless the source itself proves it wrong with its host key.
 * @throws RehomeError source-alive
 */
export async function requireSilence({ session, options, source }: CutoverContext, timeoutMs: number): Promise<void> {
  const { host, port } = parseAddress(session.sourceConfig.address);
  const until = performance.now() + timeoutMs;
  let silent = 0;
  while (silent < SILENT_TIMES) {
    const askedAt = performance.now();
    const answer = await probeTcp(host, port, SILENCE_MS);
    silent = answer === "silent" ? silent + 1 : 0;
    if (silent === 0 && performance.now() > until) {
      if (options.sourceIsOff && !(await answers(source))) return;
      throw notSilent(session.guestConfig.source, answer === "unknown");
    }
    await delay(Math.max(0, SILENCE_MS / 2 - (performance.now() - askedAt))); // an answer at once must not make a busy loop
  }
}

function notSilent(machine: string, unknown: boolean): RehomeError {
  const message = unknown
    ? "nobody can tell from here whether the source still answers: its address cannot be reached or resolved"
    : "the source, or another machine at its address, still answers";
  return new RehomeError("source-alive", message, {
    machine,
    remedy: unknown
      ? "mend the target's network; or make sure that the source is off and say so with --source-is-off"
      : "look which it is; when it is another machine and the source is off, say so with --source-is-off",
  });
}

function unknownPower(machine: string): RehomeError {
  return new RehomeError("source-alive", "the source cannot be reached, so nobody knows whether it is off", {
    machine,
    remedy: "make sure that it is off, then run the same command with --source-is-off; or run rehome rollback",
  });
}
