import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { cibText, testRuntime, type TestRuntime } from "./daemon-helper.js";

const REHOME = join(import.meta.dirname, "../../../bin/dev.js");
const AGENT = `#!/bin/sh
case $1 in
start) touch "$OCF_RESKEY_state" ;;
monitor) [ -e "$OCF_RESKEY_state" ] || exit 7 ;;
stop) STOP ;;
esac
`;

describe("a runtime that decides with the whole scheduler", function () {
  this.timeout(60_000);
  let folder: string;
  let runtime: TestRuntime | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-decides-"));
  });
  afterEach(async () => {
    await runtime?.remove();
    runtime = undefined;
    await rm(folder, { recursive: true });
  });

  const state = (id: string): string => join(folder, `${id}.state`);
  const primitive = (id: string, agent: string, operations = ""): string => {
    const [provider = "", type = ""] = agent.split(":");
    return `<primitive id="${id}" class="ocf" provider="${provider}" type="${type}">
      <instance_attributes id="${id}-ia"><nvpair id="${id}-st" name="state" value="${state(id)}"/></instance_attributes>
      <operations>${operations}<op id="${id}-mon" name="monitor" interval="5s" timeout="20s"/></operations></primitive>`;
  };
  const begun = (resource: string, task: string): number =>
    runtime!.events.findIndex(
      (event) => event.type === "operation" && event.resource === resource && event.task === task && !event.failed,
    );

  it("keeps a promotable clone, and a group that follows its promoted instance", async () => {
    runtime = await testRuntime("");
    const clone = `<clone id="db-clone"><meta_attributes id="cm"><nvpair id="cm1" name="promotable" value="true"/>
        <nvpair id="cm2" name="notify" value="true"/></meta_attributes>${primitive("db", "pacemaker:Stateful")}</clone>`;
    const group = `<group id="stack">${primitive("files", "pacemaker:Dummy")}${primitive("guest", "pacemaker:Dummy")}</group>`;
    const constraints = `<constraints>
      <rsc_colocation id="with" rsc="stack" with-rsc="db-clone" with-rsc-role="Promoted" score="INFINITY"/>
      <rsc_order id="after" first="db-clone" first-action="promote" then="stack" then-action="start"/></constraints>`;
    await writeFile(runtime.paths.cib, cibText(clone + group).replace("<constraints/>", constraints));
    runtime.start({ stopResources: true });
    await runtime.until("the guest runs", () => begun("guest", "start") >= 0 && existsSync(state("guest")));
    assert.ok(begun("db", "promote") < begun("files", "start") && begun("files", "start") < begun("guest", "start"));

    const argv = ["cluster", "move", "stack", "node1", "--force", "--state", join(runtime.paths.cib, "..")];
    const moved = await localHost().run([process.execPath, REHOME, ...argv], { env: { NODE_ENV: "production" } });
    assert.equal(moved.exitCode, 0, moved.stderr);
    assert.match(moved.stdout, /stack is asked to run on node1/);

    await runtime.stop();
    assert.equal(existsSync(state("guest")), false);
    assert.ok(begun("guest", "stop") < begun("files", "stop") && begun("files", "stop") < begun("db", "demote"));
    assert.ok(begun("db", "demote") < begun("db", "stop"));
  });

  it("does nothing, and says why, where a configuration is not understood", async () => {
    runtime = await testRuntime(`${primitive("web", "pacemaker:Dummy")}<bundle id="box"><docker image="x"/></bundle>`);
    runtime.start();
    const said = "nothing is done: the CIB uses bundles";
    await runtime.until("said", () =>
      runtime!.events.some((event) => event.type === "problem" && event.message.includes(said)),
    );
    assert.equal(begun("web", "monitor"), -1);
  });

  for (const [how, stop, timeout] of [
    ["fails", "exit 1", "20s"],
    ["hangs", "sleep 300", "1s"],
  ] as const) {
    it(`ends with an error that names a resource whose stop ${how}`, async () => {
      await mkdir(join(folder, "test"));
      await writeFile(join(folder, "test", "sticks"), AGENT.replace("STOP", stop));
      await chmod(join(folder, "test", "sticks"), 0o755);
      runtime = await testRuntime("", [folder, "/usr/lib/ocf/resource.d"]);
      const stuck = primitive("stuck", "test:sticks", `<op id="so" name="stop" interval="0" timeout="${timeout}"/>`);
      await writeFile(runtime.paths.cib, cibText(stuck + primitive("web", "pacemaker:Dummy")));
      runtime.start({ stopResources: true });
      await runtime.until("both run", () => begun("stuck", "start") >= 0 && begun("web", "start") >= 0);
      await assert.rejects(
        runtime.stop(),
        (error) =>
          error instanceof RehomeError &&
          error.code === "resource-failed" &&
          error.message.includes("not stopped on node1: stuck"),
      );
      assert.equal(existsSync(state("web")), false, "what can be stopped is");
      assert.ok(runtime.events.some((event) => event.type === "node" && event.state === "offline"));
    });
  }
});
