import type { Readable, Writable } from "node:stream";

/** Options of a program run on a machine. */
export interface RunOptions {
  /** Sent to standard input, which is then closed. Secrets go here, never into argv. */
  readonly input?: string | Buffer;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this many ms the program is killed and `command-timeout` thrown. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** How a program ended, with all that it printed. */
export interface RunResult {
  readonly argv: readonly string[];
  /** 128 + signal number when a signal ended it, as a shell reports it; 127 when there is no such program. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that is running; its streams are bytes. */
export interface HostProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code, as in RunResult, once the program has ended and its output was read.
   * Rejects with `connection-lost` when it is not known how the program ended.
   */
  readonly exited: Promise<number>;
  kill(): void;
}

/**
 * A machine: the only way in which rehome touches one. Local or over SSH; a fake one in tests.
 * Programs are argv arrays; no shell ever interprets data.
 */
export interface Host {
  /** How messages name the machine: `web1` or `root@192.0.2.10:22`. */
  readonly name: string;
  /**
   * Runs a program to its end. A non-zero exit code is a result, not an error.
   * @throws RehomeError connection-lost, command-timeout, cancelled
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a program whose streams the caller drives. */
  start(argv: readonly string[], options?: Omit<RunOptions, "input" | "timeoutMs">): Promise<HostProcess>;
  /** @throws RehomeError file-unreadable */
  readFile(path: string): Promise<Buffer>;
  /** Replaces a file at once (temporary file, fsync, rename). `mode` defaults to 0o644. @throws RehomeError file-unwritable */
  writeFile(path: string, data: string | Buffer, mode?: number): Promise<void>;
  close(): Promise<void>;
}
