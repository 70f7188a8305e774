import { fileURLToPath } from "node:url";
import { Config, type Command } from "@oclif/core";
import { captureOutput } from "@oclif/test";

/** How a run of the command line ended. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let config: Promise<Config> | undefined;

/**
 * Runs a command from its source, in this process, because a process of its own takes seconds to start without a build.
 * @param command as it is typed: `plan`, `cluster status`
 * @returns what it prints, and the status that it would exit with
 */
export async function rehome(command: string, ...argv: string[]): Promise<Ran> {
  config ??= Config.load({ root: ROOT });
  const loaded = await config;
  const module = (await import(`../../src/commands/${command.replaceAll(" ", "/")}.ts`)) as {
    default: Command.Class;
  };
  module.default.id = command.replaceAll(" ", ":");
  const before = process.exitCode;
  try {
    const ran = await captureOutput(async () => module.default.run(argv, loaded), { print: false });
    return { status: ran.error?.oclif?.exit ?? Number(process.exitCode ?? 0), stdout: ran.stdout, stderr: ran.stderr };
  } finally {
    process.exitCode = before;
  }
}
