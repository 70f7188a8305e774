import assert from "node:assert/strict";
import type { GuestChange } from "../../../src/cluster/replicated-guest/index.js";
import { ClusterLab } from "./cluster/finished.js";
import { HOSTS } from "./cluster/configuration.js";
import { addTinyGuest, GUEST_ADDRESS, writeDomain, type TinyGuest } from "./cluster/tiny-guest.js";

const log = (line: string): void => console.log(`      ${line}`);

describe("rehome cluster init in the lab", () => {
  let cluster: ClusterLab;
  let guest: TinyGuest;

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

  it("runs a guest under KVM on a volume that is up to date on both hosts", async () => {
    guest = await addTinyGuest(cluster, "web1");
    const host = await guest.host();
    const xml = await cluster.machine(host).check(["virsh", "dumpxml", "web1"]);
    assert.match(xml, /^<domain type='kvm'/);
    for (const name of HOSTS) {
      const state = await cluster.machine(name).check(["drbdadm", "dstate", "web1"]);
      assert.equal(state.trim(), "UpToDate/UpToDate");
    }
  });

  it("has what the guest synced on both hosts", async () => {
    const last = await guest.answer();
    const next = await guest.answer();
    assert.ok(next > last, `${next} after ${last}`);
    const { disk = "" } = guest.volume.parts[0] ?? {};
    for (const name of HOSTS) {
      const sector = await cluster
        .machine(name)
        .check(["dd", `if=${disk}`, "bs=512", "count=1", "iflag=direct", "status=none"]);
      assert.ok(
        Number(sector.split("\n")[0]) >= next,
        `${name} has ${sector.split("\n")[0] ?? "nothing"}, not ${next}`,
      );
    }
  });

  it("changes nothing when the guest is registered again, or the cluster set up", async () => {
    const domain = await writeDomain(cluster, "web1", GUEST_ADDRESS, guest.volume);
    const again = await cluster.rehome<GuestChange & { changed: number }>("cluster add", "web1", "--domain", domain);
    assert.equal(again.changed, 0);
    assert.equal((await cluster.init()).changed, 0);
  });
});
