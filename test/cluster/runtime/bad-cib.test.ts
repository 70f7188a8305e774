import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runRuntime } from "../../../src/cluster/runtime/daemon.js";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { failCount } from "../../../src/cluster/runtime/failures.js";
import { cibText, NODE, testRuntime, type TestRuntime } from "./daemon-helper.js";

/** Files and disks that fail a runtime that works. */
describe("a runtime whose CIB goes bad", function () {
  this.timeout(120_000);
  let runtime: TestRuntime;
  afterEach(() => runtime.remove());

  const state = (): string => join(dirname(runtime.paths.cib), "web.state");
  const web = (): string => `<primitive id="web" class="ocf" provider="pacemaker" type="Dummy">
      <instance_attributes id="ia"><nvpair id="st" name="state" value="${state()}"/></instance_attributes>
      <operations><op id="mon" name="monitor" interval="1s" timeout="20s"/></operations></primitive>`;
  const problem = (pattern: RegExp): boolean =>
    runtime.events.some((event) => event.type === "problem" && pattern.test(event.message));
  const ran = (task: string): number =>
    runtime.events.filter((event) => event.type === "operation" && event.task === task && event.rc === 0).length;
  const started = async (): Promise<void> => {
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => ran("monitor") > 0);
    await runtime.until("idle", () => runtime.events.at(-1)?.type === "transition-end");
  };
  const prepare = async (): Promise<void> => {
    runtime = await testRuntime("");
    await writeFile(runtime.paths.cib, cibText(web()));
  };

  it("of a newer feature set says so and goes on with the one it has", async () => {
    await prepare();
    await started();
    const newer = cibText("").replace("3.16.1", "3.20.0");
    await writeFile(runtime.paths.cib, newer);
    await runtime.until("refused", () => problem(/not used: .*feature set 3\.20\.0, newer than 3\.16\.1/s));
    await rm(state());
    await runtime.until("keeps what it has", () => ran("start") === 2);
    assert.equal(await readFile(runtime.paths.cib, "utf8"), newer, "what is not understood is not overwritten");
    await writeFile(runtime.paths.cib, cibText(web()));
    await runtime.until("in order again", () => problem(/in order again/));
  });

  it("that somebody removes writes it again, and goes on", async () => {
    await prepare();
    await started();
    await rm(runtime.paths.cib);
    await runtime.until("said", () => problem(/somebody removed the CIB/));
    await runtime.until("in order again", () => problem(/in order again/));
    assert.match(await readFile(runtime.paths.cib, "utf8"), /<primitive id="web"/);
    assert.equal(ran("stop"), 0);
  });

  it("of a newer feature set does not begin", async () => {
    runtime = await testRuntime("");
    await writeFile(runtime.paths.cib, cibText("").replace("3.16.1", "3.20.0"));
    await assert.rejects(
      runRuntime({
        ...{ paths: runtime.paths, nodeName: NODE, schedule, log: () => undefined },
        ...{ signal: new AbortController().signal, stopResources: false },
      }),
      (error) => error instanceof RehomeError && error.code === "cib-unsupported" && error.message.includes("3.20.0"),
    );
  });

  it("on a full disk keeps its resources, and writes what happened when there is room again", async function () {
    await prepare();
    // A disk of its own for the state folder, full but for what is there already.
    const folder = dirname(runtime.paths.cib);
    const small = join(folder, "small");
    await mkdir(small);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small]).status !== 0) {
      console.log("      skipped: mounting a small tmpfs takes root");
      this.skip();
    }
    const outer = runtime;
    try {
      runtime = await testRuntime("", undefined, small);
      await writeFile(runtime.paths.cib, cibText(web().replace(state(), join(folder, "web.state"))));
      await started();
      spawnSync("dd", ["if=/dev/zero", `of=${small}/fill`, "bs=4k"]);
      const before = await readFile(runtime.paths.cib, "utf8");
      await rm(join(folder, "web.state"));
      await runtime.until("recovers all the same", () => ran("start") === 2);
      await runtime.until("said", () => problem(/the CIB is not written: .*ENOSPC/));
      assert.equal(await readFile(runtime.paths.cib, "utf8"), before, "the old one is whole");
      await rm(join(small, "fill"));
      await runtime.until("written", async () => failCount(await runtime.cib(), "1", "web") === 1);
      await runtime.stop();
    } finally {
      spawnSync("umount", ["-l", small]);
      runtime = outer;
    }
  });
});
