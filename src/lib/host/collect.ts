import type { Readable } from "node:stream";
import { RehomeError } from "../errors.js";
import type { HostProcess, RunOptions, RunResult } from "./types.js";

/** More output than this is no result to hold in memory; `start` streams it. */
export const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/**
 * Sends a started program its input, reads all that it prints, and waits for its end.
 * @throws RehomeError connection-lost, command-timeout, cancelled, output-unreadable
 */
export async function collect(
  process: HostProcess,
  machine: string,
  argv: readonly string[],
  options: Pick<RunOptions, "input" | "timeoutMs">,
): Promise<RunResult> {
  const program = argv[0] ?? "";
  const { timeoutMs } = options;
  let failure: RehomeError | undefined;
  function stop(error: RehomeError): void {
    failure ??= error;
    process.kill();
  }
  const tooLate = new RehomeError("command-timeout", `${program} did not end within ${timeoutMs ?? 0} ms`, { machine });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop(tooLate), timeoutMs);
  const tooMuch = (): void =>
    stop(new RehomeError("output-unreadable", `${program} printed more than 256 MiB`, { machine }));
  process.stdin.end(options.input ?? "");
  try {
    const [stdout, stderr, exitCode] = await Promise.all([
      readAll(process.stdout, tooMuch),
      readAll(process.stderr, tooMuch),
      process.exited,
    ]);
    if (failure !== undefined) throw failure as Error;
    return { argv, exitCode, stdout, stderr };
  } catch (error) {
    throw failure ?? error;
  } finally {
    clearTimeout(timer);
  }
}

/** All of a stream as text; never rejects, since `exited` tells why a stream broke off. */
async function readAll(stream: Readable, tooMuch: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) tooMuch();
      else chunks.push(chunk);
    }
  } catch {
    return "";
  }
  return Buffer.concat(chunks).toString("utf8");
}
