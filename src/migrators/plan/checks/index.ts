import type { Check } from "../context.js";
import { checkBoot } from "./boot.js";
import { checkCapacity } from "./capacity.js";
import { checkDisks } from "./disks.js";
import { checkEncryption } from "./encryption.js";
import { checkFileSystems } from "./file-systems.js";
import { checkLvm } from "./lvm.js";
import { checkName } from "./name.js";
import { checkNetwork } from "./network.js";
import { checkRaid } from "./raid.js";
import { checkSource } from "./source.js";
import { checkSpace } from "./space.js";
import { checkTarget } from "./target.js";

/** Every check that a plan goes through, in the order in which people want to read about it. */
export const CHECKS: readonly Check[] = [
  checkName,
  checkSource,
  checkBoot,
  checkDisks,
  checkEncryption,
  checkRaid,
  checkLvm,
  checkFileSystems,
  checkSpace,
  checkNetwork,
  checkCapacity,
  checkTarget,
];
