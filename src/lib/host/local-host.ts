import { randomUUID } from "node:crypto";
import { constants } from "node:os";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { execa } from "execa";
import { RehomeError } from "../errors.js";
import { collect } from "./collect.js";
import { killCommand } from "./kill.js";
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

async function run(machine: string, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return collect(await start(machine, argv, options), machine, argv, options);
}

async function start(
  machine: string,
  argv: readonly string[],
  options: Omit<RunOptions, "input" | "timeoutMs"> = {},
): Promise<HostProcess> {
  const [file, args] = split(argv);
  const { signal } = options;
  const cancelled = (): RehomeError => new RehomeError("cancelled", `${file} was stopped`, { machine });
  if (signal?.aborted === true) throw cancelled();
  const mark = randomUUID();
  const child = execa(file, args, {
    reject: false,
    env: { ...options.env, REHOME_RUN: mark },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    encoding: "buffer",
  });
  child.stdin.on("error", () => undefined); // a program that ends before it has read everything; `exited` tells
  let children: Promise<unknown> | undefined;
  function kill(): void {
    if (children !== undefined) return;
    child.kill("SIGKILL");
    const [killer, killerArgs] = split(killCommand(mark, { started: true }));
    children = execa(killer, killerArgs, { reject: false, stdio: "ignore" });
    for (const stream of [child.stdout, child.stderr]) stream.destroy(); // a child of it may hold them open
  }
  signal?.addEventListener("abort", kill, { once: true });
  const exited = (async () => {
    const result = await child;
    signal?.removeEventListener("abort", kill);
    await children;
    if (signal?.aborted === true && children !== undefined) throw cancelled();
    return exitCodeOf(machine, file, result);
  })();
  exited.catch(() => undefined); // the caller awaits it when it wants to; until then it is no unhandled rejection
  await Promise.resolve();
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited, kill };
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
  const temporary = `${path}.rehome-${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx", mode); // never through a link that somebody else has laid
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
