import assert from "node:assert/strict";
import type { GuestChange } from "../../../src/cluster/replicated-guest/index.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { addTinyGuest, GUEST_ADDRESS, writeDomain, type TinyGuest } from "./cluster/tiny-guest.js";

const log = (line: string): void => console.log(`      ${line}`);

describe("a guest that is added to the lab's cluster", () => {
  let cluster: ClusterLab;
  let guest: TinyGuest;

  before(async () => {
    cluster = await ClusterLab.finished(log);
    guest = await addTinyGuest(cluster, "web1");
  });
  after(() => cluster.close());

  it("runs under KVM on a volume that is up to date on both hosts", async () => {
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

  it("is changed neither by being registered again nor by another set-up of the cluster", async () => {
    const domain = await writeDomain(cluster, "web1", GUEST_ADDRESS, guest.volume);
    const again = await cluster.rehome<GuestChange & { changed: number }>("cluster add", "web1", "--domain", domain);
    assert.equal(again.changed, 0);
    assert.equal((await cluster.init()).changed, 0);
  });
});
