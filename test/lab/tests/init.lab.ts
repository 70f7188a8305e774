import assert from "node:assert/strict";
import { ClusterLab } from "./cluster/finished.js";

const log = (line: string): void => console.log(`      ${line}`);

describe("rehome cluster init in the lab", () => {
  let cluster: ClusterLab;

  before(async () => {
    cluster = await ClusterLab.open(log);
  });

  after(() => cluster.close());

  it("makes a cluster with three votes on both networks", async () => {
    await cluster.init();
    const quorum = await cluster.machine("alpha").check(["corosync-quorumtool", "-s"]);
    assert.match(quorum, /^Total votes: +3$/m);
    assert.match(quorum, /^Flags: +Quorate Qdevice/m);
    const links = await cluster.machine("alpha").check(["corosync-cfgtool", "-s"]);
    assert.equal(links.match(/nodeid:\s+\d+:\s+connected/g)?.length, 2);
  });

  it("is highly available once both hosts were fenced, and a second init changes nothing", async () => {
    await cluster.testFencing(log);
    const { changed, highlyAvailable } = await cluster.init();
    assert.deepEqual({ changed, highlyAvailable }, { changed: 0, highlyAvailable: true });
    await cluster.keep();
  });
});
