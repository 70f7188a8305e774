import { checkBmcs } from "./fencing.js";
import type { ClusterCheck } from "./context.js";
import { checkBackplane, checkClocks, checkNames, checkNetworks } from "./network.js";
import { checkDrbd, checkMemory, checkPackages, checkProcessors, checkRelease } from "./parity.js";
import { checkReach } from "./reach.js";
import { checkRaid, checkVolumeGroups } from "./storage.js";

/** Every check that the machines go through, in the order in which people want to read about it. */
export const CLUSTER_CHECKS: readonly ClusterCheck[] = [
  checkReach,
  checkRelease,
  checkPackages,
  checkProcessors,
  checkMemory,
  checkDrbd,
  checkClocks,
  checkNames,
  checkNetworks,
  checkBackplane,
  checkVolumeGroups,
  checkRaid,
  checkBmcs,
];
