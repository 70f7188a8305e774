import { RehomeError } from "../../../lib/errors.js";
import { aheadOrAnew } from "../../conversion/ahead.js";
import { convertGuest } from "../../conversion/convert.js";
import {
  commitOverlays,
  discardOverlays,
  dropOverlays,
  overlayState,
  prepareOverlays,
} from "../../conversion/overlays.js";
import { conversionTarget, withImages } from "../../landing/images.js";
import { markDiverged, markStaged } from "../../staging/index.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";
import { finalPassStep, verifyStep } from "./copy.js";
import { quiesceStep } from "./quiesce.js";

/** Steps of the window before the conversion. */
const BEFORE: ReadonlySet<string> = new Set([quiesceStep, finalPassStep, verifyStep].map(({ name }) => name));

/** Has the appliance start beside the first step of the window that is run, so that the conversion finds it running. */
export function beginAhead(step: string, { ahead }: Pick<CutoverContext, "ahead">): void {
  if (BEFORE.has(step)) ahead.begin();
}

/** What the guest needs to boot on KVM, on overlays: the staged volumes stay as they are. */
export const convertStep: Step<CutoverContext> = {
  name: "convert",
  title: "convert the copy",
  describe: ({ plan }) => [`make ${plan.volumes.map(({ path }) => path).join(", ")} bootable on KVM, on an overlay`],
  async run(context) {
    const target = conversionTarget(context);
    await discardOverlays(target);
    const { machine, report, ahead, signal } = context;
    const hypervisor = await context.appliance();
    const result = await withImages(context, (images) =>
      aheadOrAnew({ ahead, report, signal }, async (waiting) => {
        const disks = await prepareOverlays(target, images);
        return convertGuest({ ...target, machine, disks, report, hypervisor, waiting });
      }),
    );
    for (const { what } of result.changes) report.note({ severity: "info", text: what });
    for (const text of result.warnings) report.note({ severity: "warning", text });
    return { detail: `${result.changes.length} changes` };
  },
  async undo(context) {
    await dropOverlays(conversionTarget(context)); // that some of them was written to the volumes is undone by now
    return "the overlays are gone";
  },
};

/** From here on the volumes are the guest's, no longer copies of the source. */
export const writeConversionStep: Step<CutoverContext> = {
  name: "write-conversion",
  title: "write the conversion to the volumes",
  describe: ({ plan }) => plan.volumes.map(({ path }) => `write the overlay to ${path}`),
  async run(context) {
    const target = conversionTarget(context);
    await context.volumes.use(async (volumes) => {
      await markDiverged(volumes, context.plan, "converted");
      if ((await overlayState(target)) !== "committed") await commitOverlays(target, volumes);
    });
    return { detail: "done" };
  },
  async undo(context) {
    const { volumes: keeper, plan, report, session } = context;
    try {
      await keeper.use((volumes) => markStaged(volumes, plan));
      return "the next pass compares everything again";
    } catch (thrown) {
      // the host that has the guest is lost: the source, which has nothing to do with it, is all that can work again
      if (!(thrown instanceof RehomeError) || thrown.code !== "volume-stale") throw thrown;
      const { guest } = session;
      const text = `${thrown.message}, and takes no more passes: before ${guest} is staged again, run rehome volume remove ${guest}`;
      report.note({ severity: "warning", text });
      return "no more passes onto the volumes";
    }
  },
};
