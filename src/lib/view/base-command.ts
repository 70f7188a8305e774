import { constants } from "node:os";
import { Command, Errors, Flags, type Interfaces } from "@oclif/core";
import { asRehomeError, formatError, RehomeError } from "../errors.js";
import type { Report } from "../report.js";
import { onHangup, outliveReaders } from "./lost-terminal.js";
import { createReport } from "./reports.js";

/** What a command prints under --json when it fails. */
export interface JsonError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly machine?: string;
    readonly path?: string;
    readonly line?: number;
    readonly remedy?: string;
    readonly output?: string;
  };
}

/**
 * What all commands share: --json, errors with stable codes and exit statuses, progress on standard error,
 * and a signal that Ctrl-C aborts. Results go to standard output, everything else to standard error.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  private readonly interruption = new AbortController();

  /**
   * Aborted at the first SIGINT or SIGTERM, and when the terminal is closed (SIGHUP); long work must pass it on. The
   * second SIGINT or SIGTERM ends the process.
   */
  protected get signal(): AbortSignal {
    return this.interruption.signal;
  }

  protected override async init(): Promise<void> {
    await super.init();
    outliveReaders();
    onHangup(() => this.interruption.abort(new RehomeError("cancelled", "stopped, because the terminal was closed")));
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      // `on`, not `once`: a handler that is gone when its signal is handled lets execa end the process at once.
      process.on(signal, () => {
        if (this.signal.aborted) process.exit(128 + constants.signals[signal]);
        this.interruption.abort(new RehomeError("cancelled", `stopped by ${signal}`));
      });
    }
  }

  /** Where long work says how far it is: a task list on a terminal, lines elsewhere, nothing under --json. */
  protected createReport(): Report & { close(): void } {
    return createReport(this.jsonEnabled() ? "silent" : process.stderr.isTTY ? "terminal" : "lines");
  }

  /** Lines of the result for a person; nothing under --json. */
  protected print(lines: string | readonly string[]): void {
    for (const line of typeof lines === "string" ? [lines] : lines) this.log(line);
  }

  /** The most useful next command, at the end of a result. */
  protected suggest(next: string): void {
    this.log(`\nnext: ${next}`);
  }

  /** oclif exits with 1 under --json whatever the error is; ours carry their own status (docs/errors.md). */
  protected override catch(thrown: Interfaces.CommandError): Promise<never> {
    if (thrown instanceof Errors.ExitError) throw thrown;
    const error = asReported(thrown);
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(error));
    else process.stderr.write(`${formatError(error)}\n`);
    if (error.code === "internal" && process.env["DEBUG"] !== undefined && thrown.stack !== undefined) {
      process.stderr.write(`${thrown.stack}\n`);
    }
    return this.exit(error.exitCode);
  }

  protected override toErrorJson(thrown: unknown): JsonError {
    const error = asReported(thrown);
    return {
      error: {
        code: error.code,
        message: error.message,
        ...error.where,
        ...(error.remedy !== undefined && { remedy: error.remedy }),
        ...(error.output !== undefined && { output: error.output }),
      },
    };
  }
}

/** Flags of every command that reads rehome.yaml. */
export const configFlags = {
  config: Flags.string({
    char: "c",
    description: "the configuration file",
    default: "rehome.yaml",
    env: "REHOME_CONFIG",
    helpValue: "FILE",
  }),
};

/** Flags of every command about the cluster on this machine. */
export const clusterFlags = {
  ...configFlags,
  state: Flags.string({
    description: "folder of the CIB and the runtime's state; without it the one of the configuration file",
    env: "REHOME_STATE",
    helpValue: "FOLDER",
  }),
};

/** Flags of every command that logs in to a source. */
export const sourceFlags = {
  "accept-new-host-key": Flags.boolean({
    description: "trust the key of a machine that is not known yet, and remember it; a changed key is never accepted",
  }),
};

/** oclif's own errors are about flags and arguments: they become `usage`. */
function asReported(thrown: unknown): RehomeError {
  if (thrown instanceof Errors.CLIError) {
    const message = thrown.message.split("\nSee more help with --help")[0] ?? thrown.message;
    return new RehomeError("usage", message, { remedy: "see the command's --help", cause: thrown });
  }
  return asRehomeError(thrown);
}
