import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RehomeError } from "../../src/lib/errors.js";
import { acquireLock } from "../../src/lib/lock.js";

/** Another process that holds the lock, in a process group of its own as a command on a terminal is. */
async function holder(path: string): Promise<ChildProcess> {
  const script = `
    import { acquireLock } from "./src/lib/lock.ts";
    process.on("SIGINT", () => {});
    await acquireLock(process.argv[1], "stage web1");
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "-e", script, path], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  await once(child.stdout, "data");
  return child;
}

function isLocked(by: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof RehomeError && error.code === "locked" && by.test(error.message) && error.remedy !== undefined;
}

describe("a lock", () => {
  let folder: string;
  let path: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-lock-"));
    path = join(folder, "deep", "web1's lock");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is held by one at a time, and names the holder", async () => {
    const lock = await acquireLock(path, "cutover web1");
    await assert.rejects(
      acquireLock(path, "stage web1"),
      isLocked(new RegExp(`cutover web1 \\(process ${process.pid}\\)`)),
    );
    await lock.release();
    await (await acquireLock(path, "stage web1")).release();
  });

  it("is waited for as long as the caller says", async () => {
    const lock = await acquireLock(path, "register web1");
    const next = acquireLock(path, "register db1", 20_000);
    await sleep(3000); // longer than is waited for without being told
    await lock.release();
    await (await next).release();
  });

  it("is free at once when its holder is killed", async () => {
    const other = await holder(path);
    await assert.rejects(acquireLock(path, "mine"), isLocked(new RegExp(`stage web1 \\(process ${other.pid ?? 0}\\)`)));
    other.kill("SIGKILL");
    await (await acquireLock(path, "mine")).release();
  });

  it("is not lost by Ctrl-C, while its holder still cleans up", async () => {
    const other = await holder(path);
    process.kill(-(other.pid ?? 0), "SIGINT");
    await sleep(300);
    await assert.rejects(acquireLock(path, "mine"), isLocked(/stage web1/));
    other.kill("SIGKILL");
    await once(other, "exit");
  });

  it("goes to exactly one of many", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) => acquireLock(path, `try ${index}`)),
    );
    const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    assert.equal(locks.length, 1);
    for (const lock of locks) await lock.release();
  });

  it("says where it cannot be", async () => {
    for (const [bad, where] of [
      ["/dev/null/lock", "/dev/null"],
      ["/proc/nope/deep/lock", "/proc/nope/deep"],
      [folder, folder],
    ] as const) {
      await assert.rejects(
        acquireLock(bad, "mine"),
        (error) => error instanceof RehomeError && error.code === "file-unwritable" && error.where.path === where,
      );
    }
  });
});
