import { parseDuration } from "../../cib/durations.js";
import { isTrue } from "../../cib/read.js";
import { parseScore } from "../score.js";

export const QUORUM_POLICIES = ["stop", "freeze", "ignore", "demote", "suicide"] as const;
export type QuorumPolicy = (typeof QUORUM_POLICIES)[number];

export const PLACEMENT_STRATEGIES = ["default", "utilization", "minimal", "balanced"] as const;
export type PlacementStrategy = (typeof PLACEMENT_STRATEGIES)[number];

export const HEALTH_STRATEGIES = ["none", "migrate-on-red", "only-green", "progressive", "custom"] as const;
export type HealthStrategy = (typeof HEALTH_STRATEGIES)[number];

/** The cluster options the scheduler reads (crm_config), with Pacemaker's defaults. Times in ms. */
export interface ClusterOptions {
  readonly symmetric: boolean;
  readonly fencing: boolean;
  readonly fenceAction: string;
  /** sbd runs on every node, so that nodes fence themselves. */
  readonly haveWatchdog: boolean;
  readonly fencingTimeoutMs: number;
  readonly concurrentFencing: boolean;
  readonly startupFencing: boolean;
  readonly priorityFencingDelayMs: number;
  readonly quorumPolicy: QuorumPolicy;
  readonly stopAll: boolean;
  readonly stopOrphanResources: boolean;
  readonly stopOrphanActions: boolean;
  readonly removeAfterStop: boolean;
  readonly maintenanceMode: boolean;
  readonly startFailureIsFatal: boolean;
  readonly probes: boolean;
  readonly placement: PlacementStrategy;
  readonly healthStrategy: HealthStrategy;
  readonly healthBase: number;
  readonly healthColours: Readonly<Record<"red" | "yellow" | "green", number>>;
  readonly shutdownLock: boolean;
  readonly shutdownLockLimitMs: number;
  readonly clusterDelayMs: number;
  readonly batchLimit: number;
  readonly migrationLimit: number;
  readonly clusterName: string | undefined;
}

/** Reads crm_config's properties, once rules have been applied. Unknown values fall back to the default. */
export function readOptions(given: ReadonlyMap<string, string>): ClusterOptions {
  const flag = (name: string, fallback: boolean): boolean => {
    const value = given.get(name);
    return value === undefined ? fallback : isTrue(value);
  };
  const duration = (name: string, fallbackMs: number): number => parseDuration(given.get(name)) ?? fallbackMs;
  const count = (name: string, fallback: number): number => {
    const value = Number.parseInt(given.get(name) ?? "", 10);
    return Number.isNaN(value) ? fallback : value;
  };
  return {
    symmetric: flag("symmetric-cluster", true),
    fencing: flag("stonith-enabled", true),
    fenceAction: fenceAction(given.get("stonith-action")),
    haveWatchdog: flag("have-watchdog", false),
    fencingTimeoutMs: duration("stonith-timeout", 60_000),
    concurrentFencing: flag("concurrent-fencing", false),
    startupFencing: flag("startup-fencing", true),
    priorityFencingDelayMs: duration("priority-fencing-delay", 0),
    quorumPolicy: oneOf(QUORUM_POLICIES, given.get("no-quorum-policy")) ?? "stop",
    stopAll: flag("stop-all-resources", false),
    stopOrphanResources: flag("stop-orphan-resources", true),
    stopOrphanActions: flag("stop-orphan-actions", true),
    removeAfterStop: flag("remove-after-stop", false),
    maintenanceMode: flag("maintenance-mode", false),
    startFailureIsFatal: flag("start-failure-is-fatal", true),
    probes: flag("enable-startup-probes", true),
    placement: oneOf(PLACEMENT_STRATEGIES, given.get("placement-strategy")) ?? "default",
    healthStrategy: oneOf(HEALTH_STRATEGIES, given.get("node-health-strategy")) ?? "none",
    healthBase: parseScore(given.get("node-health-base")),
    healthColours: {
      red: given.has("node-health-red") ? parseScore(given.get("node-health-red")) : -1_000_000,
      yellow: parseScore(given.get("node-health-yellow")),
      green: parseScore(given.get("node-health-green")),
    },
    shutdownLock: flag("shutdown-lock", false),
    shutdownLockLimitMs: duration("shutdown-lock-limit", 0),
    clusterDelayMs: duration("cluster-delay", 60_000),
    batchLimit: count("batch-limit", 0),
    migrationLimit: count("migration-limit", -1),
    clusterName: given.get("cluster-name"),
  };
}

function fenceAction(value: string | undefined): string {
  if (value === "poweroff") return "off";
  return value === "off" ? "off" : "reboot";
}

function oneOf<T extends string>(known: readonly T[], value: string | undefined): T | undefined {
  return known.find((each) => each === value);
}
