import { randomBytes } from "node:crypto";
import { RehomeError } from "../../../lib/errors.js";
import type { Host, HostProcess } from "../../../lib/host/types.js";
import { guestfishLine } from "./quote.js";

/** One guestfish process that is told what to do line by line: one start of the appliance for everything. */
export interface GuestfishSession {
  /**
   * Runs one command.
   * @param timeoutMs after it the appliance is ended: a guest's disk must never hold a cutover up for ever
   * @returns its standard output
   * @throws GuestfishError when the command failed
   * @throws RehomeError appliance-failed, command-timeout, cancelled
   */
  run(command: string, args?: readonly (string | Buffer)[], timeoutMs?: number): Promise<Buffer>;
  /** Ends it at once. To end it in order, run `shutdown` before. */
  kill(): Promise<void>;
}

/** A guestfish command that failed, with guestfish's words. */
export class GuestfishError extends Error {
  constructor(
    readonly command: string,
    readonly reason: string,
  ) {
    super(`${command}: ${reason}`);
  }
}

export interface SessionOptions {
  readonly host: Host;
  /** Whether the appliance may use KVM; it hangs where KVM is there and does not work. */
  readonly kvm: boolean;
  readonly signal?: AbortSignal;
}

export const COMMAND_TIMEOUT_MS = 60_000;

/** The environment that libguestfs runs with. */
export function guestfsEnvironment(kvm: boolean): Readonly<Record<string, string>> {
  return {
    LIBGUESTFS_BACKEND: "direct",
    LIBGUESTFS_BACKEND_SETTINGS: kvm ? "" : "force_tcg",
    LIBGUESTFS_DEBUG: "0",
    LIBGUESTFS_TRACE: "0",
    LC_ALL: "C",
  };
}

/** @throws RehomeError appliance-failed when guestfish cannot be started */
export async function startGuestfish(options: SessionOptions): Promise<GuestfishSession> {
  const process = await options.host.start(["guestfish", "--no-progress-bars"], {
    env: guestfsEnvironment(options.kvm),
    ...(options.signal && { signal: options.signal }),
  });
  return new Session(options.host, process);
}

/**
 * guestfish says neither where the output of a command ends nor, on standard output, whether it failed. So after each
 * command two random words follow: one by `echo` for standard output, and one as a command that does not exist, whose
 * error ends this command's part of standard error.
 */
class Session implements GuestfishSession {
  private stdout = Buffer.alloc(0);
  private stderr = "";
  private ended: { readonly error: Error } | undefined;
  private wake: () => void = () => undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly host: Host,
    private readonly process: HostProcess,
  ) {
    process.stdout.on("data", (data: Buffer) => {
      this.stdout = Buffer.concat([this.stdout, data]);
      this.wake();
    });
    process.stderr.on("data", (data: Buffer) => {
      this.stderr += data.toString("utf8");
      this.wake();
    });
    process.stdin.on("error", () => undefined); // its end says more: see `exited`
    process.exited.then(
      (code) => this.end(this.failure(code === 127 ? "guestfish is not installed" : "guestfish ended by itself")),
      (thrown: unknown) => this.end(thrown instanceof Error ? thrown : new Error(String(thrown))),
    );
  }

  /** One command at a time: a caller that does not wait for another is put behind it. */
  run(command: string, args: readonly (string | Buffer)[] = [], timeoutMs = COMMAND_TIMEOUT_MS): Promise<Buffer> {
    const result = this.last.then(() => this.runNow(command, args, timeoutMs));
    this.last = result.catch(() => undefined);
    return result;
  }

  private async runNow(command: string, args: readonly (string | Buffer)[], timeoutMs: number): Promise<Buffer> {
    const word = randomBytes(16).toString("hex");
    const outputEnd = Buffer.from(`${word}\n`);
    const errorEnd = `${word}: unknown command\n`;
    this.process.stdin.write(`-${guestfishLine(command, args)}\necho ${word}\n-${word}\n`);
    const deadline = Date.now() + timeoutMs;
    // only the end is looked at, so that long output is not searched again and again
    while (!this.stdout.subarray(-outputEnd.length).equals(outputEnd) || !this.stderr.endsWith(errorEnd)) {
      if (this.ended !== undefined) throw this.ended.error;
      await this.more(deadline, command, timeoutMs);
    }
    const output = this.stdout.subarray(0, -outputEnd.length);
    const errors = this.stderr.slice(0, -errorEnd.length);
    this.stdout = Buffer.alloc(0);
    this.stderr = "";
    const reason = failureIn(errors);
    if (reason !== undefined) throw new GuestfishError(command, reason);
    return output;
  }

  async kill(): Promise<void> {
    this.process.kill();
    await this.process.exited.catch(() => undefined);
  }

  /** Waits for more output, the end, or the deadline. */
  private async more(deadline: number, command: string, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = await new Promise<boolean>((resolve) => {
      this.wake = () => resolve(false);
      timer = setTimeout(() => resolve(true), Math.max(0, deadline - Date.now()));
    });
    clearTimeout(timer);
    if (!timeout) return;
    await this.kill();
    const seconds = Math.round(timeoutMs / 1000);
    throw new RehomeError("command-timeout", `guestfish did not finish ${command} within ${seconds} s`, {
      machine: this.host.name,
      ...(this.stderr !== "" && { output: this.stderr.trim().slice(-2000) }),
    });
  }

  private end(error: Error): void {
    this.ended = { error };
    this.wake();
  }

  private failure(message: string): RehomeError {
    return new RehomeError("appliance-failed", message, {
      machine: this.host.name,
      output: this.stderr.trim().slice(-2000),
      remedy: "see whether `libguestfs-test-tool` works on the target; it needs the package libguestfs-tools",
    });
  }
}

/** guestfish's errors among other words on standard error, such as warnings of QEMU. */
function failureIn(errors: string): string | undefined {
  const match = /(?:libguestfs: error: |: unknown command|^error: )/m.exec(errors);
  if (match === null) return undefined;
  return errors.replace(/^(?:\*stdin\*:\d+: )?libguestfs: error: /, "").trim();
}
