import { table, wrap } from "../lib/view/table.js";
import type { ResourceState } from "./resource-state.js";
import { rcWords, statusWords } from "./runtime/log-text.js";
import type { Keeper } from "./types.js";
import type { Membership } from "./pacemaker/membership.js";
import type { ClusterSummary, FailureSummary, ResourceSummary } from "./summary.js";

/** A cluster's state as lines for a person. */
export function summaryText(
  summary: ClusterSummary,
  keeper: Keeper | undefined,
  membership: Membership | undefined,
): readonly string[] {
  return [
    ...[...keeperLines(summary.version, keeper, membership), ...membershipLines(membership)].flatMap((line) =>
      wrap(line, 80),
    ),
    ...(summary.maintenance ? ["MAINTENANCE MODE: nothing is managed"] : []),
    "",
    ...table(
      ["NODE", "STATE", "ATTRIBUTES"],
      summary.nodes.map((node) => [
        node.name,
        node.state === "unclean" ? "UNCLEAN" : node.state,
        Object.entries(node.attributes)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
      ]),
    ),
    "",
    ...resourceLines(summary.resources, keeper !== undefined),
    ...failureLines(summary.failures),
  ];
}

function keeperLines(version: string, keeper: Keeper | undefined, membership?: Membership): readonly string[] {
  if (keeper === undefined) return [`CIB ${version}, no runtime is running: what is shown may be out of date`];
  if (keeper.kind === "runtime") return [`CIB ${version}, runtime running (process ${keeper.pid})`];
  const { node, coordinator, quorum, unreached } = keeper;
  const votes = membership?.votes;
  const counted = votes === undefined ? "" : ` (${votes.present} of ${votes.expected} votes)`;
  const decides = coordinator === undefined ? "nobody decides yet" : `${coordinator} decides`;
  return [
    ...unreached.map((line) => `could not ask ${line}`),
    `CIB ${version} as ${node} has it; ${decides}${quorum ? `; quorum${counted}` : ""}`,
    ...(quorum ? [] : [`NO QUORUM${counted}: nothing is started or recovered`]),
  ];
}

function membershipLines(membership: Membership | undefined): readonly string[] {
  if (membership === undefined) return [];
  const { tieBreaker, fencing } = membership;
  const where = tieBreaker?.address === undefined ? "" : ` at ${tieBreaker.address}`;
  return [
    ...(tieBreaker === undefined || tieBreaker.connected
      ? []
      : [`THE TIE-BREAKER IS GONE: the quorum device${where}: ${tieBreaker.state}; when a host dies now, all stops`]),
    ...(fencing.enabled ? [] : ["FENCING IS OFF: what ran on a host that is lost is not recovered safely"]),
    ...(fencing.enabled && fencing.untested.length > 0
      ? [`not highly available: fencing was never tested on ${fencing.untested.join(", ")}`]
      : []),
  ];
}

/** @param watched whether somebody looks after the resources: nobody else knows that nothing runs */
function resourceLines(resources: readonly ResourceSummary[], watched: boolean): readonly string[] {
  if (resources.length === 0) return ["no resources"];
  return table(
    ["RESOURCE", "AGENT", "STATE"],
    resources.flatMap((resource) => rows(resource, "", watched ? "stopped" : "unknown")),
  );
}

function rows(resource: ResourceSummary, indent: string, nowhere: string): string[][] {
  const own = [`${indent}${resource.id}`, resource.agent ?? `(${resource.kind})`, stateText(resource, nowhere)];
  return [own, ...resource.children.flatMap((child) => rows(child, `${indent}  `, nowhere))];
}

function stateText(resource: ResourceSummary, nowhere: string): string {
  const notes = [
    ...(resource.managed ? [] : ["unmanaged"]),
    ...(resource.targetRole === undefined || resource.targetRole === "Started"
      ? []
      : [`asked to be ${resource.targetRole.toLowerCase()}`]),
  ];
  const instances = resource.instances.map(instanceText);
  const states = resource.agent === undefined ? instances : instances.length === 0 ? [nowhere] : instances;
  return [...states, ...notes].join(", ");
}

function instanceText(state: ResourceState): string {
  if (state.pending !== undefined) return `${state.pending} under way on ${state.node}`;
  const role = state.role === "started" ? "running" : state.role;
  return `${state.failedNow ? "FAILED, " : ""}${role} on ${state.node}`;
}

function failureLines(failures: readonly FailureSummary[]): readonly string[] {
  if (failures.length === 0) return [];
  return [
    "",
    "failed operations",
    ...failures.map((failure) => {
      const interval = failure.intervalMs > 0 ? ` every ${failure.intervalMs / 1000} s` : "";
      const result = statusWords(failure.status) ?? `${rcWords(failure.rc)} (${failure.rc})`;
      const reason = failure.exitReason === "" ? "" : `: ${failure.exitReason}`;
      const times =
        failure.failCount === Number.POSITIVE_INFINITY
          ? "for good"
          : failure.failCount === 1
            ? "once"
            : `${failure.failCount} times`;
      const when = new Date(failure.at).toISOString().slice(0, 19).replace("T", " ");
      return `  ${failure.resource} ${failure.task}${interval} on ${failure.node} at ${when}: ${result}${reason}; failed ${times}`;
    }),
  ];
}
