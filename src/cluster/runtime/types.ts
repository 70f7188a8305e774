import type { FenceDevice } from "../cib/fence-devices.js";
import type { ClusterNode } from "../cib/status.js";
import type { OperationDigests, OpStatus } from "../cib/record.js";
import type { ActionResource } from "../scheduler/types.js";

/**
 * The seams of the runtime. One controller decides and records; what it runs operations with and what time it is are
 * given to it, so that real agents and a simulation in virtual time drive the same code.
 */

export interface Clock {
  /** The time of day, in ms since the epoch. It may be set forward and back. */
  now(): number;
  /** Ms since some moment. Goes on evenly, whatever the time is set to: durations are measured with it. */
  elapsed(): number;
  /** Calls back once, `ms` from now. */
  after(ms: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** One run of an agent on a node. */
export interface Operation {
  readonly node: ClusterNode;
  readonly resource: ActionResource;
  readonly task: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startDelayMs: number;
  readonly targetRc: number;
  readonly params: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  /** `ACTION:TRANSITION:TARGET_RC:UUID` of the action that asked for it. */
  readonly transitionKey: string;
}

/** How an operation ended. */
export interface Outcome {
  /** OCF's return code. */
  readonly rc: number;
  readonly status: OpStatus;
  /** The agent's own words, or why it could not be run; empty when there is nothing to say. */
  readonly exitReason: string;
  /** The last lines of what it printed, for the log. */
  readonly output: string;
}

/** What runs operations. Never rejects: whatever goes wrong is an outcome. */
export interface Executor {
  run(operation: Operation): Promise<Outcome>;
  /** What is recorded of an operation's parameters, so that a change of them is seen. */
  digests(operation: Operation): Promise<OperationDigests>;
  /** Cuts a node off. @returns undefined when done, or why it failed */
  fence(order: FenceOrder): Promise<string | undefined>;
}

export interface FenceOrder {
  readonly node: string;
  /** reboot, off or on. */
  readonly action: string;
  readonly timeoutMs: number;
  /** To be tried in this order. */
  readonly devices: readonly FenceDevice[];
}

/** What the runtime tells of its work. */
export type RuntimeEvent =
  | { readonly type: "transition"; readonly id: number; readonly reason: string; readonly actions: number }
  | {
      readonly type: "transition-end";
      readonly id: number;
      readonly state: "complete" | "aborted" | "stuck";
      readonly why: string;
    }
  | {
      readonly type: "operation";
      readonly node: string;
      readonly resource: string;
      readonly task: string;
      readonly intervalMs: number;
      readonly rc: number;
      readonly status: OpStatus;
      readonly failed: boolean;
      readonly exitReason: string;
      readonly output: string;
      readonly execTimeMs: number;
    }
  | { readonly type: "fail-count"; readonly node: string; readonly resource: string; readonly value: string }
  | { readonly type: "attribute"; readonly node: string; readonly name: string; readonly value: string | undefined }
  | { readonly type: "fence"; readonly node: string; readonly action: string; readonly failure: string | undefined }
  | { readonly type: "node"; readonly node: string; readonly state: string }
  | { readonly type: "problem"; readonly message: string };

export type RuntimeLog = (event: RuntimeEvent) => void;
