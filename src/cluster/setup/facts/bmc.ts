import { RehomeError } from "../../../lib/errors.js";
import type { Host, RunResult } from "../../../lib/host/types.js";
import type { Member } from "../members.js";
import type { BmcFacts } from "./types.js";

const LIMIT_MS = 40_000;

/**
 * Asks a BMC for the power's state, with the fence agent that Pacemaker will use. Options go to the agent's standard
 * input, as the cluster's fencer gives them: the password is in no argv.
 * @param from another member, which will fence it one day
 */
export async function askBmc(from: Host, { name, bmc }: Member, password: string): Promise<BmcFacts> {
  const { ip, port } = bmcAddress(bmc.address);
  const options = {
    action: "status",
    ip,
    ...(port !== undefined && { ipport: port }),
    ...(bmc.cipher !== undefined && { cipher: `${bmc.cipher}` }),
    username: bmc.user,
    password,
    lanplus: "1",
  };
  const input = Object.entries(options)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
  const result = await asked(from, bmc.agent, input);
  const output = `${result.stdout}\n${result.stderr}`.trim().replaceAll(password, "…");
  return { name, from: from.name, answer: answerOf(result.exitCode, output), output };
}

/** An agent that does not end in time says as little as a BMC that does not answer. */
async function asked(from: Host, agent: string, input: string): Promise<Omit<RunResult, "argv">> {
  try {
    return await from.run([agent], { input, timeoutMs: LIMIT_MS });
  } catch (error) {
    if (!(error instanceof RehomeError) || error.code !== "command-timeout") throw error;
    return { exitCode: 1, stdout: "", stderr: error.message };
  }
}

/** Exit codes of fence agents' `status`: 0 for on, 2 for off, 127 from us when there is no such program. */
function answerOf(exitCode: number, output: string): BmcFacts["answer"] {
  if (exitCode === 127) return "agent-missing";
  if (exitCode === 0) return "on";
  if (exitCode === 2) return "off";
  return /password|login|unauthori[sz]ed|RAKP|credential|privilege/i.test(output) ? "refused" : "silent";
}

/** `192.0.2.20`, `192.0.2.20:6230`, `[2001:db8::1]:623`. */
export function bmcAddress(text: string): { readonly ip: string; readonly port: string | undefined } {
  const [, ip, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(text) ?? [];
  return { ip: ip ?? text, port };
}
