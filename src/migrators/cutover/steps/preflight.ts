import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import { formatDuration } from "../../../lib/units.js";
import { checkConversion } from "../../conversion/convert.js";
import { passesOf, rehearsalOf } from "../../guest-store.js";
import { conversionTarget, withImages } from "../../landing/images.js";
import { requireRehearsed } from "../../rehearsal/gate.js";
import { factsOf, predictDowntime } from "../../staging/index.js";
import { controlOf } from "../control.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

/** Tools of the machine that rehome runs on that a cutover needs, each called once so that a missing one is found before the window. */
const TOOLS = [
  ["qemu-img", "--version"],
  ["guestfish", "--version"],
] as const;

/** Everything that could fail in the window is tried before it. Nothing is changed. */
export const preflightStep: Step<CutoverContext> = {
  name: "preflight",
  title: "try everything that could fail",
  fleeting: true,
  describe: ({ session, plan }) => [
    `look at how ${plan.name} was rehearsed last`,
    `log in to ${session.sourceConfig.address} and make sure that it can be brought to rest`,
    "check tools here, and libvirt, bridges and the cluster where the guest is to live",
    `have libvirt read the domain of ${plan.name}`,
    "convert a throw-away overlay of the copy, to see that it works",
  ],
  async run(context) {
    const { session, options, report } = context;
    requireRehearsed(session.guest, rehearsalOf(await session.store.records()), options, report);
    const bootId = await controlOf(context).check(context);
    for (const argv of TOOLS) await runChecked(context.session.target, argv);
    await context.sessions.release(); // of a step that is repeated
    await context.volumes.release();
    await context.home.check();
    const convertMs = await rehearseConversion(context);
    const predictedMs = await checkDowntime(context, convertMs);
    return { detail: `predicted downtime ${formatDuration(predictedMs)}`, facts: { bootId } };
  },
};

/**
 * Converts a throw-away overlay of the copy.
 * @returns how long it took, in ms, or undefined when the copy of a running source was too torn to be opened
 */
async function rehearseConversion(context: CutoverContext): Promise<number | undefined> {
  const { machine, report, session } = context;
  const hypervisor = await context.appliance();
  const options = { ...conversionTarget(context), machine, report, hypervisor };
  try {
    const result = await withImages(context, (images) => checkConversion(options, images));
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
