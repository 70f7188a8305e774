import type { RunResult } from "../types.js";
import { collect } from "../collect.js";
import type { SshConnection } from "./connection.js";
import { channelProcess } from "./process.js";

/** A login shell that has not answered after so long will not, in ms. */
const TIMEOUT_MS = 30_000;

/**
 * Runs a fixed command line while it is being found out how programs can be run on the machine.
 * @throws RehomeError connection-lost, command-timeout
 */
export async function runLine(link: SshConnection, line: string, input = ""): Promise<RunResult> {
  const context = {
    machine: link.machine,
    program: line,
    lost: () => link.lost(),
    killRemote: () => Promise.resolve(),
  };
  const process = await link.exec(line, (channel) => channelProcess(channel, context));
  return collect(process, link.machine, [line], { input, timeoutMs: TIMEOUT_MS });
}
