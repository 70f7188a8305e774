import { connect } from "node:net";
import { RehomeError } from "../../../src/lib/errors.js";
import { openQmp } from "../../../src/lib/qmp.js";

/** A command of QEMU's monitor and its arguments. */
export type QmpCommand = readonly [execute: string, args?: Readonly<Record<string, unknown>>];

/**
 * Gives commands to a running QEMU over its QMP socket, one after the other.
 * @returns what each of them returned
 * @throws RehomeError command-failed when one is refused, or QEMU ends; what follows it is then not done
 */
export async function qmp(machine: string, path: string, ...commands: readonly QmpCommand[]): Promise<unknown[]> {
  const socket = connect(path);
  try {
    const monitor = await openQmp({ machine, input: socket, output: socket });
    const results: unknown[] = [];
    for (const [execute, args] of commands) results.push(await monitor.ask(execute, args));
    return results;
  } finally {
    socket.destroy();
  }
}

/** A command of the monitor for people, which says nothing when all is well. @throws RehomeError command-failed */
export async function hmp(machine: string, path: string, line: string): Promise<void> {
  const [said] = await qmp(machine, path, ["human-monitor-command", { "command-line": line }]);
  if (typeof said === "string" && said.trim() !== "") {
    throw new RehomeError("command-failed", `QEMU's monitor refused ${line}`, { machine, path, output: said.trim() });
  }
}
