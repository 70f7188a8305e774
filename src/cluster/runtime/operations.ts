import { hasFailed, type OperationRecord } from "../cib/record.js";
import type { ClusterNode } from "../cib/status.js";
import type { Clock, Executor, Operation, Outcome, Timer } from "./types.js";

/**
 * The operations of one node: those of one resource run one after the other, recurring ones come back on their own.
 */
export interface NodeOperations {
  /**
   * Runs an operation once, or begins a recurring one: resolves with its first result.
   * Anything that changes the resource ends its recurring operations first.
   * @returns undefined when the node was given up meanwhile, so that nobody knows how it ended
   */
  run(operation: Operation): Promise<OperationRecord | undefined>;
  /** Ends a recurring operation, after the run that is under way. */
  cancel(resourceId: string, task: string, intervalMs: number): void;
  /** Ends all recurring operations. */
  cancelAll(): void;
  /** The node is gone: whoever waits for a result is told that there is none. */
  abandon(): void;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
  /** Whether a recurring operation is active. */
  isRecurring(resourceId: string, task: string, intervalMs: number): boolean;
}

export interface NodeOperationsOptions {
  readonly node: ClusterNode;
  readonly clock: Clock;
  readonly executor: Executor;
  /** The last call id used on this node. */
  readonly lastCallId: number;
  /** A recurring operation gave another result than before. */
  readonly onChange: (record: OperationRecord, operation: Operation) => void;
  /** An operation ended with a result that is new: of a recurring one, not the same as the last time. */
  readonly onResult: (record: OperationRecord, outcome: Outcome) => void;
}

/** Tasks that leave a resource as it is. */
const OBSERVING = ["monitor", "notify"];

interface Recurring {
  readonly operation: Operation;
  readonly callId: number;
  timer: Timer | undefined;
  last: OperationRecord | undefined;
}

export function nodeOperations(options: NodeOperationsOptions): NodeOperations {
  const { clock, executor, node } = options;
  const recurring = new Map<string, Recurring>();
  const queues = new Map<string, Promise<unknown>>();
  /** What a resource was started with: it is stopped with the same, whatever the configuration says by then. */
  const startedWith = new Map<string, Readonly<Record<string, string>>>();
  let callId = options.lastCallId;
  let giveUp: () => void = () => undefined;
  const givenUp = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });

  const keyOf = (resourceId: string, task: string, intervalMs: number): string => `${resourceId}_${task}_${intervalMs}`;

  const queued = <T>(resourceId: string, work: () => Promise<T>): Promise<T> => {
    const result = (queues.get(resourceId) ?? Promise.resolve()).then(work);
    queues.set(
      resourceId,
      result.catch(() => undefined),
    );
    return result;
  };

  const execute = async (
    operation: Operation,
    id: number,
    queuedAt: number,
    last?: OperationRecord,
  ): Promise<OperationRecord> => {
    const begunAt = clock.elapsed();
    const outcome = await executor.run(operation);
    const record = recordOf(operation, outcome, {
      callId: id,
      node: node.name,
      changedAt: clock.now(),
      execTimeMs: clock.elapsed() - begunAt,
      queueTimeMs: begunAt - queuedAt,
      digests: await executor.digests(operation),
    });
    if (["start", "reload", "reload-agent", "monitor"].includes(operation.task) && [0, 8].includes(record.rc)) {
      startedWith.set(operation.resource.id, operation.params);
    }
    if (!isSame(last, record)) options.onResult(record, outcome);
    return record;
  };

  const repeat = (entry: Recurring): void => {
    const { operation } = entry;
    const key = keyOf(operation.resource.id, operation.task, operation.intervalMs);
    const isActive = (): boolean => recurring.get(key) === entry;
    entry.timer = clock.after(operation.intervalMs, () => {
      void queued(operation.resource.id, async () => {
        if (!isActive()) return;
        const record = await execute(operation, entry.callId, clock.elapsed(), entry.last);
        if (!isActive()) return;
        const isNew = !isSame(entry.last, record);
        entry.last = record;
        repeat(entry);
        if (isNew) options.onChange(record, operation);
      });
    });
  };

  const end = (key: string): void => {
    recurring.get(key)?.timer?.cancel();
    recurring.delete(key);
  };

  const begin = (operation: Operation): Promise<OperationRecord> => {
    const key = keyOf(operation.resource.id, operation.task, operation.intervalMs);
    end(key);
    const entry: Recurring = { operation, callId: (callId += 1), timer: undefined, last: undefined };
    recurring.set(key, entry);
    const queuedAt = clock.elapsed();
    return queued(operation.resource.id, async () => {
      if (operation.startDelayMs > 0) await new Promise<void>((done) => clock.after(operation.startDelayMs, done));
      const record = await execute(operation, entry.callId, queuedAt);
      entry.last = record;
      if (recurring.get(key) === entry) repeat(entry);
      return record;
    });
  };

  return {
    run(operation) {
      if (operation.intervalMs > 0) return Promise.race([begin(operation), givenUp]);
      const { id } = operation.resource;
      if (!OBSERVING.includes(operation.task)) {
        for (const [key, entry] of recurring) if (entry.operation.resource.id === id) end(key);
      }
      const number = (callId += 1);
      const queuedAt = clock.elapsed();
      const result = queued(id, () => {
        const params = operation.task === "stop" ? (startedWith.get(id) ?? operation.params) : operation.params;
        return execute({ ...operation, params }, number, queuedAt);
      });
      return Promise.race([result, givenUp]);
    },
    cancel: (resourceId, task, intervalMs) => end(keyOf(resourceId, task, intervalMs)),
    cancelAll: () => [...recurring.keys()].forEach(end),
    abandon() {
      [...recurring.keys()].forEach(end);
      giveUp();
    },
    async idle() {
      await Promise.all(queues.values());
    },
    isRecurring: (resourceId, task, intervalMs) => recurring.has(keyOf(resourceId, task, intervalMs)),
  };
}

function isSame(last: OperationRecord | undefined, record: OperationRecord): boolean {
  return last?.rc === record.rc && last.status === record.status;
}

type Measured = Pick<OperationRecord, "callId" | "node" | "changedAt" | "execTimeMs" | "queueTimeMs" | "digests">;

function recordOf(operation: Operation, outcome: Outcome, measured: Measured): OperationRecord {
  const { migrate_source: migrateSource, migrate_target: migrateTarget } = operation.meta;
  const { rc, status } = outcome;
  const isFailure = hasFailed({ rc, status, targetRc: operation.targetRc });
  return {
    resourceId: operation.resource.id,
    task: operation.task,
    intervalMs: operation.intervalMs,
    rc,
    status,
    exitReason: isFailure ? outcome.exitReason : "",
    targetRc: operation.targetRc,
    transitionKey: operation.transitionKey,
    ...measured,
    ...(migrateSource !== undefined && { migrateSource }),
    ...(migrateTarget !== undefined && { migrateTarget }),
  };
}
