import { availableParallelism } from "node:os";
import { asRehomeError } from "../../../lib/errors.js";
import { printable } from "../../../lib/printable.js";
import { runInGroup, type GroupResult } from "../../../lib/process-group.js";
import { OP_STATUS } from "../../cib/record.js";
import { operationDigests } from "../digests.js";
import type { Executor, Operation, Outcome } from "../types.js";
import { agentCommand, failure, type AgentCommand } from "./command.js";
import type { AgentSurroundings } from "./environment.js";
import { fenceDevices } from "./fencing.js";
import { metadataReader, type MetadataReader } from "./metadata-reader.js";
import type { UnderWay } from "./under-way.js";

const KEEP_BYTES = 64 * 1024;
const LOG_LINES = 20;
const LONGEST_REASON = 500;
const UNKNOWN_ERROR = 1;
const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * Runs the agents of this machine.
 * @param onProblem told of what an administrator should know of them
 */
export function localExecutor(
  where: AgentSurroundings,
  underWay: UnderWay,
  onProblem: (message: string) => void,
): Executor {
  const slots = limited(2 * availableParallelism());
  const metadata = metadataReader(where, onProblem);
  const devices = fenceDevices(where, (command, timeoutMs) => execute(command, timeoutMs, underWay));
  const runAgent = async (operation: Operation): Promise<Outcome> => {
    if (operation.resource.agent.class === "stonith") return devices.run(operation);
    const command = await agentCommand(await inItsOwnWords(operation, metadata), where);
    return "rc" in command ? command : execute(command, operation.timeoutMs, underWay);
  };
  return {
    run: (operation) => slots(() => runAgent(operation)),
    digests: async (operation) => operationDigests(operation, await metadata(operation.resource.agent)),
    fence: (order) => devices.fence(order),
  };
}

/** What is called reload-agent since OCF 1.1 was called reload before. */
async function inItsOwnWords(operation: Operation, metadata: MetadataReader): Promise<Operation> {
  if (operation.task !== "reload-agent") return operation;
  const { reload } = await metadata(operation.resource.agent);
  return { ...operation, task: reload ?? operation.task };
}

/** Runs a program to its end, or to its timeout. @param givenMs 0 for the default timeout */
async function execute(command: AgentCommand, givenMs: number, underWay: UnderWay): Promise<Outcome> {
  const timeoutMs = givenMs > 0 ? givenMs : DEFAULT_TIMEOUT_MS;
  let pid: number | undefined;
  try {
    const result = await runInGroup(command.argv, {
      env: command.env,
      ...(command.input !== undefined && { input: command.input }),
      timeoutMs,
      keepBytes: KEEP_BYTES,
      onStart: (started) => {
        pid = started;
        underWay.began(started);
      },
    });
    return outcomeOf(command, result, timeoutMs);
  } catch (thrown) {
    return failure(UNKNOWN_ERROR, OP_STATUS.error, asRehomeError(thrown).message);
  } finally {
    if (pid !== undefined) underWay.ended(pid);
  }
}

function outcomeOf(command: AgentCommand, result: GroupResult, timeoutMs: number): Outcome {
  const output = [result.stdout, result.stderr]
    .map(lastLines)
    .filter((text) => text !== "")
    .join("\n");
  if (result.timedOut) {
    const exitReason = `did not end within ${timeoutMs / 1000} s and was killed with all that it had started`;
    return { rc: UNKNOWN_ERROR, status: OP_STATUS.timeout, exitReason, output };
  }
  if (result.exitCode === undefined) {
    const exitReason = `was ended by ${result.signal ?? "a signal"}`;
    return { rc: UNKNOWN_ERROR, status: OP_STATUS.error, exitReason, output };
  }
  return {
    rc: command.rcOf(result.exitCode, result.stdout),
    status: OP_STATUS.done,
    exitReason: printable(command.reasonOf(result.stderr).trim()).slice(0, LONGEST_REASON),
    output,
  };
}

function lastLines(text: string): string {
  return printable(text).trimEnd().split("\n").slice(-LOG_LINES).join("\n").trim();
}

/** No more than `count` at once, as Pacemaker's node-action-limit: twice the cores. */
function limited(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
