import assert from "node:assert/strict";
import { rm, writeFile, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { descendantsOf } from "../../../src/lib/xml.js";
import { failCount } from "../../../src/cluster/runtime/failures.js";
import { runRuntime } from "../../../src/cluster/runtime/daemon.js";
import { crmSimulate } from "../../helpers/crm-simulate.js";
import { cibText, NODE, testRuntime, type TestRuntime } from "./daemon-helper.js";

/** Real agents of Debian's resource-agents and pacemaker-resource-agents, and Debian's own tools to look at the CIB. */
describe("the runtime with real agents", () => {
  let runtime: TestRuntime;
  afterEach(async () => {
    await runtime.remove();
    for (const id of ["web", "mail", "db", "ping"])
      await rm(`${tmpdir()}/rehome-test-${process.pid}-${id}`, { force: true });
  });

  const dummy = (id: string, monitor = "1s"): string =>
    `<primitive id="${id}" class="ocf" provider="pacemaker" type="Dummy">
      <instance_attributes id="${id}-ia"><nvpair id="${id}-st" name="state" value="${tmpdir()}/rehome-test-${process.pid}-${id}"/></instance_attributes>
      <meta_attributes id="${id}-ma"><nvpair id="${id}-mt" name="migration-threshold" value="3"/></meta_attributes>
      <operations><op id="${id}-mon" name="monitor" interval="${monitor}" timeout="20s"/></operations>
    </primitive>`;

  const ran = (resource: string, task: string, rc = 0): boolean =>
    runtime.events.some(
      (event) => event.type === "operation" && event.resource === resource && event.task === task && event.rc === rc,
    );
  const idle = (): boolean => runtime.events.at(-1)?.type === "transition-end";
  const monitored = (resource: string): boolean =>
    runtime.events.some(
      (event) => event.type === "operation" && event.resource === resource && event.intervalMs > 0 && event.rc === 0,
    );

  it("starts what is configured, and Debian's tools read what it recorded", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start();
    await runtime.until("monitored", () => monitored("web"));
    const run = async (...argv: string[]) =>
      localHost().run(argv, { env: { CIB_file: runtime.paths.cib, CIB_shadow: "" } });
    const mon = await run("crm_mon", "-1");
    assert.match(mon.stdout, /web\s+\(ocf:pacemaker:Dummy\):\s+Started node1/);
    assert.match(mon.stdout, /Online: \[ node1 \]/);
    const verify = await run("crm_verify", "-V", "-x", runtime.paths.cib);
    assert.equal(verify.exitCode, 0, verify.stderr);
    const simulate = await run("crm_simulate", "-x", runtime.paths.cib, "-S", "-Q", "-G", "/dev/null");
    assert.equal(simulate.exitCode, 0);
    assert.equal(crmSimulate(await runtime.cib(), Date.now()).actions.length, 0, "Pacemaker would change nothing");
  });

  it("notices a failure, counts it and recovers", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start();
    await runtime.until("monitored", () => monitored("web"));
    await rm(`${tmpdir()}/rehome-test-${process.pid}-web`);
    await runtime.until(
      "stopped and started again",
      () =>
        ran("web", "stop") &&
        runtime.events.filter((event) => event.type === "operation" && event.task === "start").length === 2,
    );
    await runtime.until("idle", idle);
    assert.equal(failCount(await runtime.cib(), "1", "web"), 1);
    const mon = await localHost().run(["crm_mon", "-1f"], { env: { CIB_file: runtime.paths.cib } });
    assert.match(mon.stdout, /web 1000ms-interval monitor on node1 returned 'not running'/);
    assert.match(mon.stdout, /fail-count=1/);
  });

  it("keeps resources when it ends, and finds them again", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start();
    await runtime.until("monitored", () => monitored("web"));
    await runtime.stop();
    assert.equal(ran("web", "stop"), false);
    runtime.events.length = 0;
    runtime.start();
    await runtime.until("monitored", () => monitored("web"));
    assert.equal(ran("web", "monitor", 0), true);
    assert.equal(ran("web", "start"), false, "it ran already");
  });

  it("stops resources when it ends and was asked to", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => monitored("web"));
    await runtime.stop();
    assert.equal(ran("web", "stop"), true);
  });

  it("passes agents' calls of Pacemaker's tools on to itself", async () => {
    runtime = await testRuntime(
      `<clone id="db-clone"><meta_attributes id="db-m"><nvpair id="db-p" name="promotable" value="true"/></meta_attributes>
        <primitive id="db" class="ocf" provider="pacemaker" type="Stateful">
          <instance_attributes id="db-ia"><nvpair id="db-st" name="state" value="${tmpdir()}/rehome-test-${process.pid}-db"/></instance_attributes>
          <operations><op id="db-mon" name="monitor" interval="10s" role="Promoted"/></operations>
        </primitive></clone>
       <primitive id="ping" class="ocf" provider="pacemaker" type="ping">
          <instance_attributes id="ping-ia"><nvpair id="ping-h" name="host_list" value="127.0.0.1"/>
            <nvpair id="ping-m" name="multiplier" value="1000"/><nvpair id="ping-d" name="dampen" value="1s"/>
            <nvpair id="ping-pf" name="pidfile" value="${tmpdir()}/rehome-test-${process.pid}-ping"/></instance_attributes>
          <operations><op id="ping-mon" name="monitor" interval="1s" timeout="20s"/></operations>
        </primitive>`,
    );
    runtime.start({ stopResources: true });
    await runtime.until("promoted", () => ran("db", "promote"));
    const set = (name: string, value: string): boolean =>
      runtime.events.some((event) => event.type === "attribute" && event.name === name && event.value === value);
    await runtime.until("promotion score", () => set("master-db", "10"));
    await runtime.until("ping's score", () => set("pingd", "1000"));
  });

  it("uses a changed CIB, and goes on with the last one when the new one is broken", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => monitored("web"));
    await runtime.until("idle", idle);
    const good = await readFile(runtime.paths.cib, "utf8");
    await writeFile(runtime.paths.cib, good.slice(0, 400));
    await runtime.until("refused", () =>
      runtime.events.some(
        (event) =>
          event.type === "problem" &&
          event.message.includes("the changed CIB is not used") &&
          /cib\.xml:\d+/.test(event.message),
      ),
    );
    await rm(`${tmpdir()}/rehome-test-${process.pid}-web`);
    await runtime.until("recovers meanwhile", () => ran("web", "stop"));
    await writeFile(runtime.paths.cib, cibText(dummy("web") + dummy("mail")));
    await runtime.until("new resource", () => monitored("mail"));
    assert.equal(failCount(await runtime.cib(), "1", "web"), 1, "what happened meanwhile is not forgotten");
  });

  it("writes a CIB that was deleted again", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => monitored("web"));
    await rm(runtime.paths.cib);
    await rm(`${tmpdir()}/rehome-test-${process.pid}-web`);
    await runtime.until("recovers", () => ran("web", "stop"));
    await runtime.until("idle", idle);
    assert.equal(failCount(await runtime.cib(), "1", "web"), 1);
  });

  it("does not run twice on one CIB", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => monitored("web"));
    await assert.rejects(
      runRuntime({
        paths: runtime.paths,
        nodeName: NODE,
        schedule: crmSimulate,
        signal: new AbortController().signal,
        stopResources: false,
        log: () => undefined,
      }),
      (error) =>
        error instanceof RehomeError && error.code === "locked" && error.message.includes("rehome runtime of node1"),
    );
  });

  it("says when the machine is not in the CIB", async () => {
    runtime = await testRuntime(dummy("web"));
    await assert.rejects(
      runRuntime({
        paths: runtime.paths,
        nodeName: "elsewhere",
        schedule: crmSimulate,
        signal: new AbortController().signal,
        stopResources: false,
        log: () => undefined,
      }),
      (error) => error instanceof RehomeError && error.code === "node-unknown" && error.message.includes("elsewhere"),
    );
  });

  it("records history that is complete", async () => {
    runtime = await testRuntime(dummy("web"));
    runtime.start({ stopResources: true });
    await runtime.until("monitored", () => monitored("web"));
    await runtime.until("idle", idle);
    const entries = descendantsOf(await runtime.cib(), "lrm_rsc_op");
    assert.deepEqual(entries.map((entry) => entry.attributes["id"]).sort(), ["web_last_0", "web_monitor_1000"]);
    const start = entries.find((entry) => entry.attributes["operation"] === "start")!;
    for (const name of [
      "transition-key",
      "transition-magic",
      "call-id",
      "op-digest",
      "last-rc-change",
      "exec-time",
      "queue-time",
    ]) {
      assert.ok(start.attributes[name], name);
    }
  });
});
