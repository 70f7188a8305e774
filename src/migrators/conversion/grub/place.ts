import { RehomeError } from "../../../lib/errors.js";
import type { StepContext } from "../types.js";

/** Where GRUB's menu is, in GRUB's terms and in the guest's. */
export interface MenuPlace {
  /** Of the file system that has /boot. */
  readonly uuid: string;
  /** Where /boot is on that file system: `/boot`, or nothing where it is a file system of its own. */
  readonly boot: string;
  /** On that file system: `/boot/grub`. */
  readonly folder: string;
}

/** @throws RehomeError guest-unsupported when the file system has no UUID */
export function menuPlace({ mounts, plan }: Pick<StepContext, "mounts" | "plan">): MenuPlace {
  const own = mounts.get("/boot");
  const device = own ?? mounts.get("/");
  if (device?.uuid === undefined) {
    throw new RehomeError("guest-unsupported", "the file system with /boot has no UUID for GRUB to find it by", {
      machine: plan.name,
      remedy: "give it one on the source (tune2fs -U random), and stage it again",
    });
  }
  const boot = own === undefined ? "/boot" : "";
  return { uuid: device.uuid, boot, folder: `${boot}/grub` };
}
