import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OP_STATUS } from "../../../../src/cluster/cib/record.js";
import { localExecutor } from "../../../../src/cluster/runtime/agents/local-executor.js";
import { underWay } from "../../../../src/cluster/runtime/agents/under-way.js";
import type { Executor, Operation } from "../../../../src/cluster/runtime/types.js";
import { testRuntime } from "../daemon-helper.js";

function unexpected(message: string): void {
  throw new Error(message);
}

/** A fence agent as a program: tells what it was told, fails when there is a file `broken`. */
const AGENT = `#!/bin/sh
folder=$(dirname "$0")
said=$(sort)
echo "$said" | tr '\\n' ' ' >>"$folder/calls"
echo >>"$folder/calls"
case $said in *action=list*) printf 'node2,\\nnode3,\\n'; exit 0 ;; esac
[ ! -e "$folder/slow" ] || sleep 30
[ ! -e "$folder/broken" ] || { echo 'the power switch does not answer' >&2; exit 1; }
`;

describe("fencing devices", function () {
  this.timeout(120_000);
  let folder: string;
  let executor: Executor;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-fence-"));
    await writeFile(join(folder, "fence_test"), AGENT);
    await chmod(join(folder, "fence_test"), 0o755);
    executor = localExecutor(
      { agentFolders: [], fenceFolder: folder, shims: "/nonexistent", socket: "/nonexistent" },
      underWay(join(folder, "under-way"), unexpected),
      unexpected,
    );
  });
  afterEach(() => rm(folder, { recursive: true }));

  const operation = (task: string, params: Record<string, string> = {}, intervalMs = 0): Operation => ({
    ...{ node: { id: "1", name: "node1" }, task, intervalMs, timeoutMs: 10_000, startDelayMs: 0, targetRc: 0 },
    resource: { id: "power", longId: "power", agent: { class: "stonith", type: "fence_test" } },
    ...{ params, meta: {}, transitionKey: "1:1:0:x" },
  });
  const rcOf = async (...given: Parameters<typeof operation>): Promise<number> =>
    (await executor.run(operation(...given))).rc;
  const fence = (node: string, action: string, params: Record<string, string> = {}): Promise<string | undefined> =>
    executor.fence({ ...{ node, action, timeoutMs: 10_000 }, devices: [{ id: "power", type: "fence_test", params }] });
  const calls = async (): Promise<readonly string[]> =>
    (await readFile(join(folder, "calls"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => line.trim());

  it("are not there until they are started, and answer then", async () => {
    assert.equal(await rcOf("monitor"), 7);
    assert.equal(await rcOf("start", { ip: "10.0.0.9", pcmk_host_list: "node2" }), 0);
    assert.equal(await rcOf("monitor"), 0);
    assert.deepEqual((await calls())[0], "action=monitor ip=10.0.0.9");
    assert.equal(await rcOf("stop"), 0);
    assert.equal(await rcOf("monitor"), 7);
  });

  it("that do not answer fail to start, in their own words", async () => {
    await writeFile(join(folder, "broken"), "");
    const outcome = await executor.run(operation("start"));
    assert.deepEqual([outcome.rc, outcome.exitReason], [1, "the power switch does not answer"]);
  });

  it("cut off the nodes they are for, by the name they know them by", async () => {
    const params = { pcmk_host_map: "node2:7;node3:8", pcmk_reboot_action: "cycle" };
    assert.equal(await fence("node2", "reboot", params), undefined);
    assert.equal((await calls()).at(-1), "action=cycle nodename=node2 plug=7 port=7");
    assert.match((await fence("node9", "reboot", params)) ?? "", /no fencing device .* is for node9/);
  });

  it("are asked which nodes they are for when nobody says", async () => {
    assert.equal(await fence("node3", "off"), undefined);
    assert.match((await fence("node9", "off")) ?? "", /no fencing device/);
  });

  it("that fail say why", async () => {
    await writeFile(join(folder, "broken"), "");
    assert.equal(await fence("node2", "off", { pcmk_host_list: "node2" }), "power: the power switch does not answer");
  });

  it("have timeouts of their own for each action", async () => {
    await writeFile(join(folder, "slow"), "");
    const failure = await fence("node2", "off", { pcmk_host_list: "node2", pcmk_off_timeout: "1s" });
    assert.match(failure ?? "", /^power: did not end within 1 s/);
  });

  it("whose agent is not installed say so", async () => {
    await rm(join(folder, "fence_test"));
    const outcome = await executor.run(operation("start"));
    assert.equal(outcome.status, OP_STATUS.notInstalled);
    assert.match(outcome.exitReason, /there is no fence agent .*fence_test/);
  });

  it("cut off a node that was there before and is not now, before anything of it is run here", async () => {
    const state = join(folder, "web.state");
    const runtime = await testRuntime("", undefined, tmpdir(), folder);
    try {
      await writeFile(
        runtime.paths.cib,
        `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0"><configuration>
          <crm_config/><nodes><node id="1" uname="node1"/><node id="2" uname="node2"/></nodes>
          <resources>
            <primitive id="power" class="stonith" type="fence_test"><instance_attributes id="pa"><nvpair id="pl" name="pcmk_host_list" value="node2"/></instance_attributes></primitive>
            <primitive id="web" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="wa"><nvpair id="ws" name="state" value="${state}"/></instance_attributes></primitive>
          </resources><constraints/></configuration>
          <status><node_state id="2" uname="node2" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>`,
      );
      runtime.start({ stopResources: true });
      const at = (type: string, resource?: string): number =>
        runtime.events.findIndex(
          (event) =>
            event.type === type &&
            (event.type !== "operation" || (event.resource === resource && event.task === "start")),
        );
      await runtime.until("web runs", () => at("operation", "web") >= 0);
      const fenced = runtime.events[at("fence")];
      assert.deepEqual(fenced, { type: "fence", node: "node2", action: "reboot", failure: undefined });
      assert.ok(at("fence") < at("operation", "web"));
      assert.match((await calls()).join("\n"), /action=reboot nodename=node2 plug=node2 port=node2/);
    } finally {
      await runtime.remove();
    }
  });
});
