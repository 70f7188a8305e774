import assert from "node:assert/strict";
import { runChecked } from "../../../src/lib/host/run.js";
import { startNamespaceCluster, type NamespaceCluster, type NamespaceNode } from "../namespaces/cluster.js";
import { eventually } from "./eventually.js";

const JOIN_MS = 60_000;

describe("a cluster in namespaces", () => {
  let cluster: NamespaceCluster | undefined;
  let alpha: NamespaceNode;
  let beta: NamespaceNode;

  before(async () => {
    const startedAt = Date.now();
    cluster = await startNamespaceCluster(["alpha", "beta", "arb"]);
    [alpha, beta] = cluster.nodes as [NamespaceNode, NamespaceNode];
    await online(3);
    console.log(`      quorate after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  });
  after(() => cluster?.close());

  /** Waits until alpha sees so many nodes online, with quorum. */
  async function online(count: number): Promise<void> {
    await eventually(JOIN_MS, async () => {
      const { stdout } = await alpha.host.run(["crm_mon", "-1", "--output-as=xml"]);
      assert.match(stdout, /<current_dc [^>]*with_quorum="true"/);
      assert.equal(stdout.match(/<node [^>]*online="true"[^>]*pending="false"/g)?.length, count);
    });
  }

  async function connected(link: number): Promise<number | undefined> {
    const text = await runChecked(alpha.host, ["corosync-cfgtool", "-s"]);
    return text.split(/^LINK ID /m)[link + 1]?.match(/\d+:\s+connected/g)?.length;
  }

  it("has two links, and goes on when one of them is cut", async () => {
    assert.equal(await connected(0), 2);
    assert.equal(await connected(1), 2);
    await beta.cutLink("backplane");
    await eventually(JOIN_MS, async () => assert.equal(await connected(0), 1));
    assert.equal(await connected(1), 2);
    await online(3);
    await beta.restoreLink("backplane");
    await eventually(JOIN_MS, async () => assert.equal(await connected(0), 2));
  });

  it("fences a node through its BMC when its resource may be lost with it, and takes the node back", async () => {
    const { bmc } = beta.spec;
    const parameters = { ip: bmc.address, username: bmc.user, password: bmc.password, lanplus: "1", cipher: "3" };
    const text = [
      "primitive fence-beta stonith:fence_ipmilan params",
      ...Object.entries(parameters).map(([name, value]) => `${name}=${value}`),
      "method=onoff pcmk_host_list=beta op monitor interval=300s timeout=60s",
    ].join(" ");
    await configure(text);
    await configure("location away fence-beta -inf: beta");
    await configure("primitive thing ocf:pacemaker:Dummy op monitor interval=10s");
    await configure("location home thing 100: beta");
    await configure("property stonith-enabled=true");
    await eventually(JOIN_MS, async () => assert.equal(await placeOf("thing"), "beta"));

    const startedAt = Date.now();
    await beta.cutLink("lan");
    await beta.cutLink("backplane");
    await eventually(JOIN_MS, async () => assert.notEqual(await placeOf("thing"), "beta"));
    console.log(`      moved ${((Date.now() - startedAt) / 1000).toFixed(1)} s after both links were cut`);
    const history = await runChecked(alpha.host, ["stonith_admin", "--history", "beta"]);
    assert.match(history, /reboot of beta successful: delegate=alpha/);
    await online(3);
  });

  async function configure(text: string): Promise<void> {
    await runChecked(alpha.host, ["crm", "--force", "configure", ...text.split(" ")]);
  }

  async function placeOf(resource: string): Promise<string | undefined> {
    const { stdout } = await alpha.host.run(["crm_resource", "--resource", resource, "--locate"]);
    return /is running on: (\S+)/.exec(stdout)?.[1];
  }
});
