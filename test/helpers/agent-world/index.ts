import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";

/** A runtime in namespaces of its own, where agents may do to network and mounts what they please. */
export interface AgentWorld {
  readonly folder: string;
  /** What the runtime said so far. */
  log(): string;
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Runs a command in the world. @returns its standard output */
  inside(...argv: string[]): Promise<string>;
  /** What the tools that stand in for others were called with, in order. */
  calls(): Promise<readonly string[]>;
  /** Stops resources and runtime. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

const TOOLS = ["drbdadm", "drbdsetup", "vgs", "lvs", "vgchange", "lvchange", "pvscan", "dmsetup", "lvm", "lvmconfig"];

/** @param cib made from the world's folder */
export async function agentWorld(node: string, cib: (folder: string) => string): Promise<AgentWorld> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-world-"));
  const program = async (name: string, ...to: string[]): Promise<string> => {
    const path = join(folder, ...to);
    const text = await readFile(join(import.meta.dirname, name), "utf8");
    await writeFile(path, text.replaceAll("@FOLDER@", folder));
    await chmod(path, 0o755);
    return path;
  };
  for (const name of ["tools", "init.d", "state"]) await mkdir(join(folder, name));
  await program("tool.sh", "tools", "tool");
  for (const name of TOOLS) await symlink("tool", join(folder, "tools", name));
  await program("init-script.sh", "init.d", "ledgerd");
  await writeFile(join(folder, "state", "cib.xml"), cib(folder));
  const prelude = await program("prelude.sh", "prelude.sh");
  const child = join(import.meta.dirname, "..", "runtime-child.ts");
  let log = "";
  const runtime: ChildProcess = spawn(
    "unshare",
    [
      "--net",
      "--mount",
      "sh",
      prelude,
      folder,
      process.execPath,
      "--import",
      "tsx",
      child,
      join(folder, "state"),
      node,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = once(runtime, "exit");
  runtime.stdout!.on("data", (data: Buffer) => (log += data.toString()));
  runtime.stderr!.on("data", (data: Buffer) => (log += data.toString()));
  const world: AgentWorld = {
    folder,
    log: () => log,
    async until(what, holds) {
      const limit = performance.now() + 60_000;
      while (!(await holds())) {
        if (performance.now() > limit || runtime.exitCode !== null) throw new Error(`${what} is not so\n${log}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async inside(...argv) {
      const result = await localHost().run(["nsenter", "-t", `${runtime.pid}`, "-n", "-m", ...argv]);
      return result.stdout;
    },
    calls: async () => (await readFile(join(folder, "calls"), "utf8")).trimEnd().split("\n"),
    async stop() {
      if (runtime.exitCode !== null || runtime.signalCode !== null) return;
      runtime.kill("SIGTERM");
      const limit = setTimeout(() => runtime.kill("SIGKILL"), 60_000);
      const [code] = (await ended) as [number | null];
      clearTimeout(limit);
      if (code !== 0) throw new Error(`the runtime did not end in order\n${log}`);
    },
    async remove() {
      await world.stop();
      await rm(folder, { recursive: true });
    },
  };
  return world;
}
