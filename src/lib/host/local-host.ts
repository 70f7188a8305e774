import { constants } from "node:os";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { execa, type Options } from "execa";
import { RehomeError } from "../errors.js";
import type { Host, HostProcess, RunOptions, RunResult } from "./types.js";

/** The machine that rehome runs on. */
export function localHost(name = "localhost"): Host {
  return {
    name,
    run: (argv, options) => run(name, argv, options),
    start: (argv, options) => start(name, argv, options),
    readFile: (path) => read(name, path),
    writeFile: (path, data, mode) => replaceFile(name, path, data, mode),
    close: () => Promise.resolve(),
  };
}

function execaOptions(options: RunOptions | undefined): Options {
  return {
    reject: false,
    ...(options?.env && { env: { ...options.env } }),
    ...(options?.signal && { cancelSignal: options.signal }),
  };
}

async function run(machine: string, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
  const [file, args] = split(argv);
  const result = await execa(file, args, {
    ...execaOptions(options),
    ...(options?.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options?.timeoutMs !== undefined && { timeout: options.timeoutMs }),
    encoding: "utf8",
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.timedOut) {
    throw new RehomeError("command-timeout", `${file} did not end within ${options?.timeoutMs ?? 0} ms`, { machine });
  }
  if (result.isCanceled) throw new RehomeError("cancelled", `${file} was stopped`, { machine });
  return {
    argv,
    exitCode: exitCodeOf(machine, file, result),
    stdout: typeof result.stdout === "string" ? result.stdout : "",
    stderr: typeof result.stderr === "string" ? result.stderr : "",
  };
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  readonly code?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function exitCodeOf(machine: string, file: string, ended: Ended): number {
  if (ended.exitCode !== undefined) return ended.exitCode;
  if (ended.signal !== undefined) return 128 + constants.signals[ended.signal];
  if (ended.code === "ENOENT") return 127;
  if (ended.code === "EACCES") return 126;
  throw new RehomeError("command-failed", `${file} could not be started: ${ended.shortMessage ?? "unknown reason"}`, {
    machine,
  });
}

async function start(
  machine: string,
  argv: readonly string[],
  options?: Omit<RunOptions, "input" | "timeoutMs">,
): Promise<HostProcess> {
  const [file, args] = split(argv);
  const child = execa(file, args, {
    ...execaOptions(options),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    encoding: "buffer",
  });
  const exited = (async () => {
    const result = await child;
    if (result.isCanceled) throw new RehomeError("cancelled", `${file} was stopped`, { machine });
    return exitCodeOf(machine, file, result);
  })();
  exited.catch(() => undefined); // the caller awaits it when it wants to; until then it is no unhandled rejection
  await Promise.resolve();
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    kill: () => void child.kill("SIGKILL"),
  };
}

function split(argv: readonly string[]): [string, string[]] {
  const [file, ...args] = argv;
  if (file === undefined) throw new RehomeError("internal", "an empty command was to be run");
  return [file, args];
}

async function read(machine: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new RehomeError("file-unreadable", `cannot read: ${messageOf(cause)}`, { machine, path, cause });
  }
}

async function replaceFile(machine: string, path: string, data: string | Buffer, mode = 0o644): Promise<void> {
  const temporary = `${path}.rehome-${process.pid}.tmp`;
  try {
    const file = await open(temporary, "w", mode);
    try {
      await file.writeFile(data);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const folder = await open(dirname(path), "r");
    try {
      await folder.sync(); // the rename itself must survive a power cut
    } finally {
      await folder.close();
    }
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new RehomeError("file-unwritable", `cannot write: ${messageOf(cause)}`, { machine, path, cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
