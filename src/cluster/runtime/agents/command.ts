import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { OP_STATUS } from "../../cib/record.js";
import type { Agent } from "../../scheduler/types.js";
import type { Operation, Outcome } from "../types.js";
import { ocfEnvironment, plainEnvironment, type AgentSurroundings } from "./environment.js";

/** A program to run for an operation, and what its exit code means in OCF's codes. */
export interface AgentCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it reads from its standard input. */
  readonly input?: string;
  readonly rcOf: (exitCode: number, stdout: string) => number;
  /** Why it failed, in its own words, from what it printed as errors; empty when it gave no reason. */
  readonly reasonOf: (stderr: string) => string;
}

const REASON_PREFIX = "ocf-exit-reason:";

/** OCF agents mark their reason; the last one counts. */
function exitReason(stderr: string): string {
  const line = stderr.split("\n").findLast((text) => text.startsWith(REASON_PREFIX));
  return line?.slice(REASON_PREFIX.length) ?? "";
}

/** Other programs end with it. */
export function lastLine(stderr: string): string {
  return stderr.trimEnd().split("\n").at(-1) ?? "";
}

/** OCF's "not installed" and "unimplemented". */
const NOT_INSTALLED = 5;
const UNIMPLEMENTED = 3;

/** The program that does an operation, or the outcome when there is none. */
export async function agentCommand(operation: Operation, where: AgentSurroundings): Promise<AgentCommand | Outcome> {
  switch (operation.resource.agent.class) {
    case "ocf":
      return ocf(operation, where);
    case "lsb":
      return lsb(operation, where);
    case "systemd":
    case "service":
      return systemd(operation, where);
    default:
      return failure(
        UNIMPLEMENTED,
        OP_STATUS.notSupported,
        `agents of class ${operation.resource.agent.class} cannot be run by this runtime`,
      );
  }
}

async function ocf(operation: Operation, where: AgentSurroundings): Promise<AgentCommand | Outcome> {
  const { agent } = operation.resource;
  const { provider = "", type } = agent;
  if (!isName(agent)) {
    return failure(NOT_INSTALLED, OP_STATUS.notInstalled, `"${provider}:${type}" is no name of an agent`);
  }
  const path = await findOcfAgent(agent, where);
  if (path !== undefined) {
    return {
      argv: [path, operation.task],
      env: ocfEnvironment(operation, where),
      rcOf: (code) => code,
      reasonOf: exitReason,
    };
  }
  return failure(
    NOT_INSTALLED,
    OP_STATUS.notInstalled,
    `there is no agent ${provider}:${type} in ${where.agentFolders.join(", ")}`,
  );
}

/** Names come from the CIB: one with a slash would lead out of the agents' folders. */
function isName({ provider = "", type }: Agent): boolean {
  return !/[/\0]/.test(`${provider}${type}`) && !provider.startsWith(".") && !type.startsWith(".");
}

/** The program of an OCF agent; undefined when there is none. */
export async function findOcfAgent(agent: Agent, where: AgentSurroundings): Promise<string | undefined> {
  if (!isName(agent)) return undefined;
  for (const folder of where.agentFolders) {
    const path = join(folder, agent.provider ?? "", agent.type);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

const LSB_ACTIONS: Readonly<Record<string, string>> = { start: "start", stop: "stop", monitor: "status" };
/** Exit codes of `status` in the Linux Standard Base: running, dead with a pid file, dead with a lock file, stopped. */
const LSB_STATUS: Readonly<Record<number, number>> = { 0: 0, 1: 7, 2: 7, 3: 7, 4: 4 };

async function lsb(operation: Operation, where: AgentSurroundings): Promise<AgentCommand | Outcome> {
  const action = LSB_ACTIONS[operation.task];
  if (action === undefined) return unimplemented(operation);
  const path = join("/etc/init.d", operation.resource.agent.type);
  if (operation.resource.agent.type.includes("/") || !(await isExecutable(path))) {
    return failure(NOT_INSTALLED, OP_STATUS.notInstalled, `there is no init script ${path}`);
  }
  return {
    argv: [path, action],
    env: plainEnvironment(where),
    rcOf: (code) => (action === "status" ? (LSB_STATUS[code] ?? 1) : code),
    reasonOf: lastLine,
  };
}

/** There when systemd is what the machine was started with (sd_booted(3)). */
const SYSTEMD_RUNS = "/run/systemd/system";
const SYSTEMD_ACTIONS: Readonly<Record<string, string>> = { start: "start", stop: "stop", monitor: "is-active" };

async function systemd(operation: Operation, where: AgentSurroundings): Promise<AgentCommand | Outcome> {
  const action = SYSTEMD_ACTIONS[operation.task];
  if (action === undefined) return unimplemented(operation);
  if (!(await isExecutable(SYSTEMD_RUNS))) {
    return failure(
      NOT_INSTALLED,
      OP_STATUS.notInstalled,
      `systemd does not run on this machine, which the unit ${operation.resource.agent.type} needs`,
    );
  }
  const { type } = operation.resource.agent;
  const unit = /\.[a-z]+$/.test(type) ? type : `${type}.service`;
  return {
    argv: ["systemctl", action, "--", unit],
    env: plainEnvironment(where),
    rcOf: (code, stdout) => (action === "is-active" ? activeRc(stdout.trim()) : code),
    reasonOf: lastLine,
  };
}

function activeRc(state: string): number {
  return ["active", "reloading", "activating", "deactivating"].includes(state) ? 0 : 7;
}

function unimplemented(operation: Operation): Outcome {
  const { class: agentClass } = operation.resource.agent;
  return failure(UNIMPLEMENTED, OP_STATUS.done, `agents of class ${agentClass} have no ${operation.task}`);
}

export function failure(rc: number, status: Outcome["status"], exitReason: string): Outcome {
  return { rc, status, exitReason, output: "" };
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
