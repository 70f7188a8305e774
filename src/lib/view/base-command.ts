import { constants } from "node:os";
import { Command, Errors, Flags, type Interfaces } from "@oclif/core";
import { asRehomeError, formatError, RehomeError } from "../errors.js";
import { printable } from "../printable.js";
import { silentReport, type Note, type Report } from "../report.js";
import { errorJson, type JsonError } from "./error-json.js";
import { onHangup, outliveReaders } from "./lost-terminal.js";
import { createReport } from "./reports.js";
import { usageError } from "./usage-error.js";

/** What went wrong with one of several guests. */
export interface FailedGuest {
  readonly guest: string;
  readonly error: RehomeError;
}

/**
 * What all commands share: --json, errors with stable codes and exit statuses, progress on standard error,
 * and a signal that Ctrl-C aborts. Results go to standard output, everything else to standard error.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  private readonly interruption = new AbortController();
  private readonly notes: Note[] = [];
  private next: string | undefined;
  /** Each ends one of the listeners that last as long as the command. */
  private readonly listeners: (() => void)[] = [];

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
    const closed = new RehomeError("cancelled", "stopped, because the terminal was closed");
    this.listeners.push(onHangup(() => this.interruption.abort(closed)));
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const interrupt = (): void => {
        if (this.signal.aborted) process.exit(128 + constants.signals[signal]);
        this.interruption.abort(new RehomeError("cancelled", `stopped by ${signal}`));
      };
      // `on`, not `once`: a handler that is gone when its signal is handled lets execa end the process at once.
      process.on(signal, interrupt);
      this.listeners.push(() => process.off(signal, interrupt));
    }
  }

  protected override async finally(thrown: Error | undefined): Promise<void> {
    for (const end of this.listeners.splice(0)) end();
    await super.finally(thrown);
  }

  /**
   * Where long work says how far it is: a task list on a terminal, lines elsewhere; --json has its notes.
   * @param isMixed whether several pieces of work report at once, which a task list cannot show
   */
  protected createReport(isMixed = false): Report & { close(): void } {
    if (!this.jsonEnabled()) return createReport(process.stderr.isTTY && !isMixed ? "terminal" : "lines");
    return { ...silentReport, note: (note) => void this.notes.push(note), close: () => undefined };
  }

  /** Lines of the result for a person; nothing under --json. */
  protected print(lines: string | readonly string[]): void {
    for (const line of typeof lines === "string" ? [lines] : lines) this.log(printable(line));
  }

  /** The most useful next command, at the end of a result. */
  protected suggest(next: string): void {
    this.next = next;
    this.log(printable(`\nnext: ${next}`));
  }

  /**
   * Says what failed for some of several guests, each under its name, beside the result of the others. The first one's exit
   * status becomes the command's.
   * @returns what --json has of each
   */
  protected sayFailed(failed: readonly FailedGuest[]): Readonly<Record<string, JsonError>> {
    for (const { guest, error } of failed) {
      if (!this.jsonEnabled()) process.stderr.write(`\n${guest}: ${formatError(error)}\n`);
    }
    const [first] = failed;
    if (first !== undefined) process.exitCode = first.error.exitCode;
    return Object.fromEntries(failed.map(({ guest, error }) => [guest, errorJson(error)]));
  }

  /** Asks before something that cannot be taken back. @throws RehomeError not-confirmed */
  protected async confirm(consequence: string): Promise<void> {
    if (this.jsonEnabled() || !process.stdin.isTTY) {
      throw new RehomeError("not-confirmed", `nobody is here to say yes to this: ${consequence}`, {
        remedy: "run it again with --yes",
      });
    }
    const { confirm } = await import("@inquirer/prompts");
    const message = `${consequence} Go on?`;
    const context = { signal: this.signal, output: process.stderr };
    if (!(await confirm({ message, default: false }, context)))
      throw new RehomeError("not-confirmed", "nothing was done");
  }

  /** Which cluster a command of `clusterFlags` is about. */
  protected clusterChoice(flags: {
    readonly config: string;
    readonly state: string | undefined;
    readonly backend: "bundled" | "pacemaker" | undefined;
    readonly "accept-new-host-key": boolean;
  }) {
    const { config, state, backend } = flags;
    const acceptNewHostKey = flags["accept-new-host-key"];
    return { config, state, backend, acceptNewHostKey, client: this.fullName, signal: this.signal };
  }

  /** oclif exits with 1 under --json whatever the error is; ours carry their own status (docs/errors.md). */
  protected override catch(thrown: Interfaces.CommandError): Promise<never> {
    if (thrown instanceof Errors.ExitError) throw thrown;
    const error = this.reported(thrown);
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(error));
    else process.stderr.write(`${formatError(error)}\n`);
    if (error.code === "internal" && process.env["DEBUG"] !== undefined && thrown.stack !== undefined) {
      process.stderr.write(`${thrown.stack}\n`);
    }
    return this.exit(error.exitCode);
  }

  protected override toErrorJson(thrown: unknown): JsonError {
    return { ...errorJson(this.reported(thrown)), ...this.said() };
  }

  /** A result, with what was said on the way: a program must not miss what a person is told to do by hand. */
  protected override toSuccessJson(result: unknown): unknown {
    return typeof result === "object" && !Array.isArray(result) ? { ...result, ...this.said() } : result;
  }

  /** `rehome cluster status` */
  private get fullName(): string {
    return `${this.config.bin} ${(this.id ?? "").replaceAll(":", " ")}`;
  }

  private said(): { readonly notes?: readonly Note[]; readonly next?: string } {
    return {
      ...(this.notes.length > 0 && { notes: this.notes }),
      ...(this.next !== undefined && { next: this.next }),
    };
  }

  /** oclif's own errors are about flags and arguments: they become `usage`. */
  private reported(thrown: unknown): RehomeError {
    if (!(thrown instanceof Errors.CLIError)) return asRehomeError(thrown);
    const { flags, baseFlags } = this.ctor;
    return usageError(thrown, {
      name: this.fullName,
      flags: ["json", "help", ...Object.keys({ ...baseFlags, ...flags })],
    });
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

/** Flags of the bundled runtime, and of every command about what it keeps. */
export const runtimeFlags = {
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

/** Flags of every command about a cluster, whoever keeps it. */
export const clusterFlags = {
  ...runtimeFlags,
  ...sourceFlags,
  backend: Flags.option({
    options: ["bundled", "pacemaker"] as const,
    description: "who keeps the cluster; without it pacemaker where rehome.yaml has a cluster section or it runs here",
  })(),
};

export const dryRunFlag = {
  "dry-run": Flags.boolean({ description: "show what would move, change nothing" }),
};

/** Flags of commands whose outcome is looked at in a simulation first. */
export const foreseenFlags = {
  ...dryRunFlag,
  force: Flags.boolean({ description: "ask for it even if nothing would come of it now" }),
};
