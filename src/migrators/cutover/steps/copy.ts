import { copiesOf, runFinalPass, verifyTarget, type StagingContext } from "../../staging/index.js";
import { formatSize } from "../../../lib/units.js";
import type { Pass } from "../../types.js";
import { controlOf } from "../control.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

/**
 * One more pass while the source still works, so that the one with the source at rest is as small as it can be; and what
 * all passes sent is read back now, so that only the last one's has to be in the window.
 */
export const warmPassStep: Step<CutoverContext> = {
  name: "warm-pass",
  title: "copy what changed, with the source running",
  fleeting: true,
  describe: ({ plan }) => [
    ...copiesOf(plan).map(({ sourcePath, path }) => `copy what changed on ${sourcePath} to ${path}`),
    "read back what was sent so far and compare its digests",
  ],
  async run(context) {
    const outcome = await pass(context, false);
    await withStaging(context, (staging) => verifyTarget({ ...staging, mode: "sent", options: {} }));
    if (!controlOf(context).leavesReaders) await context.sessions.leaveSource();
    return outcome;
  },
};

export const finalPassStep: Step<CutoverContext> = {
  name: "final-pass",
  title: "copy what changed, with the source at rest",
  describe: ({ plan }) => copiesOf(plan).map(({ sourcePath }) => `find what changed on ${sourcePath} and copy it`),
  async run(context) {
    // that the source is at rest was proven a moment ago: by the step before, or because that still holds
    const outcome = await pass(context, true);
    await controlOf(context).requireAtRest(context);
    return outcome;
  },
};

/** Nothing is believed of the copy before it was read back. */
export const verifyStep: Step<CutoverContext> = {
  name: "verify",
  title: "prove the copy",
  describe: ({ options, plan }) => [
    options.verify === "full"
      ? `compare all of the source with all of ${plan.volumes.map(({ path }) => path).join(", ")}`
      : "read back everything that was sent and compare its digests",
  ],
  async run(context) {
    const { verify: mode } = context.options;
    const result = await withStaging(context, (staging) => verifyTarget({ ...staging, mode, options: {} }));
    await context.sessions.release(); // others need the volumes from here on, and nobody the source's disks
    const compared = result.disks.reduce((sum, disk) => sum + disk.comparedBytes, 0);
    return { detail: `${formatSize(compared)} compared (${result.mode})` };
  },
};

async function pass(context: CutoverContext, quiesced: boolean): Promise<{ detail: string }> {
  if (!quiesced) await context.source.bootId(); // a connection that broke while it was not used is made anew
  const { passes } = await withStaging(context, (staging) => runFinalPass({ ...staging, options: {}, quiesced }));
  const sum = (bytes: (pass: Pass) => number): string =>
    formatSize(passes.reduce((total, one) => total + bytes(one), 0));
  return { detail: `${sum((one) => one.writtenBytes)} changed, ${sum((one) => one.wireBytes)} sent` };
}

function withStaging<T>(
  { session, plan, machine, source, volumes: keeper, sessions, report, signal }: CutoverContext,
  work: (staging: StagingContext) => Promise<T>,
): Promise<T> {
  return keeper.use((volumes) =>
    work({
      plan,
      machine,
      store: session.store,
      volumes,
      sessions,
      connect: () => source.open(),
      host: () => source.host(),
      report,
      ...(signal && { signal }),
    }),
  );
}
