import { join } from "node:path";
import { parseDuration } from "../../cib/durations.js";
import { OP_STATUS } from "../../cib/record.js";
import type { FenceDevice } from "../../cib/fence-devices.js";
import type { FenceOrder, Operation, Outcome } from "../types.js";
import { failure, isExecutable, lastLine, type AgentCommand } from "./command.js";
import { plainEnvironment, type AgentSurroundings } from "./environment.js";

/** Devices that cut nodes off, as far as they were started here: class stonith. */
export interface FenceDevices {
  run(operation: Operation): Promise<Outcome>;
  /** Cuts a node off with the devices that can, one after the other. @returns undefined when done, or why not */
  fence(order: FenceOrder): Promise<string | undefined>;
}

const OK: Outcome = { rc: 0, status: OP_STATUS.done, exitReason: "", output: "" };
const NOT_RUNNING = 7;
const NOT_INSTALLED = 5;
const LIST_TIMEOUT_MS = 20_000;

/**
 * A fencing device is no process: to start it is to ask whether it answers, and it counts as running until it is
 * stopped. It can be used without that. Its agent gets what to do and its parameters as lines on standard input (Fence Agent API).
 * @param execute runs a program for that long
 */
export function fenceDevices(
  where: AgentSurroundings,
  execute: (command: AgentCommand, timeoutMs: number) => Promise<Outcome>,
): FenceDevices {
  const started = new Set<string>();

  const ask = async (
    device: FenceDevice,
    action: string,
    target: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Outcome> => {
    const path = join(where.fenceFolder, device.type);
    if (/[/\0]/.test(device.type) || !(await isExecutable(path))) {
      return failure(NOT_INSTALLED, OP_STATUS.notInstalled, `there is no fence agent ${path}`);
    }
    // Names that begin with pcmk_ are for whoever calls the agent.
    const own = Object.entries(device.params).filter(([name]) => !name.startsWith("pcmk_"));
    const said = { ...Object.fromEntries(own), ...target, action: device.params[`pcmk_${action}_action`] ?? action };
    const lines = Object.entries(said).map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}\n`);
    return execute(
      { argv: [path], env: plainEnvironment(where), input: lines.join(""), rcOf: (code) => code, reasonOf: lastLine },
      timeoutMs,
    );
  };

  const knows = async (device: FenceDevice, node: string): Promise<boolean> => {
    const { pcmk_host_check: how, pcmk_host_list: list, pcmk_host_map: map } = device.params;
    if (how === "none") return true;
    if (list !== undefined || map !== undefined || how === "static-list") {
      return names(list).includes(node) || hostMap(map).has(node);
    }
    const asked = how === "status" ? "status" : "list";
    const listed = await ask(device, asked, plugOf(device, node), ownTimeout(device, asked) ?? LIST_TIMEOUT_MS);
    if (how === "status") return listed.rc === 0 || listed.rc === STATUS_OFF;
    return listed.rc === 0 && names(listed.output).includes(plugOf(device, node)["plug"] ?? node);
  };

  return {
    async run({ resource, task, intervalMs, params, timeoutMs }) {
      const device = { id: resource.id, type: resource.agent.type, params };
      if (task === "stop") {
        started.delete(device.id);
        return OK;
      }
      if (task === "monitor" && intervalMs === 0 && !started.has(device.id)) {
        return { ...OK, rc: NOT_RUNNING };
      }
      const outcome = await ask(device, "monitor", {}, timeoutMs);
      if (task === "start" && outcome.rc === 0 && outcome.status === OP_STATUS.done) started.add(device.id);
      return outcome;
    },
    async fence({ node, action, timeoutMs, devices }) {
      const failures: string[] = [];
      for (const device of devices) {
        if (!(await knows(device, node))) continue;
        const outcome = await ask(device, action, plugOf(device, node), ownTimeout(device, action) ?? timeoutMs);
        if (outcome.rc === 0 && outcome.status === OP_STATUS.done) return undefined;
        failures.push(`${device.id}: ${outcome.exitReason === "" ? `exit code ${outcome.rc}` : outcome.exitReason}`);
      }
      if (failures.length > 0) return failures.join("; ");
      return `no fencing device of the configuration is for ${node}`;
    },
  };
}

/** A device that is slower or quicker than others has timeouts of its own, one for each action (pcmk_reboot_timeout …). */
function ownTimeout({ params }: FenceDevice, action: string): number | undefined {
  const ms = parseDuration(params[`pcmk_${action}_timeout`]);
  return ms !== undefined && ms > 0 ? ms : undefined;
}

/** Exit code of a fence agent's `status` for a node that is off. */
const STATUS_OFF = 2;

/** What the device calls the node, under the names that agents look at. */
function plugOf({ params }: FenceDevice, node: string): Readonly<Record<string, string>> {
  const plug = hostMap(params["pcmk_host_map"]).get(node) ?? node;
  const argument = params["pcmk_host_argument"];
  if (argument === "none") return { nodename: node };
  return argument === undefined ? { nodename: node, plug, port: plug } : { nodename: node, [argument]: plug };
}

/** `node1:1;node2:2,3` */
function hostMap(text: string | undefined): ReadonlyMap<string, string> {
  const pairs = (text ?? "").split(/[;\s]+/).map((entry) => entry.split(/[:=]/));
  return new Map(pairs.map(([node = "", plug = ""]) => [node, plug]));
}

/** Names in a list, or in the first column of what `list` prints: `PLUG,ALIAS` a line. */
function names(text: string | undefined): readonly string[] {
  return (text ?? "").split(/[,;\s]+/).filter((name) => name !== "");
}
