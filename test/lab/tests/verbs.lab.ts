import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecked } from "../../../src/lib/host/run.js";
import type { RunResult } from "../../../src/lib/host/types.js";
import { startNamespaceCluster, type NamespaceCluster, type NamespaceNode } from "../namespaces/cluster.js";
import { ENVIRONMENT, REHOME, rehomeOn } from "../namespaces/commands.js";
import { serveSsh } from "../namespaces/ssh.js";
import { eventually } from "./eventually.js";

const LIMIT_MS = 60_000;
const RESOURCES = `
  <primitive id="web" class="ocf" provider="pacemaker" type="Dummy">
    <operations><op id="web-monitor" name="monitor" interval="2s" timeout="20s"/></operations>
  </primitive>
  <primitive id="broken" class="ocf" provider="pacemaker" type="Dummy">
    <instance_attributes id="broken-ia">
      <nvpair id="broken-state" name="state" value="/proc/nowhere/broken"/>
    </instance_attributes>
    <meta_attributes id="broken-meta_attributes">
      <nvpair id="broken-role" name="target-role" value="Stopped"/>
    </meta_attributes>
  </primitive>
  <clone id="disk">
    <meta_attributes id="disk-meta"><nvpair id="disk-promotable" name="promotable" value="true"/></meta_attributes>
    <primitive id="state" class="ocf" provider="pacemaker" type="Stateful">
      <operations>
        <op id="state-promoted" name="monitor" interval="10s" timeout="20s" role="Promoted"/>
        <op id="state-unpromoted" name="monitor" interval="11s" timeout="20s" role="Unpromoted"/>
      </operations>
    </primitive>
  </clone>`;

describe("the verbs of a cluster, on one that Pacemaker keeps", () => {
  let cluster: NamespaceCluster;
  let alpha: NamespaceNode;
  let beta: NamespaceNode;
  let arb: NamespaceNode;
  let folder: string;
  let config: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-verbs-"));
    cluster = await startNamespaceCluster(["alpha", "beta", "arb"]);
    [alpha, beta, arb] = cluster.nodes as [NamespaceNode, NamespaceNode, NamespaceNode];
    await eventually(LIMIT_MS, async () => {
      assert.match((await rehomeOn(alpha, "cluster status")).stdout, /; quorum \(3 of 3 votes\)$/m);
    });
    config = await describeCluster();
  });
  after(async () => {
    await cluster.close();
    await rm(folder, { recursive: true });
  });

  /** rehome.yaml of somebody who sits at another machine, with the hosts' sshd. */
  async function describeCluster(): Promise<string> {
    const login = await serveSsh([alpha, beta], folder);
    const machine = ({ spec: { nics } }: NamespaceNode): object => ({
      ...{ lan: nics[0]?.address, backplane: nics[1]?.address, ...login },
      bmc: { address: "192.0.2.111", user: "nobody", passwordFile: "/nowhere" },
    });
    const path = join(folder, "rehome.yaml");
    const content = {
      version: 1,
      cluster: {
        hosts: { alpha: machine(alpha), beta: machine(beta) },
        arbitrator: { name: "tie", lan: "192.0.2.99" },
        gateways: ["192.0.2.1"],
      },
    };
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  /** A command that must succeed, on the member, without rehome.yaml. @returns what it prints */
  async function on(node: NamespaceNode, command: string, ...argv: readonly string[]): Promise<string> {
    const result = await rehomeOn(node, `cluster ${command}`, ...argv);
    assert.equal(result.exitCode, 0, `${command}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  /** Where Pacemaker itself says that a resource runs. */
  async function placeOf(resource: string, node = alpha): Promise<string> {
    const { stdout } = await node.host.run(["crm_resource", "--resource", resource, "--locate"]);
    return /is running on: (\S+)(?: *$|$)/m.exec(stdout)?.[1] ?? "nowhere";
  }

  function nodeOf(name: string): NamespaceNode {
    const found = cluster.nodes.find((node) => node.name === name);
    assert.ok(found, `no node ${name}`);
    return found;
  }

  async function promotedOn(): Promise<string> {
    const { stdout } = await alpha.host.run(["crm_resource", "--resource", "disk", "--locate"]);
    return /is running on: (\S+) Promoted/.exec(stdout)?.[1] ?? "nowhere";
  }

  it("configure show, diff and load", async () => {
    const shown = await on(alpha, "configure show");
    assert.match(shown, /<node id="\d" uname="beta"\/?>/);
    const next = join(folder, "next.xml");
    const cib = `<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">${shown}<status/></cib>`;
    await writeFile(next, cib.replace(/<resources\/>/, `<resources>${RESOURCES}</resources>`));
    assert.match(await on(alpha, "configure diff", next), /^\+ +<primitive id="web"/m);
    assert.match(await on(alpha, "configure load", next), /^added: web, broken, disk, state$/m);
    assert.match(await on(alpha, "configure load", next), /^nothing to do/);
    const foreign = join(folder, "foreign.xml");
    await writeFile(foreign, cib.replace(/<node id="\d" uname="beta"\/>/, ""));
    const refused = await rehomeOn(alpha, "cluster configure load", foreign);
    assert.equal(refused.exitCode, 3, refused.stdout);
    assert.match(refused.stderr, /its nodes are .*, the cluster's alpha \(1\), arb \(3\), beta \(2\) \[cib-invalid\]/);
    await eventually(LIMIT_MS, async () => assert.notEqual(await placeOf("web"), "nowhere"));
    assert.equal(await on(alpha, "configure diff", next), "no difference\n");
  });

  it("verify finds nothing, simulate foresees the loss of a host", async () => {
    assert.match(await on(beta, "verify"), /^crm_verify finds no errors$/m);
    await on(beta, "move", "web", "beta");
    await eventually(LIMIT_MS, async () => assert.equal(await placeOf("web"), "beta"));
    assert.match(await on(beta, "simulate", "--node-fail", "beta"), /start web on (alpha|arb)/);
    assert.equal(await placeOf("web"), "beta");
    await on(beta, "clear", "web");
  });

  it("stop and start wait until it is so", async () => {
    assert.match(await on(alpha, "stop", "web"), /^web is stopped/);
    assert.equal(await placeOf("web"), "nowhere");
    assert.match(await on(alpha, "start", "web"), /^web is running on \w+$/m);
    assert.notEqual(await placeOf("web"), "nowhere");
  });

  it("start says why a resource does not", async () => {
    const result = await rehomeOn(alpha, "cluster start", "broken");
    assert.equal(result.exitCode, 1, result.stdout);
    assert.match(result.stderr, /"broken" failed: start: .* \[resource-failed\]/);
    assert.match(await on(alpha, "status"), /^failed operations\n(?: {2}.*\n)* {2}broken start on /m);
    await on(alpha, "stop", "broken");
    await on(alpha, "cleanup", "broken");
    assert.doesNotMatch(await on(alpha, "status"), /failed operations/);
  });

  it("move, without a node too, and clear", async () => {
    const before = await placeOf("web");
    const to = before === "alpha" ? "beta" : "alpha";
    assert.match(await on(alpha, "move", "web", to, "--dry-run"), new RegExp(`web would go from started ${before} to`));
    assert.equal(await placeOf("web"), before);
    await on(alpha, "move", "web", to);
    await eventually(LIMIT_MS, async () => assert.equal(await placeOf("web"), to));
    await on(alpha, "move", "web");
    await eventually(LIMIT_MS, async () => assert.equal([to, "nowhere"].includes(await placeOf("web")), false));
    const bans = await runChecked(alpha.host, ["cibadmin", "--query", "--xpath", "//rsc_location"]);
    assert.equal(bans.match(/cli-ban-web-on-/g)?.length, 1, "one node is banned, though the resource moved meanwhile");
    await on(alpha, "clear", "web");
    const after = await alpha.host.run(["cibadmin", "--query", "--xpath", "//rsc_location"]);
    assert.doesNotMatch(after.stdout, /cli-/);
  });

  it("demote and promote", async () => {
    await eventually(LIMIT_MS, async () => assert.notEqual(await promotedOn(), "nowhere"));
    await on(alpha, "demote", "disk");
    await eventually(LIMIT_MS, async () => assert.equal(await promotedOn(), "nowhere"));
    assert.match(await on(alpha, "status"), /state +ocf:pacemaker:Stateful +unpromoted on \w+, unpromoted on /);
    await on(alpha, "promote", "disk");
    await eventually(LIMIT_MS, async () => assert.notEqual(await promotedOn(), "nowhere"));
  });

  it("standby and online", async () => {
    const where = await placeOf("web");
    await on(alpha, "standby", where);
    await eventually(LIMIT_MS, async () => assert.equal([where, "nowhere"].includes(await placeOf("web")), false));
    assert.match(await on(alpha, "status"), new RegExp(`^${where} +standby`, "m"));
    assert.match(await on(alpha, "standby", where), /^nothing to do/);
    await on(alpha, "online", where);
    assert.match(await on(alpha, "status"), new RegExp(`^${where} +online`, "m"));
  });

  it("unmanage, manage and maintenance leave a failed resource alone, and cleanup forgets the failure", async () => {
    await on(alpha, "unmanage", "web");
    const home = await placeOf("web");
    await runChecked(nodeOf(home).host, ["rm", "/run/Dummy-web.state"]);
    await eventually(LIMIT_MS, async () => {
      assert.match(await on(alpha, "status"), /web +ocf:pacemaker:Dummy +FAILED, .*unmanaged/);
    });
    await on(alpha, "manage", "web");
    await eventually(LIMIT_MS, async () => assert.notEqual(await placeOf("web"), "nowhere"));
    await eventually(LIMIT_MS, async () => {
      assert.match(await on(alpha, "status"), /web +ocf:pacemaker:Dummy +running on \w+$/m);
    });
    assert.match(await on(alpha, "status"), /^ {2}web monitor every 2 s on .*not running/m);
    await on(alpha, "cleanup", "web");
    assert.doesNotMatch(await on(alpha, "status"), /failed operations/);
    await on(alpha, "maintenance", "on");
    assert.match(await on(alpha, "status"), /^MAINTENANCE MODE: nothing is managed$/m);
    await on(alpha, "maintenance", "off");
  });

  it("status --watch shows what changes, until it is ended", async () => {
    const watch = await nodeOf("beta").host.start(
      ["timeout", "--signal", "INT", "60", process.execPath, REHOME, "cluster", "status", "--watch"],
      { env: ENVIRONMENT },
    );
    let shown = "";
    watch.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    await eventually(LIMIT_MS, () => assert.match(shown, /^web +\S+ +running on /m));
    assert.match(await on(alpha, "stop", "web"), /^web is stopped/);
    await eventually(LIMIT_MS, () => assert.match(shown, /—{40}[^]*^web +\S+ +stopped, asked to be stopped$/m));
    watch.kill();
    await watch.exited;
    await on(alpha, "start", "web");
  });

  describe("from another machine, by ssh", () => {
    const remote = (command: string, ...argv: readonly string[]): Promise<RunResult> =>
      rehomeOn(arb, `cluster ${command}`, ...argv, "--config", config);

    it("asks the first host, and the second one when the first is gone", async () => {
      const before = await remote("status");
      assert.match(before.stdout, /^CIB \S+ as alpha has it; /, before.stderr);
      assert.match(before.stdout, /^FENCING IS OFF/m);
      await alpha.cutPower();
      await eventually(LIMIT_MS, async () => {
        const { stdout, stderr } = await remote("status");
        assert.match(stdout, /^could not ask alpha: .*\nCIB \S+ as beta has it; .*quorum \(2 of 3 votes\)$/m, stderr);
        assert.match(stdout, /^alpha +offline/m);
      });
      const stopped = await remote("stop", "web");
      assert.equal(stopped.exitCode, 0, stopped.stderr);
      assert.equal((await remote("start", "web")).exitCode, 0);
    });

    it("says that there is no quorum, and changes nothing without it", async () => {
      await beta.cutLink("backplane");
      await arb.cutPower();
      await eventually(LIMIT_MS, async () => {
        assert.match((await rehomeOn(beta, "cluster status")).stdout, /^NO QUORUM \(1 of 3 votes\): /m);
      });
      for (const command of [
        ["start", "web"],
        ["maintenance", "on"],
        ["move", "web"],
      ]) {
        const [verb = "", ...argv] = command;
        const refused = await rehomeOn(beta, `cluster ${verb}`, ...argv);
        assert.equal(refused.exitCode, 5, `${verb}: ${refused.stdout}${refused.stderr}`);
      }
      const asked = await rehomeOn(beta, "cluster maintenance", "on");
      assert.match(asked.stderr, /^beta: this part of the cluster has no quorum.*\[no-quorum\]\n {2}→ bring back/);
    });

    it("tells what was tried when no host answers", async () => {
      await runChecked(beta.host, ["pkill", "-x", "pacemakerd"]);
      await eventually(LIMIT_MS, async () => {
        const { exitCode, stderr } = await rehomeOn(beta, "cluster status", "--config", config);
        assert.equal(exitCode, 4, stderr);
        assert.match(stderr, /^Pacemaker answers on no host of the cluster \[cluster-unreachable\]$/m);
        assert.match(stderr, /^ {2}\| beta: Pacemaker does not answer there\n {2}\| alpha: /m);
      });
    });
  });
});
