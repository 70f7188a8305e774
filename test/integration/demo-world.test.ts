import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("../helpers/world-child.ts", import.meta.url));
const LIMIT_MS = 20_000;

describe("the demo's world", function () {
  before(function () {
    if (process.getuid?.() === 0) return;
    console.log("    skipped: namespaces need root");
    this.skip();
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it(`is gone with all that was in it after ${signal}`, async () => {
      const { child, work } = await startWorld();
      const inside = processesOf(work);
      assert.ok(inside.length >= 3, `process 1, its shell and the sleeper run: ${inside.join(" ")}`);
      child.kill(signal);
      await until(() => inside.every((pid) => !existsSync(`/proc/${pid}`)));
      await until(() => !existsSync(work));
    });
  }

  it("ends with the exit code of its program, and shows the machine nothing of its network", async () => {
    const { child, work } = await startWorld();
    assert.ok(!readdirSync("/sys/class/net").includes("demo0"));
    const [shell] = processesOf(work).filter((pid) => commandLine(pid).startsWith("sh -c"));
    process.kill(Number(shell), "SIGKILL");
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 137);
    assert.ok(!existsSync(work));
  });
});

async function startWorld(): Promise<{ readonly child: ChildProcess; readonly work: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const work = line.toString().trim();
  assert.ok(work.startsWith("/var/tmp/rehome-demo-"), work);
  return { child, work };
}

/** Processes that name the world's folder, and their children. */
function processesOf(work: string): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const named = pids.filter((pid) => commandLine(pid).includes(work));
  return [...named, ...pids.filter((pid) => named.includes(parentOf(pid)) && !named.includes(pid))];
}

function commandLine(pid: string): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
}

function parentOf(pid: string): string {
  return /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "";
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it ended meanwhile
  }
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!holds()) {
    assert.ok(Date.now() < end, "not in time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
