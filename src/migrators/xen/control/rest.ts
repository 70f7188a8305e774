import { delay } from "../../../lib/delay.js";
import { asRehomeError, formatError, RehomeError } from "../../../lib/errors.js";
import { formatDuration, parseDuration } from "../../../lib/units.js";
import { currentSteps, factOf, statusOf } from "../../cutover/sequence.js";
import { isAbsence } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { StepRecord } from "../../guest-store.js";
import type { SourceControl } from "../../source-control.js";
import { destroy, disableAutostart, enableAutostart, idOf, start, type ControlledDomain } from "./domain.js";
import { ask, domainOf, look, nameOf, presentRun, requireSameRun, type Looked } from "./look.js";
import { requireOff, shutDown, type Proof } from "./proof.js";

const DEFAULT_SHUTDOWN = "5min";
/** A domain that was told to shut down and is called back may still be on its way down for so long, in ms. */
const GOING_DOWN_MS = 30_000;
/** The fact that the step of coming to rest journals: the state of the disks at rest. */
const MARK = "writes";
/** And another one: the folders that its host started domains from, whose names have no blanks. */
const FOLDERS = "auto";

/** The domain is shut down, and no longer starts with its host; the host goes on, and is asked. */
export const xenRest: SourceControl["rest"] = {
  describe: ({ session: { sourceConfig } }) => [
    `no longer start ${nameOf(sourceConfig)} with ${sourceConfig.address}`,
    `shut ${nameOf(sourceConfig)} down (xl shutdown), and wait for up to ${timeLimit(sourceConfig)}`,
    ...(sourceConfig.destroy ? ["end it (xl destroy) when it does not shut down in time"] : []),
  ],
  async ready(context) {
    await requireSameRun(context, await look(context));
  },
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
  async run(context) {
    return ask(context, async (host) => {
      const looked = await presentRun(context, host);
      const { domain, auto } = looked;
      // the links do not depend on the domain, nor the domain on them: what went wrong with either is undone with both
      const { writes } = await both(end(context, looked), disableAutostart(host, domain, auto.folders));
      return { detail: `${domain.name} is shut down`, facts: { [MARK]: writes, [FOLDERS]: auto.folders.join(" ") } };
    });
  },
  undo: comeBack,
};

/** Shuts the domain down, or ends it where that is allowed, and proves it off. */
async function end(context: CutoverContext, { domain, id, host }: Looked): Promise<Proof> {
  if (id === undefined) return requireOff(host, domain);
  const { sourceConfig } = context.session;
  const said = await shutDown(host, domain, id, parseDuration(timeLimit(sourceConfig)));
  if (said.id === undefined) return requireOff(host, domain, said);
  if (sourceConfig.destroy !== true) throw busy(context, domain);
  const text = `${domain.name} did not shut down within ${timeLimit(sourceConfig)} and was ended (xl destroy)`;
  context.report.note({ severity: "warning", text });
  await destroy(host, domain, id);
  return requireOff(host, domain);
}

/** Waits for both, so that nothing is under way any more when it ends. @throws the first one's error, with the other's */
async function both<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  const [one, other] = await Promise.allSettled([first, second]);
  if (one.status === "fulfilled" && other.status === "fulfilled") return one.value;
  if (one.status === "fulfilled") throw (other as PromiseRejectedResult).reason;
  if (other.status === "fulfilled") throw one.reason;
  const { code, message, where, output, remedy } = asRehomeError(one.reason);
  throw new RehomeError(code, message, {
    ...where,
    ...(remedy !== undefined && { remedy }),
    output: [output, `and: ${formatError(asRehomeError(other.reason))}`].filter(Boolean).join("\n"),
    cause: one.reason,
  });
}

async function comeBack(context: CutoverContext): Promise<string> {
  if (!(await reaches(context))) throw unreachable(context);
  const { domain, auto } = await look(context);
  const host = await context.source.host();
  const steps = currentSteps(await context.session.store.records());
  const before = factOf(steps, "quiesce", FOLDERS)?.split(" ") ?? []; // somebody may have named others meanwhile
  await enableAutostart(host, domain, [...new Set([...before, ...auto.folders])].filter(Boolean));
  // told to shut down in vain, it may still do so: then nobody would start it again
  const until = performance.now() + GOING_DOWN_MS;
  while ((await idOf(host, domain)) !== undefined && performance.now() < until) await delay(2000);
  if ((await idOf(host, domain)) !== undefined) {
    const wasOff = steps.some(isRestDone);
    if (!wasOff) context.report.note({ severity: "warning", text: mayStillGo(domain) });
    return `${domain.name} runs`;
  }
  await start(host, domain);
  return `${domain.name} was started`;
}

function isRestDone({ step, event }: StepRecord): boolean {
  return step === "quiesce" && event === "done";
}

/** Nobody takes the telling back, and nobody looks any more. */
function mayStillGo({ name, tool, configPath }: ControlledDomain): string {
  return `${name} runs, but was told to shut down and may still do so: if it does, start it there with ${tool} create ${configPath}`;
}

/** Off, and as it was when it came to rest. */
export async function requireAtRest(context: CutoverContext): Promise<void> {
  const domain = await domainOf(context);
  const { writes } = await ask(context, (host) => requireOff(host, domain));
  if (writes === factOf(currentSteps(await context.session.store.records()), "quiesce", MARK)) return;
  throw new RehomeError("cutover-stale", "the domain's disks were written to after it was shut down", {
    machine: context.session.guestConfig.source,
    remedy: "find out who started it, or restarted its host, then run the same command again, or rehome rollback",
  });
}

/** Whether the host can be reached now. */
export async function reaches({ source }: CutoverContext): Promise<boolean> {
  return (await source.bootId()) !== undefined;
}

function busy({ session }: CutoverContext, { name }: ControlledDomain): RehomeError {
  const { sourceConfig, guestConfig } = session;
  const limit = formatDuration(parseDuration(timeLimit(sourceConfig)));
  return new RehomeError("source-busy", `${name} did not shut down within ${limit}`, {
    machine: guestConfig.source,
    remedy: "look at its console (xl console); raise shutdownTimeout, or set destroy: true for it in rehome.yaml",
  });
}

/** The error of a domain that is down and cannot be called back now. */
export function unreachable({ session }: CutoverContext): RehomeError {
  return new RehomeError("source-not-back", "the host of the domain cannot be reached, and the domain is shut down", {
    machine: session.guestConfig.source,
    remedy: `mend the connection; then run rehome rollback ${session.guest}`,
  });
}

function timeLimit({ shutdownTimeout }: CutoverContext["session"]["sourceConfig"]): string {
  return shutdownTimeout ?? DEFAULT_SHUTDOWN;
}
