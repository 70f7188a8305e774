import { connect } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";
import { RehomeError } from "../../../src/lib/errors.js";

const message = z.looseObject({
  return: z.unknown().optional(),
  error: z.object({ desc: z.string() }).optional(),
  event: z.string().optional(),
});

/** A command of QEMU's monitor and its arguments. */
export type QmpCommand = readonly [execute: string, args?: Readonly<Record<string, unknown>>];

/**
 * Gives commands to a running QEMU over its QMP socket, one after the other.
 * @returns what each of them returned
 * @throws RehomeError command-failed when one is refused, or QEMU ends; what follows it is then not done
 */
export async function qmp(machine: string, path: string, ...commands: readonly QmpCommand[]): Promise<unknown[]> {
  const socket = connect(path);
  const failed = (reason: string): RehomeError =>
    new RehomeError("command-failed", `QEMU's monitor: ${reason}`, { machine, path });
  const broken = new Promise<never>((_, reject) => {
    socket.once("error", (error) => reject(failed(error.message)));
    socket.once("close", () => reject(failed("it has ended")));
  });
  broken.catch(() => undefined); // it closes when we are done, too
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const next = async (): Promise<z.infer<typeof message>> => {
    for (;;) {
      const line = await Promise.race([lines.next(), broken]);
      if (line.done === true) throw failed("it has ended");
      const parsed = message.parse(JSON.parse(line.value));
      if (parsed.event === undefined) return parsed;
    }
  };
  try {
    await next(); // the greeting
    const results: unknown[] = [];
    for (const [execute, args] of [["qmp_capabilities"] as const, ...commands]) {
      socket.write(`${JSON.stringify({ execute, arguments: args ?? {} })}\n`);
      const answer = await next();
      if (answer.error !== undefined) throw failed(`${execute}: ${answer.error.desc}`);
      results.push(answer.return);
    }
    return results.slice(1);
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
