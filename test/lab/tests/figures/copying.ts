import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import type { Machine } from "../../machine/machine.js";

/**
 * Runs a program on one machine, and one on another with what the first prints as its input, both through OpenSSH, with
 * this machine in between, as rehome's passes have it. The words of the programs must mean nothing to a shell.
 */
export async function copyBetween(
  [source, read]: readonly [Machine, readonly string[]],
  [target, write]: readonly [Machine, readonly string[]],
): Promise<void> {
  const reader = started(source, read);
  const writer = started(target, write);
  const moved = pipeline(reader.stdout, writer.stdin).catch((thrown: unknown) => String(thrown));
  const ends = await Promise.all([reader.ended, writer.ended]);
  const failed = await moved;
  const said = [...ends.filter((end) => end !== ""), ...(failed === undefined ? [] : [failed])];
  if (said.length > 0) throw new Error(`the copy from ${source.name} to ${target.name} failed: ${said.join("; ")}`);
}

function started(
  machine: Machine,
  argv: readonly string[],
): {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  /** What went wrong; nothing when nothing did. */
  readonly ended: Promise<string>;
} {
  const [program = "", ...options] = machine.sshArgv();
  const child = spawn(program, [...options, ...argv], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const ended = (once(child, "close") as Promise<[number | null]>).then(([code]) =>
    code === 0 ? "" : `${argv.join(" ")} on ${machine.name} ended with ${code ?? "a signal"}: ${said.trim()}`,
  );
  return { stdin: child.stdin, stdout: child.stdout, ended };
}
