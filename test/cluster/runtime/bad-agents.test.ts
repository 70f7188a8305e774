import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OP_STATUS } from "../../../src/cluster/cib/record.js";
import { localExecutor } from "../../../src/cluster/runtime/agents/local-executor.js";
import { underWay } from "../../../src/cluster/runtime/agents/under-way.js";
import type { Executor, Operation } from "../../../src/cluster/runtime/types.js";

/** Agents that misbehave, as real programs. */
describe("agents that misbehave", () => {
  let folder: string;
  let executor: Executor;
  const problems: string[] = [];

  const agents: Readonly<Record<string, string>> = {
    hangs: `sleep 300 & echo $! > "$OCF_RESKEY_pidfile"; trap "" TERM; sleep 300`,
    floods: `yes ocf-exit-reason:flood | head -c 50000000; yes | head -c 50000000 >&2; echo "ocf-exit-reason:the last word" >&2; exit 1`,
    odd: "exit 42",
    dies: "kill -SEGV $$",
    background: `sleep 20 & echo $! > "$OCF_RESKEY_pidfile"; exit 0`,
    speaks: `printf 'ocf-exit-reason:first\\nocf-exit-reason:a \\033[31mred\\033[0m "<reason>"\\n' >&2; exit 1`,
    tells: `env | sort > "$OCF_RESKEY_pidfile"; exit 7`,
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-agents-"));
    await mkdir(join(folder, "test"));
    for (const [name, body] of Object.entries(agents)) {
      const path = join(folder, "test", name);
      await writeFile(path, `#!/bin/sh\n${body}\n`);
      await chmod(path, 0o755);
    }
    await writeFile(join(folder, "test", "notexecutable"), "#!/bin/sh\n");
    executor = localExecutor(
      { agentFolders: [folder], fenceFolder: folder, shims: "/nonexistent/shims", socket: "/nonexistent/socket" },
      underWay(join(folder, "under-way"), (message) => problems.push(message)),
      (message) => problems.push(message),
    );
  });
  after(() => rm(folder, { recursive: true }));

  const pidFile = () => join(folder, "pid");
  const operation = (type: string, changes: Partial<Operation> = {}): Operation => ({
    node: { id: "1", name: "node1" },
    resource: { id: "r", longId: "r:0", agent: { class: "ocf", provider: "test", type } },
    task: "monitor",
    intervalMs: 0,
    timeoutMs: 15_000,
    startDelayMs: 0,
    targetRc: 0,
    params: { pidfile: pidFile() },
    meta: {},
    transitionKey: "1:1:0:x",
    ...changes,
  });
  /** A zombie is dead too: who reaps it is not our matter. */
  const isAlive = (pid: number): boolean => {
    try {
      return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  };

  it("that hang are killed at their timeout, with all that they started", async () => {
    const begun = Date.now();
    const outcome = await executor.run(operation("hangs", { timeoutMs: 500 }));
    assert.ok(Date.now() - begun < 10_000);
    assert.equal(outcome.status, OP_STATUS.timeout);
    assert.match(outcome.exitReason, /0\.5 s/);
    const child = Number(await readFile(pidFile(), "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(isAlive(child), false, "the background process is gone too");
  });

  it("that flood their output take no memory, and their last words count", async () => {
    const before = process.memoryUsage().rss;
    const outcome = await executor.run(operation("floods"));
    assert.ok(process.memoryUsage().rss - before < 80 * 1024 * 1024);
    assert.deepEqual([outcome.rc, outcome.status, outcome.exitReason], [1, OP_STATUS.done, "the last word"]);
    assert.ok(outcome.output.length < 200 * 1024);
  });

  it("that give a return code OCF does not have are passed on as they are", async () => {
    assert.deepEqual(await executor.run(operation("odd")), {
      rc: 42,
      status: OP_STATUS.done,
      exitReason: "",
      output: "",
    });
  });

  it("that crash are errors that say so", async () => {
    const outcome = await executor.run(operation("dies"));
    assert.deepEqual([outcome.rc, outcome.status, outcome.exitReason], [1, OP_STATUS.error, "was ended by SIGSEGV"]);
  });

  it("that leave a process behind are not waited for, and it is left alone", async () => {
    const begun = Date.now();
    const outcome = await executor.run(operation("background"));
    assert.equal(outcome.rc, 0);
    assert.ok(Date.now() - begun < 10_000);
    const child = Number(await readFile(pidFile(), "utf8"));
    assert.equal(isAlive(child), true);
    process.kill(child);
  });

  it("that print control characters do not reach the terminal or the CIB with them", async () => {
    const { exitReason } = await executor.run(operation("speaks"));
    assert.equal(exitReason, 'a ?[31mred?[0m "<reason>"');
  });

  for (const [what, type] of Object.entries({
    "do not exist": "missing",
    "cannot be executed": "notexecutable",
    "lead out of the folder": "../../bin/true",
  })) {
    it(`that ${what} are not installed`, async () => {
      const outcome = await executor.run(operation(type));
      assert.deepEqual([outcome.rc, outcome.status], [5, OP_STATUS.notInstalled]);
      assert.notEqual(outcome.exitReason, "");
    });
  }

  it("of a class that is not known are refused in words", async () => {
    const unknown = operation("x");
    const outcome = await executor.run({
      ...unknown,
      resource: { ...unknown.resource, agent: { class: "upstart", type: "x" } },
    });
    assert.equal(outcome.status, OP_STATUS.notSupported);
    assert.match(outcome.exitReason, /upstart/);
  });

  it("get the environment that Pacemaker gives, and nothing of ours", async () => {
    process.env["OCF_RESKEY_stray"] = "1";
    await executor.run(
      operation("tells", {
        task: "start",
        meta: { on_fail: "restart", clone: "0" },
        params: { pidfile: pidFile(), OCF_CHECK_LEVEL: "10" },
      }),
    );
    delete process.env["OCF_RESKEY_stray"];
    const lines = (await readFile(pidFile(), "utf8")).split("\n");
    for (const line of [
      "OCF_ROOT=/usr/lib/ocf",
      "OCF_RA_VERSION_MAJOR=1",
      "OCF_RA_VERSION_MINOR=1",
      "OCF_RESOURCE_INSTANCE=r",
      "OCF_RESOURCE_PROVIDER=test",
      "OCF_RESOURCE_TYPE=tells",
      "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
      "OCF_RESKEY_CRM_meta_timeout=15000",
      "OCF_RESKEY_CRM_meta_on_node=node1",
      "OCF_RESKEY_CRM_meta_on_node_uuid=1",
      "OCF_RESKEY_CRM_meta_name=start",
      "OCF_RESKEY_CRM_meta_clone=0",
      "OCF_RESKEY_crm_feature_set=3.16.1",
      "OCF_CHECK_LEVEL=10",
      "HA_SBIN_DIR=/nonexistent/shims",
      "LC_ALL=C",
    ]) {
      assert.ok(lines.includes(line), `${line} in\n${lines.join("\n")}`);
    }
    assert.equal(
      lines.some((line) => line.includes("stray") || line.startsWith("NODE_")),
      false,
    );
    assert.ok(lines.some((line) => line.startsWith("PATH=/nonexistent/shims:")));
    assert.deepEqual(problems, []);
  });
});

function unexpected(message: string): void {
  throw new Error(message);
}

describe("agents that an earlier runtime left under way", () => {
  it("are ended before anything is probed, and nothing else is", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rehome-left-"));
    try {
      const child = spawn("sleep", ["300"], { detached: true, stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
      underWay(folder, unexpected).began(child.pid!);
      // A process id that is another process by now.
      await writeFile(join(folder, `${process.pid}`), "another-boot 12345");
      assert.deepEqual(underWay(folder, unexpected).endLeftOvers(), [child.pid]);
      assert.equal(await ended, "SIGKILL");
      assert.deepEqual(underWay(folder, unexpected).endLeftOvers(), []);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
