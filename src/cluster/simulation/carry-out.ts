import { descendantsOf, type XmlElement } from "../../lib/xml.js";
import { setNodeCondition, setTransientAttribute, type ClusterNode } from "../cib/status.js";
import { memoryCib } from "../cib/store.js";
import { clusterNodes } from "../control.js";
import { actionPerformer } from "../runtime/actions.js";
import { virtualClock, type VirtualClock } from "../runtime/clock.js";
import { runGraph, type GraphEnd } from "../runtime/graph.js";
import { nodeOperations, type NodeOperations } from "../runtime/operations.js";
import { resultRecorder } from "../runtime/results.js";
import {
  simulatedExecutor,
  type OperationMatch,
  type PlannedResult,
  type SimulatedExecutor,
} from "../runtime/simulated-executor.js";
import type { Action, Placement, Transition } from "../scheduler/types.js";

/** An operation that is to fail, whenever it is run. */
export interface PlannedFailure extends OperationMatch {
  readonly rc: number;
}

/** What became of a transition that was carried out in a simulation. */
export interface CarriedOut {
  /** The CIB with everything that was done recorded in its status. */
  readonly cib: XmlElement;
  /** ms since the epoch, in the simulation. */
  readonly endedAt: number;
  /** Ids of the actions that did what they should, and of those that did not; the others were never begun. */
  readonly done: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
}

/** How a simulated transition is carried out. */
export interface CarryOutOptions {
  readonly failures?: readonly PlannedFailure[];
  /** Whether a node that is asked to shut down leaves the cluster (as it would), or stays (as with crm_simulate). */
  readonly nodesLeave?: boolean;
}

/**
 * Carries a transition out as the runtime would, with agents that exist only in the simulation and in no real time: the
 * same code orders, runs and records.
 * @param now ms since the epoch
 */
export async function carryOut(
  cib: XmlElement,
  transition: Transition,
  now: number,
  { failures = [], nodesLeave = true }: CarryOutOptions = {},
): Promise<CarriedOut> {
  const clock = virtualClock(now);
  const store = memoryCib(cib, () => clock.now());
  const executor = simulatedExecutor(clock);
  const ids = historyIds(cib);
  runAsBefore(executor, transition.present.placement, ids);
  for (const { rc, ...match } of failures) executor.plan(match, { rc } satisfies PlannedResult);
  const log = (): void => undefined;
  const nodes = membersOf(cib, transition, clock, executor);
  const perform = actionPerformer({
    ...{ store, clock, executor, log, settings: transition.settings },
    results: resultRecorder({ store, log, onUnexpected: () => undefined }),
    operationsOf: (name) => nodes.get(name),
    transition: { id: 1, uuid: "simulation" },
    onShutdown: (node) => {
      if (nodesLeave) void store.update((at) => leave(at, node));
    },
  });
  const done = new Set<string>();
  const failed = new Set<string>();
  const run = runGraph(transition, async (action: Action, number) => {
    const isDone = await perform(underKnownId(action, ids), number);
    (isDone ? done : failed).add(action.id);
    return isDone;
  });
  await letPass(clock, run.ended);
  for (const operations of nodes.values()) operations.cancelAll();
  return { cib: await store.read(), endedAt: clock.now(), done, failed };
}

/** The ids under which resources have a history on a node, by its name. */
type HistoryIds = ReadonlyMap<string, readonly string[]>;

function historyIds(cib: XmlElement): HistoryIds {
  const states = descendantsOf(cib, "node_state");
  return new Map(
    states.map((state) => [
      state.attributes["uname"] ?? "",
      descendantsOf(state, "lrm_resource").map(({ attributes }) => attributes["id"] ?? ""),
    ]),
  );
}

/** Older clusters kept the history of an anonymous instance under a number, which its key tells: it goes on there. */
function underKnownId(action: Action, ids: HistoryIds): Action {
  const { key, resource, node = "" } = action;
  if (resource === undefined || resource.id === resource.longId) return action;
  const known = instancesOf(resource.id, ids.get(node) ?? []);
  const id = known.find((one) => key.startsWith(`${one}_`)) ?? resource.id;
  return { ...action, resource: { ...resource, id } };
}

/** The known ids of a resource's instances, the one without a number first. */
function instancesOf(id: string, known: readonly string[]): readonly string[] {
  return known.filter((one) => baseOf(one) === baseOf(id)).sort();
}

function baseOf(id: string): string {
  return id.replace(/:\d+$/, "");
}

/** What is there already: a probe finds it, a monitor finds it in its role. */
function runAsBefore(executor: SimulatedExecutor, before: Placement, ids: HistoryIds): void {
  for (const [path, places] of Object.entries(before)) {
    const id = path.split("/").at(-1) ?? path;
    for (const { role, nodes } of places) {
      if (role === "Stopped") continue;
      for (const node of nodes) {
        const state = role === "Promoted" ? "promoted" : "started";
        executor.setState(node, id, state);
        executor.setState(node, baseOf(id), state);
        for (const known of instancesOf(id, ids.get(node) ?? [])) executor.setState(node, known, state);
      }
    }
  }
}

function membersOf(
  cib: XmlElement,
  transition: Transition,
  clock: VirtualClock,
  executor: SimulatedExecutor,
): ReadonlyMap<string, NodeOperations> {
  const { nodes } = transition.present;
  const configured = clusterNodes(cib);
  const isConfigured = (name: string): boolean => configured.some((node) => node.name === name);
  // Remote nodes may be connected in the course of the transition.
  const remote = Object.keys(nodes).flatMap((name) => (isConfigured(name) ? [] : [{ id: name, name }]));
  const members = [...configured.filter(({ name }) => nodes[name]?.includes("online")), ...remote];
  const nothing = (): void => undefined;
  const history = descendantsOf(cib, "lrm_rsc_op");
  const lastCallId = Math.max(0, ...history.map(({ attributes }) => Number(attributes["call-id"]) || 0));
  return new Map(
    members.map((node) => {
      const options = { node, clock, executor, lastCallId, onChange: nothing, onResult: nothing };
      return [node.name, nodeOperations(options)];
    }),
  );
}

function leave(cib: XmlElement, node: ClusterNode): XmlElement {
  return setNodeCondition(setTransientAttribute(cib, node, "shutdown", undefined), node, "offline");
}

async function letPass(clock: VirtualClock, ended: Promise<GraphEnd>): Promise<void> {
  const state = { over: false };
  void ended.then(() => (state.over = true));
  await clock.advanceTo(clock.now());
  while (!state.over) {
    const next = clock.next();
    if (next === undefined) throw new Error("a simulated transition waits for nothing");
    await clock.advanceTo(next);
  }
}
