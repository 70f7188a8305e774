import { fenceDevicesOf } from "../cib/fence-devices.js";
import { hasFailed } from "../cib/record.js";
import { forgetAttributes, forgetHistory, removeHistory, setNodeCondition, type ClusterNode } from "../cib/status.js";
import type { CibStore } from "../cib/store.js";
import type { Action, ActionResource, ExecutionSettings } from "../scheduler/types.js";
import { withoutFailures, type ForgottenOperation } from "./failures.js";
import type { Perform } from "./graph.js";
import type { NodeOperations } from "./operations.js";
import type { ResultRecorder } from "./results.js";
import type { Clock, Executor, Operation, RuntimeLog } from "./types.js";

export interface PerformerOptions {
  readonly store: CibStore;
  readonly clock: Clock;
  readonly executor: Executor;
  readonly results: ResultRecorder;
  readonly settings: ExecutionSettings;
  readonly log: RuntimeLog;
  readonly operationsOf: (node: string) => NodeOperations | undefined;
  readonly transition: { readonly id: number; readonly uuid: string };
  /** A node was told to shut down and may do so now. */
  readonly onShutdown: (node: ClusterNode) => void;
}

/** Tasks that are quick and frequent, or change nothing: no pending entry is written for them. */
const UNANNOUNCED = ["monitor", "notify", "reload-agent"];

/** How each kind of action of a transition is carried out. */
export function actionPerformer(options: PerformerOptions): Perform {
  const { store, executor, results, log } = options;

  const runOperation = async (action: Action, resource: ActionResource, number: number): Promise<boolean> => {
    const node = nodeOf(action);
    const operations = options.operationsOf(node.name);
    if (operations === undefined) {
      log({ type: "problem", message: `${action.key} cannot be run on ${node.name}: nothing runs there` });
      return false;
    }
    const operation = operationOf(action, resource, node, number);
    if (!UNANNOUNCED.includes(action.task)) {
      await results.pending(node, operation, options.clock.now(), await executor.digests(operation));
    }
    const record = await operations.run(operation);
    if (record === undefined) return false;
    await results.record(node, record, operation, options.settings.startFailureIsFatal);
    // An agent is told, not asked: it has no say in what its clone does.
    return !hasFailed(record) || operation.meta["on_fail"] === "ignore" || action.task === "notify";
  };

  const operationOf = (action: Action, resource: ActionResource, node: ClusterNode, number: number): Operation => ({
    node,
    resource,
    task: action.task,
    intervalMs: action.intervalMs,
    timeoutMs: action.timeoutMs,
    startDelayMs: action.startDelayMs,
    targetRc: action.targetRc,
    params: action.params,
    meta: action.meta,
    transitionKey: `${number}:${options.transition.id}:${action.targetRc}:${options.transition.uuid}`,
  });

  const cancel = async (action: Action, resource: ActionResource): Promise<boolean> => {
    const node = nodeOf(action);
    const task = action.meta["operation"] ?? "monitor";
    options.operationsOf(node.name)?.cancel(resource.id, task, action.intervalMs);
    await results.forgetRecurring(node, resource.id, task, action.intervalMs);
    return true;
  };

  const fence = async (action: Action): Promise<boolean> => {
    const node = nodeOf(action);
    const how = action.meta["stonith_action"] ?? "reboot";
    const failure = await executor.fence({
      ...{ node: node.name, action: how, timeoutMs: action.timeoutMs || options.settings.stonithTimeoutMs },
      devices: fenceDevicesOf(await store.read()),
    });
    log({ type: "fence", node: node.name, action: how, failure });
    if (failure !== undefined) return false;
    if (how === "on") return true; // unfencing: the node stays as it is
    await store.update((cib) => setNodeCondition(forgetAttributes(forgetHistory(cib, node), node), node, "offline"));
    return true;
  };

  return async (action, number) => {
    if (action.kind === "pseudo") return true;
    if (action.task === "stonith") return fence(action);
    if (action.task === "do_shutdown") {
      options.onShutdown(nodeOf(action));
      return true;
    }
    const { resource } = action;
    if (resource === undefined) {
      log({ type: "problem", message: `nobody knows how to carry out ${action.key}` });
      return false;
    }
    if (action.task === "cancel") return cancel(action, resource);
    if (action.task === "delete" || action.task === "lrm_delete") {
      await store.update((cib) => removeHistory(cib, nodeOf(action), resource.id));
      return true;
    }
    if (action.task === "clear_failcount") {
      await store.update((cib) => withoutFailures(cib, nodeOf(action), resource.id, forgotten(action)));
      return true;
    }
    return runOperation(action, resource, number);
  };
}

function forgotten(action: Action): ForgottenOperation | undefined {
  const task = action.meta["operation"];
  return task === undefined ? undefined : { task, intervalMs: Number(action.meta["interval"] ?? action.intervalMs) };
}

function nodeOf(action: Action): ClusterNode {
  return { id: action.nodeId ?? action.node ?? "", name: action.node ?? "" };
}
