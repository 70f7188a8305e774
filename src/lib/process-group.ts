import { spawn, type ChildProcess } from "node:child_process";
import { RehomeError } from "./errors.js";

export interface GroupOptions {
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** After this many ms the program and all that it started are killed. */
  readonly timeoutMs: number;
  /** Bytes kept of each output stream: the last ones. What is more is read and thrown away. */
  readonly keepBytes: number;
  readonly input?: string;
  /** Called with the process id, also that of its group, as soon as it runs. */
  readonly onStart?: (pid: number) => void;
}

export interface GroupResult {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** A background process may keep the output open after the program has ended: no longer than this is waited for it. */
const DRAIN_MS = 100;

/**
 * Runs a local program in a session and process group of its own, so that a timeout ends everything it started.
 * What it leaves in the background when it ends by itself is left alone, and not waited for.
 * @throws RehomeError command-failed when it cannot be started
 */
export function runInGroup(argv: readonly string[], options: GroupOptions): Promise<GroupResult> {
  const [file = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { detached: true, env: { ...options.env }, stdio: ["pipe", "pipe", "pipe"] });
    const stdout = lastBytes(options.keepBytes);
    const stderr = lastBytes(options.keepBytes);
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    child.stdout.on("data", stdout.add);
    child.stderr.on("data", stderr.add);
    child.stdin.on("error", () => undefined); // it need not read its input
    child.stdin.end(options.input ?? "");
    child.once("spawn", () => {
      if (child.pid !== undefined) options.onStart?.(child.pid);
    });
    child.once("error", (cause) => {
      clearTimeout(limit);
      reject(new RehomeError("command-failed", `${file} cannot be started: ${cause.message}`, { cause }));
    });
    child.once("exit", (code, signal) => {
      clearTimeout(limit);
      void drained(child).then(() => {
        resolve({
          exitCode: code ?? undefined,
          signal: signal ?? undefined,
          timedOut,
          stdout: stdout.text(),
          stderr: stderr.text(),
        });
      });
    });
  });
}

/** Kills a process group and everything in it. Nothing happens when it is gone. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

function drained(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve();
    }, DRAIN_MS);
    child.once("close", () => {
      clearTimeout(limit);
      resolve();
    });
  });
}

function lastBytes(count: number): { readonly add: (data: Buffer) => void; readonly text: () => string } {
  let kept: Buffer[] = [];
  let size = 0;
  return {
    add(data) {
      kept.push(data);
      size += data.length;
      while (size - (kept[0]?.length ?? 0) >= count) size -= kept.shift()?.length ?? 0;
    },
    text() {
      kept = [Buffer.concat(kept).subarray(-count)];
      return kept[0]?.toString("utf8") ?? "";
    },
  };
}
