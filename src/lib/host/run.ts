import { RehomeError } from "../errors.js";
import type { Host, RunOptions, RunResult } from "./types.js";

/**
 * Runs a program that must succeed.
 * @returns its standard output
 * @throws RehomeError command-failed with the program's standard error
 */
export async function runChecked(host: Host, argv: readonly string[], options?: RunOptions): Promise<string> {
  const result = await host.run(argv, options);
  if (result.exitCode === 0) return result.stdout;
  throw commandFailed(host, result);
}

/** The error for a program that ended with a non-zero exit code. */
export function commandFailed(host: Host, result: RunResult): RehomeError {
  const program = result.argv[0] ?? "";
  if (result.exitCode === 127) {
    return new RehomeError("command-failed", `${program} is not installed`, {
      machine: host.name,
      remedy: `install the package that has ${program}`,
    });
  }
  return new RehomeError("command-failed", `${program} ended with exit code ${result.exitCode}`, {
    machine: host.name,
    output: lastLines(result.stderr === "" ? result.stdout : result.stderr, 20),
  });
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
