import type { Volume } from "../../cluster/volumes/types.js";
import { windowOf } from "../../cluster/volumes/window.js";
import { RehomeError } from "../../lib/errors.js";
import type { GuestPlan, SourceDisk, VolumePlan } from "../types.js";
import { writeFrame } from "./frame.js";
import type { StagingContext } from "./types.js";

/** One disk of the source and where its copy is: what the block engine works on. */
export interface DiskCopy extends SourceDisk {
  /** The volume's path. */
  readonly path: string;
  /** First byte of the copy in the volume. */
  readonly offset: number;
}

/** Every disk of the source that is copied for a guest, in the order in which its agents have them. */
export function copiesOf({ volumes }: Pick<GuestPlan, "volumes">): readonly DiskCopy[] {
  return volumes.flatMap(copiesIn);
}

function copiesIn({ path, wrapping, ...disk }: VolumePlan): readonly DiskCopy[] {
  return wrapping === undefined ? [{ ...disk, path, offset: 0 }] : wrapping.parts.map((part) => ({ ...part, path }));
}

/** A volume that is open, and its ranges that are copies of the source's disks. */
export interface OpenVolume {
  readonly volume: Volume;
  readonly copies: readonly { readonly copy: DiskCopy; readonly window: Volume }[];
}

/**
 * Opens the volume of one of the guest's disks, made when there is none, with its partition table when it has one of
 * rehome's. Whoever calls it closes the volume.
 * @throws RehomeError volume-diverged, volume-foreign, target-full, target-write-failed
 */
export async function openCopies(
  { volumes, plan: guest }: Pick<StagingContext, "volumes" | "plan">,
  plan: VolumePlan,
): Promise<OpenVolume> {
  const { path, disk, size } = plan;
  const volume = await volumes.open({ path, guest: guest.name, disk, size });
  try {
    refuseDiverged(volume);
    await writeFrame(volume, plan);
    const copies = copiesIn(plan).map((copy) => ({
      copy,
      window: plan.wrapping === undefined ? volume : windowOf(volume, copy.offset, copy.size),
    }));
    return { volume, copies };
  } catch (thrown) {
    await volume.close();
    throw thrown;
  }
}

/** Migration rule 11: what was converted or has run is no copy any more. */
function refuseDiverged({ path, mark }: Volume): void {
  if (mark.diverged === undefined) return;
  throw new RehomeError("volume-diverged", `the volume is no copy of the source any more (${mark.diverged})`, {
    path,
    remedy: "roll the guest back first; to start from nothing, remove the volume and its mark",
  });
}
