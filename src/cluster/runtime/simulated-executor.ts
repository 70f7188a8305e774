import { OP_STATUS } from "../cib/record.js";
import { NO_METADATA, type AgentMetadata } from "./agents/metadata.js";
import { operationDigests } from "./digests.js";
import type { Clock, Executor, Operation, Outcome } from "./types.js";

/** Agents and nodes that exist only in a simulation. */
export interface SimulatedExecutor extends Executor {
  /** What a resource is on a node, changed from outside: a process was killed, or somebody started it by hand. */
  setState(node: string, resourceId: string, state: SimulatedState): void;
  stateOf(node: string, resourceId: string): SimulatedState;
  /** The next runs of an operation give this; `times` of them, all that follow when undefined. */
  plan(match: OperationMatch, result: PlannedResult, times?: number): void;
  /** What is under way ends without an effect, as when the runtime and its agents are killed. */
  interrupt(): void;
  /** Nothing of a node is left: it lost power. */
  powerOff(node: string): void;
}

export type SimulatedState = "stopped" | "started" | "promoted";

export interface OperationMatch {
  readonly resource: string;
  readonly task: string;
  readonly node?: string;
}

/** A return code, an operation that never ends, or one that is slow. */
export interface PlannedResult {
  readonly rc?: number;
  readonly exitReason?: string;
  readonly hangs?: true;
  readonly takesMs?: number;
}

const USUAL_MS = 100;

interface Plan {
  readonly match: OperationMatch;
  readonly result: PlannedResult;
  times: number;
}

/** @param metadata what the agents say of themselves, by their type */
export function simulatedExecutor(
  clock: Clock,
  metadata: ReadonlyMap<string, AgentMetadata> = new Map(),
): SimulatedExecutor {
  const states = new Map<string, SimulatedState>();
  const plans: Plan[] = [];
  let generation = 0;
  const keyOf = (node: string, resource: string): string => `${node} ${resource}`;
  const stateOf = (node: string, resource: string): SimulatedState => states.get(keyOf(node, resource)) ?? "stopped";

  const takePlan = (operation: { node: string; resource: string; task: string }): PlannedResult | undefined => {
    const found = plans.findLast(
      ({ match, times }) =>
        times > 0 &&
        match.resource === operation.resource &&
        match.task === operation.task &&
        (match.node ?? operation.node) === operation.node,
    );
    if (found !== undefined) found.times -= 1;
    return found?.result;
  };

  const naturalRc = (operation: Operation): number => {
    const key = keyOf(operation.node.name, operation.resource.id);
    const state = states.get(key) ?? "stopped";
    switch (operation.task) {
      case "start":
      case "migrate_from":
      case "demote":
        states.set(key, "started");
        return 0;
      case "stop":
        states.set(key, "stopped");
        return 0;
      case "promote":
        states.set(key, "promoted");
        return 0;
      case "monitor":
        return { stopped: 7, started: 0, promoted: 8 }[state];
      default:
        return 0;
    }
  };

  return {
    stateOf,
    setState: (node, resource, state) => void states.set(keyOf(node, resource), state),
    plan: (match, result, times = Number.POSITIVE_INFINITY) => void plans.push({ match, result, times }),
    interrupt: () => void (generation += 1),
    powerOff(node) {
      for (const key of [...states.keys()]) if (key.startsWith(`${node} `)) states.delete(key);
    },
    async run(operation): Promise<Outcome> {
      const planned = takePlan({ node: operation.node.name, resource: operation.resource.id, task: operation.task });
      const takesMs = planned?.hangs ? Number.POSITIVE_INFINITY : (planned?.takesMs ?? USUAL_MS);
      const limited = operation.timeoutMs > 0 && takesMs > operation.timeoutMs;
      const mine = generation;
      await new Promise<void>((resolve) => clock.after(limited ? operation.timeoutMs : takesMs, resolve));
      if (limited) {
        return { rc: 1, status: OP_STATUS.timeout, exitReason: "did not end in time", output: "" };
      }
      if (mine !== generation) return { rc: 1, status: OP_STATUS.error, exitReason: "was ended", output: "" };
      const rc = planned?.rc ?? naturalRc(operation);
      return { rc, status: OP_STATUS.done, exitReason: planned?.exitReason ?? "", output: "" };
    },
    digests: (operation) =>
      Promise.resolve(operationDigests(operation, metadata.get(operation.resource.agent.type) ?? NO_METADATA)),
    async fence({ node, action }) {
      const planned = takePlan({ node, resource: "stonith", task: "fence" });
      await new Promise<void>((resolve) => clock.after(planned?.takesMs ?? 1000, resolve));
      if (planned?.rc !== undefined && planned.rc !== 0) return planned.exitReason ?? "the device did not answer";
      if (action === "on") return undefined;
      for (const key of [...states.keys()]) if (key.startsWith(`${node} `)) states.delete(key);
      return undefined;
    },
  };
}
