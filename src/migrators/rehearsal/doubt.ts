import type { Booted } from "./boot.js";
import { saysDamaged } from "./recognise.js";

export interface Doubt {
  readonly what: string;
  readonly remedy: string;
}

/** Why a guest that did not boot here may boot at its cutover all the same; undefined where there is no doubt. Pure. */
export function doubtAbout({ console, late }: Pick<Booted, "console" | "late">, emulated: boolean): Doubt | undefined {
  if (saysDamaged(console)) {
    return {
      what: "the copy has damaged file systems",
      remedy: "a copy of a running server may have them where its disks have not; or check them there (fsck)",
    };
  }
  if (!late || !emulated) return undefined;
  return {
    what: "it is emulated here, which is slow",
    remedy: "rehearse when less is running, with a longer --timeout",
  };
}
