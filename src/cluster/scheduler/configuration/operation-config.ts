import { parseDuration, parseInterval } from "../../cib/durations.js";
import { nvSetsOf } from "../../cib/nvsets.js";
import { defaultSets, ruleContext } from "./attributes.js";
import type { ClusterState, Operation, Resource } from "../model.js";
import { parseRole } from "../roles.js";
import { applySets } from "./rules.js";
import type { Role } from "../types.js";
import type { OnFail } from "../actions/work-action.js";

export const DEFAULT_TIMEOUT_MS = 20_000;

/** What the configuration says of one operation of a resource. */
export interface OperationSettings {
  readonly operation: Operation | undefined;
  readonly meta: Map<string, string>;
  readonly timeoutMs: number;
  readonly startDelayMs: number;
  readonly needs: "nothing" | "quorum" | "fencing";
  readonly onFail: OnFail;
  readonly failRole: Role;
}

/** The configured operation with this name and interval; migrations share `migrate`, notifications `notify`. */
export function findOperation(
  resource: Resource,
  task: string,
  intervalMs: number,
  includeDisabled: boolean,
): Operation | undefined {
  const find = (name: string, interval: number): Operation | undefined =>
    resource.operations.find(
      (each) => each.name === name && each.intervalMs === interval && (includeDisabled || each.enabled),
    );
  const found = find(task, intervalMs);
  if (found !== undefined) return found;
  if (task === "migrate_to" || task === "migrate_from") return find("migrate", 0);
  if (task === "notify" || task === "notified") return find("notify", 0);
  return undefined;
}

/** Settings by precedence: the operation's attributes, its sets, op_defaults. */
export function operationSettings(
  state: ClusterState,
  resource: Resource,
  task: string,
  intervalMs: number,
): OperationSettings {
  const operation = findOperation(resource, task, intervalMs, true);
  const context = ruleContext(state, {
    agent: resource.agent,
    operation: { name: task, intervalMs },
  });
  const meta = new Map<string, string>();
  applySets(defaultSets(state, "opDefaults"), context, meta);
  if (operation !== undefined) {
    applySets(nvSetsOf(operation.xml, "meta_attributes", state.cib.byId), context, meta, { overwrite: true });
  }
  // A probe without settings of its own has the patience of the most frequent monitor.
  if (task === "monitor" && intervalMs === 0 && operation === undefined) {
    const timeout = mostFrequentMonitor(resource)?.xml.attributes["timeout"];
    if (timeout !== undefined) meta.set("timeout", timeout);
  }
  for (const [name, value] of Object.entries(operation?.xml.attributes ?? {})) {
    if (name !== "id") meta.set(name, value);
  }
  if (intervalMs > 0) meta.set("interval", String(intervalMs));
  else meta.delete("interval");
  const timeoutMs = parseDuration(meta.get("timeout")) ?? DEFAULT_TIMEOUT_MS;
  meta.set("timeout", String(Math.max(0, timeoutMs)));
  const startDelayMs = startDelay(state, meta, intervalMs);
  if (startDelayMs > 0 || meta.has("start-delay")) meta.set("start_delay", String(startDelayMs));
  meta.delete("start-delay");
  meta.delete("interval-origin");
  const onFail = onFailOf(state, resource, task, intervalMs, meta);
  return {
    operation,
    meta,
    timeoutMs,
    startDelayMs,
    needs: needsOf(resource, task),
    onFail,
    // A lost connection is left alone until its failure expires, if that is asked for.
    failRole: onFail === "reset-remote" && resource.reconnectMs > 0 ? "Stopped" : failRoleOf(task, onFail, meta),
  };
}

/** The enabled recurring monitor with the shortest interval. */
export function mostFrequentMonitor(resource: Resource, includeDisabled = false): Operation | undefined {
  return resource.operations
    .filter((each) => each.name === "monitor" && each.intervalMs > 0 && (includeDisabled || each.enabled))
    .reduce<Operation | undefined>(
      (best, each) => (best === undefined || each.intervalMs < best.intervalMs ? each : best),
      undefined,
    );
}

/** `start-delay`, or what is left until the next multiple of the interval after `interval-origin`. */
function startDelay(state: ClusterState, meta: ReadonlyMap<string, string>, intervalMs: number): number {
  const given = meta.get("start-delay");
  if (given !== undefined) return parseInterval(given);
  const origin = meta.get("interval-origin");
  if (origin === undefined || intervalMs === 0) return 0;
  const from = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(origin) ? origin : `${origin}Z`);
  if (Number.isNaN(from)) return 0;
  const passed = Math.trunc((state.now - from) / 1000) % Math.trunc(intervalMs / 1000);
  const left = passed <= 0 ? -passed : intervalMs / 1000 - passed;
  return left * 1000;
}

function needsOf(resource: Resource, task: string): OperationSettings["needs"] {
  if (task !== "start" && task !== "promote") return "nothing";
  if (resource.requires === "fencing" || resource.requires === "unfencing") return "fencing";
  return resource.requires === "quorum" ? "quorum" : "nothing";
}

function failRoleOf(task: string, onFail: OnFail, meta: ReadonlyMap<string, string>): Role {
  if (onFail === "stop") return "Stopped";
  const given = parseRole(meta.get("role_after_failure"));
  return given ?? (task === "promote" ? "Unpromoted" : "Started");
}

function onFailOf(
  state: ClusterState,
  resource: Resource,
  task: string,
  intervalMs: number,
  meta: ReadonlyMap<string, string>,
): OnFail {
  let given = meta.get("on-fail");
  if (task === "stop" && given === "standby") given = undefined;
  else if (task === "demote" && given === undefined) given = promotedMonitorOnFail(resource);
  else if (given === "demote" && task !== "promote") {
    const promoted = task === "monitor" && intervalMs > 0 && parseRole(meta.get("role")) === "Promoted";
    if (!promoted) given = undefined;
  }
  switch (given) {
    case "block":
    case "standby":
    case "migrate":
    case "ignore":
    case "stop":
    case "demote":
      return given;
    case "nothing":
      return "ignore";
    case "restart":
      return "restart";
    case "fence":
      return state.options.fencing ? "fence" : "stop";
    case "restart-container":
      if (resource.container !== undefined) return "restart-container";
  }
  if (resource.container !== undefined) return "restart-container";
  // A connection that cannot be made says nothing of the node; one that was lost does.
  if (resource.isRemoteNode && task !== "stop" && task !== "start" && !(task === "monitor" && intervalMs === 0)) {
    return "reset-remote";
  }
  if (task !== "stop") return "restart";
  return state.options.fencing ? "fence" : "block";
}

/** What a failed demotion does, unless it says itself: what the promoted role's monitor says. */
function promotedMonitorOnFail(resource: Resource): string | undefined {
  return resource.operations
    .filter((each) => each.name === "monitor" && each.enabled && each.intervalMs > 0 && each.role === "Promoted")
    .map((each) => each.xml.attributes["on-fail"])
    .find((value) => value !== undefined && value !== "demote");
}
