import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../src/lib/host/local-host.js";

/** On a disk, because guests' volumes are opened with O_DIRECT, which an old kernel's tmpfs does not have. */
const WORK_PREFIX = "/var/tmp/rehome-demo-";
const UNSHARE = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"];
const POLL_MS = 500;
/** A folder younger than this may belong to a demo that is just starting. */
const YOUNG_MS = 60_000;

/**
 * Runs a program in a world of its own: namespaces whose process 1 is world.sh. When this process ends, however it
 * does, the pipe that is the program's standard input closes: then the program must end, and the world ends with it.
 * @param program argv of the program, made from the world's folder
 * @returns the exit code
 */
export async function runWorld(program: (work: string) => readonly string[]): Promise<number> {
  const work = await mkdtemp(WORK_PREFIX);
  const init = fileURLToPath(new URL("world.sh", import.meta.url));
  // A world that stays must not hold a pipe open whose reader waits for its end; a terminal does not wait.
  const output = process.stdout.isTTY ? "inherit" : "pipe";
  const child = spawn("unshare", [...UNSHARE, "sh", init, work, ...program(work)], {
    stdio: ["pipe", output, "inherit"],
    detached: true, // Ctrl-C is for this process, which ends the world in order
  });
  child.stdout?.pipe(process.stdout);
  const stopped = endOnSignals(child);
  try {
    const status = await Promise.race([exitOf(child), kept(work)]);
    if (typeof status === "number") return (await stopped.now()) ?? status;
    await explainKept(child, work);
    child.unref();
    child.stdin?.destroy();
    child.stdout?.destroy();
    return Number(status.status);
  } finally {
    stopped.forget();
    if (child.exitCode !== null || child.signalCode !== null) await rm(work, { recursive: true, force: true });
  }
}

/** Removes the folders of demos whose world was killed before it could do so itself. */
export async function removeLeftovers(): Promise<void> {
  const parent = dirname(WORK_PREFIX);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (!name.startsWith(basename(WORK_PREFIX)) || Date.now() - (await stat(path)).mtimeMs < YOUNG_MS) continue;
    const free = await localHost().run(["flock", "--nonblock", join(path, "lock"), "true"]);
    if (free.exitCode === 0) await rm(path, { recursive: true, force: true });
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]);
    });
  });
}

/** Waits until the world says that it stays: then nobody waits for its end. */
async function kept(work: string): Promise<{ readonly status: string }> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS).unref());
    const status = await readFile(join(work, "kept"), "utf8").catch(() => "");
    if (status.endsWith("\n")) return { status: status.trim() };
  }
}

/** Ends the world on Ctrl-C, and when a process that started the demo (npm, sudo) is gone without having said so. */
function endOnSignals(child: ChildProcess): { now(): Promise<number | undefined>; forget(): void } {
  let signalled: number | undefined;
  const end = (signal: NodeJS.Signals): void => {
    if (signalled !== undefined) child.kill("SIGKILL"); // the second Ctrl-C does not wait
    signalled = 128 + constants.signals[signal];
    child.stdin?.end();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  const starters = startedBy();
  const watch = setInterval(() => {
    if (signalled === undefined && !starters.every(isAlive)) end("SIGHUP");
  }, POLL_MS);
  return {
    now: () => Promise.resolve(signalled),
    forget: () => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, end);
    },
  };
}

/** The processes between us and npm, npm included; without npm only our parent. */
function startedBy(): readonly number[] {
  const found: number[] = [];
  for (let pid = process.ppid; pid > 1;) {
    found.push(pid);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (/^Name:\s+npm/m.test(status)) return found;
    pid = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return found.slice(0, 1);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function explainKept(child: ChildProcess, work: string): Promise<void> {
  const unshare = child.pid ?? 0;
  const init = (await readFile(`/proc/${unshare}/task/${unshare}/children`, "utf8")).trim();
  process.stdout.write(
    [
      "",
      "everything is still running:",
      `  enter it   nsenter --target ${init} --all --wd=${work} (as root)`,
      `  end it     kill ${init} (as root): processes, network, mounts and ${work} go with it`,
      "",
    ].join("\n"),
  );
}
