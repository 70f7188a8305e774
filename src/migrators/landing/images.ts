import { join } from "node:path";
import { kernelFolder } from "../conversion/kernel/prepare.js";
import type { ConversionTarget } from "../conversion/types.js";
import type { GuestSession } from "../session.js";
import type { GuestPlan } from "../types.js";
import type { VolumeKeeper } from "./volume-keeper.js";

/** A guest whose staged volumes are to be read on the machine that rehome runs on. */
export interface StagedGuest {
  readonly plan: GuestPlan;
  readonly session: Pick<GuestSession, "target" | "store">;
  readonly volumes: VolumeKeeper;
  readonly signal?: AbortSignal | undefined;
}

/** Has something done while all volumes of the guest can be read on the machine that it is converted on. */
export function withImages<T>(
  { volumes: keeper, plan }: Pick<StagedGuest, "volumes" | "plan">,
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

/** Where a guest is converted. @param folder of the guest's, which that conversion has for itself */
export function conversionTarget(
  { plan, session, signal }: Omit<StagedGuest, "volumes">,
  folder = "conversion",
): ConversionTarget {
  return {
    plan,
    host: session.target,
    workFolder: join(session.store.folder, folder),
    kernelFolder: kernelFolder(session.store),
    productsFolder: join(session.store.folder, "products"),
    ...(signal && { signal }),
  };
}
