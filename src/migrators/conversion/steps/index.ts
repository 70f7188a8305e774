import type { Step } from "../types.js";
import { caches, lvmFilter } from "./caches.js";
import { consoleGetty } from "./console-getty.js";
import { crypttab } from "./crypttab.js";
import { fstab } from "./fstab.js";
import { grubDefaults } from "./grub-defaults.js";
import { grubInstall, grubPackage } from "./grub-install.js";
import { grubMenu } from "./grub-menu.js";
import { initramfs } from "./initramfs.js";
import { kernel, ownInitramfs } from "./kernel.js";
import { networkNames } from "./network-names.js";
import { guestAgent, leftovers, powerButton } from "./notes.js";
import { resume } from "./resume.js";
import { xenLeftovers } from "./xen-leftovers.js";

/**
 * Every step, in order. The GRUB steps come before `resume`: they ask whether the initramfs has an old resume device,
 * which shows in the file that `resume` corrects.
 */
export const STEPS: readonly Step[] = [
  fstab,
  xenLeftovers,
  crypttab,
  kernel,
  ownInitramfs,
  grubInstall,
  grubDefaults,
  grubMenu,
  grubPackage,
  resume,
  initramfs,
  consoleGetty,
  networkNames,
  lvmFilter,
  caches,
  guestAgent,
  powerButton,
  leftovers,
];
