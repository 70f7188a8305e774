import { convertGuest } from "../../conversion/convert.js";
import { commitOverlays, discardOverlays, overlayState, prepareOverlays } from "../../conversion/overlays.js";
import type { ConversionTarget } from "../../conversion/types.js";
import { kernelFolder } from "../../conversion/kernel/prepare.js";
import { join } from "node:path";
import { markDiverged, markStaged } from "../../staging/index.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

/** What the guest needs to boot on KVM, on overlays: the staged volumes stay as they are. */
export const convertStep: Step<CutoverContext> = {
  name: "convert",
  title: "convert the copy",
  describe: ({ plan }) => [`make ${plan.volumes.map(({ path }) => path).join(", ")} bootable on KVM, on an overlay`],
  async run(context) {
    const target = conversionTarget(context);
    await discardOverlays(target);
    const { machine, report } = context;
    const hypervisor = await context.appliance();
    const result = await withImages(context, async (images) => {
      const disks = await prepareOverlays(target, images);
      return convertGuest({ ...target, machine, disks, report, hypervisor });
    });
    for (const { what } of result.changes) report.note({ severity: "info", text: what });
    for (const text of result.warnings) report.note({ severity: "warning", text });
    return { detail: `${result.changes.length} changes` };
  },
  async undo(context) {
    await discardOverlays(conversionTarget(context));
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
    await context.volumes.use((volumes) => markStaged(volumes, context.plan));
    return "the next pass compares everything again";
  },
};

/** Has something done while all volumes of the guest can be read on the machine that it is converted on. */
export function withImages<T>(
  { volumes: keeper, plan }: CutoverContext,
  work: (images: readonly string[]) => Promise<T>,
): Promise<T> {
  return keeper.use((volumes) => {
    const withRest = (images: readonly string[]): Promise<T> => {
      const next = plan.volumes[images.length];
      return next === undefined ? work(images) : volumes.withImage(next.path, (image) => withRest([...images, image]));
    };
    return withRest([]);
  });
}

/** Where a guest is converted. */
export function conversionTarget({
  plan,
  session,
  signal,
}: Pick<CutoverContext, "plan" | "session" | "signal">): ConversionTarget {
  return {
    plan,
    host: session.target,
    workFolder: join(session.store.folder, "conversion"),
    kernelFolder: kernelFolder(session.store),
    ...(signal && { signal }),
  };
}
