import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import { formatDuration } from "../../../lib/units.js";
import { aheadOrAnew } from "../../conversion/ahead.js";
import { checkConversion } from "../../conversion/convert.js";
import { passesOf, rehearsalOf } from "../../guest-store.js";
import { conversionTarget, withImages } from "../../landing/images.js";
import { requireRehearsed } from "../../rehearsal/gate.js";
import { factsOf, predictDowntime, type DowntimeFacts } from "../../staging/index.js";
import { controlOf } from "../control.js";
import { requireSamePlan } from "../same-plan.js";
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
    `make sure that it has no other disks and network cards, and rehome.yaml says nothing else of ${plan.name}, than when it was staged`,
    "check tools here, and libvirt, bridges and the cluster where the guest is to live",
    `have libvirt read the domain of ${plan.name}`,
    "convert a throw-away overlay of the copy, to see that it works",
  ],
  async run(context) {
    const { session, options, report } = context;
    requireRehearsed(session.guest, rehearsalOf(await session.store.records()), options, report);
    const bootId = await controlOf(context).check(context);
    requireSamePlan(session, context);
    for (const argv of TOOLS) await runChecked(context.session.target, argv);
    await context.sessions.release(); // of a step that is repeated
    await context.volumes.release();
    await context.home.check();
    const conversion = await rehearseConversion(context);
    const predictedMs = await checkDowntime(context, conversion);
    return { detail: `predicted downtime ${formatDuration(predictedMs)}`, facts: { bootId } };
  },
};

/** How long the conversion takes, as the prediction counts it. */
type ConversionTimes = Pick<DowntimeFacts, "convertMs" | "applianceMs">;

/**
 * Converts a throw-away overlay of the copy, as it is done in the window: with an appliance that gets its disks when it runs.
 * @returns how long it took; empty when the copy of a running source was too torn to be opened
 */
async function rehearseConversion(context: CutoverContext): Promise<ConversionTimes> {
  const { ahead, machine, report, session, signal } = context;
  const hypervisor = await context.appliance();
  const options = { ...conversionTarget(context), machine, report, hypervisor };
  try {
    ahead.begin();
    const result = await withImages(context, (images) =>
      aheadOrAnew({ ahead, report, signal }, (waiting) => checkConversion({ ...options, waiting }, images)),
    );
    for (const text of result.warnings) report.note({ severity: "warning", text });
    return { convertMs: result.durationMs, applianceMs: result.startMs };
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "guest-filesystem-damaged") throw thrown;
    const text = `the conversion could not be tried: ${thrown.message} (the copy was taken while ${session.guestConfig.source} ran)`;
    report.note({ severity: "warning", text });
    return {};
  } finally {
    await ahead.drop(); // the window gets one of its own
  }
}

async function checkDowntime({ session, options }: CutoverContext, conversion: ConversionTimes): Promise<number> {
  const records = await session.store.records();
  const { totalMs } = predictDowntime({ ...factsOf(passesOf(records), records), ...conversion });
  if (options.maxDowntimeMs !== undefined && totalMs > options.maxDowntimeMs) {
    throw new RehomeError(
      "downtime-too-long",
      `the predicted downtime is ${formatDuration(totalMs)}, the limit ${formatDuration(options.maxDowntimeMs)}`,
      { remedy: `run rehome stage ${session.guest} again, or raise --max-downtime` },
    );
  }
  return totalMs;
}
