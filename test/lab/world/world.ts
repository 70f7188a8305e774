import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, readlinkSync } from "node:fs";
import { access, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { delay } from "../../../src/lib/delay.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { OUTSIDE_NETWORK } from "../../helpers/debian.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const INIT = fileURLToPath(new URL("world.sh", import.meta.url));
const UNSHARE = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"];
const START_MS = 30_000;
const POLL_MS = 100;

/**
 * Where a lab's machines, networks and BMCs live: namespaces of their own, whose process 1 is world.sh. They end with
 * it, and nothing of them can stay: no process, tap or bridge of theirs is outside.
 */
export interface World {
  /** The id of its process 1, as the machine that the lab runs on sees it. */
  readonly init: number;
  /** Of its machines' disks, sockets and logs. */
  readonly folder: string;
}

/** A checkout of the repository has one lab; its folder is on a disk, for the machines' disks. */
export function worldFolder(): string {
  return `/var/tmp/rehome-lab-${createHash("sha256").update(ROOT).digest("hex").slice(0, 8)}`;
}

/**
 * The world of this checkout, if there is a whole one. It is looked for among the processes, whatever became of who
 * started it.
 */
export async function findWorld(folder = worldFolder()): Promise<World | undefined> {
  const [init] = await processesOf(folder, "init");
  if (init === undefined || !(await exists(join(folder, "ready")))) return undefined;
  return { init, folder };
}

/** The world of this checkout, made if there is none. Needs root. */
export async function startWorld(folder = worldFolder()): Promise<World> {
  const found = await findWorld(folder);
  if (found !== undefined) return found;
  await endWorld(folder);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const log = openSync(join(folder, "world.log"), "a");
  const child = spawn("unshare", [...UNSHARE, "sh", INIT, folder], { detached: true, stdio: ["ignore", log, log] });
  child.unref();
  const until = Date.now() + START_MS;
  while (child.exitCode === null && Date.now() < until) {
    const world = await findWorld(folder);
    if (world !== undefined) return world;
    await delay(POLL_MS);
  }
  throw new RehomeError("command-failed", "the lab's namespaces could not be made", {
    path: folder,
    output: await readFile(join(folder, "world.log"), "utf8"),
    remedy: "run it as root, where namespaces are allowed",
  });
}

/** Ends all that belongs to the world, and its folder; also what a start that was killed has left. */
export async function endWorld(folder = worldFolder()): Promise<void> {
  for (;;) {
    const found = await processesOf(folder, "any");
    if (found.length === 0) break;
    // process 1 first: it is gone only when everything inside has ended, which nobody else waits for
    const inits = await processesOf(folder, "init");
    for (const pid of inits.length > 0 ? inits : found) await end(pid);
  }
  await rm(folder, { recursive: true, force: true });
}

/** A Host whose programs run inside the world, as root. Files are this machine's. */
export function worldHost(world: World): Host {
  return hostInside(localHost(), "lab", () => Promise.resolve(world.init));
}

/** A Host whose programs run on another one, in the namespaces of a process there. Files are the other one's. */
export function hostInside(outer: Host, name: string, pid: () => Promise<number>): Host {
  const inside = async (argv: readonly string[]): Promise<readonly string[]> => {
    return ["nsenter", "--target", `${await pid()}`, "--mount", "--net", "--pid", "--ipc", "--uts", "--", ...argv];
  };
  return {
    ...outer,
    name,
    run: async (argv, options) => outer.run(await inside(argv), options),
    start: async (argv, options) => outer.start(await inside(argv), options),
  };
}

/** Whether this process is in the world's network, so that it reaches the machines. */
export function isInside(world: World): boolean {
  return readlinkSync("/proc/self/ns/net") === readlinkSync(`/proc/${world.init}/ns/net`);
}

/** Runs a program in the world's network, but otherwise on this machine, on this terminal. @returns its exit code */
export async function runInNetwork(world: World, argv: readonly string[]): Promise<number> {
  const child = spawn("nsenter", [`--net=/proc/${world.init}/ns/net`, "--", ...argv], {
    stdio: "inherit",
    env: { ...process.env, [OUTSIDE_NETWORK]: `/proc/${process.pid}/ns/net` },
  });
  process.on("SIGINT", () => undefined); // Ctrl-C reaches the program too: its end is waited for
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 130));
  });
}

/** Process ids with `world.sh FOLDER` on their command line: process 1 of the world, or also who waits for it outside. */
async function processesOf(folder: string, which: "init" | "any"): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const argv = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0").slice(0, -1);
    if (argv.at(-2) !== INIT || argv.at(-1) !== folder) continue;
    const status = await readFile(`/proc/${name}/status`, "utf8").catch(() => "");
    if (which === "any" || /^NSpid:\s+\d+\s+1$/m.test(status)) found.push(Number(name));
  }
  return found;
}

async function end(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
  while (/^State:\s+[^Z]/m.test(await readFile(`/proc/${pid}/status`, "utf8").catch(() => ""))) await delay(POLL_MS);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
