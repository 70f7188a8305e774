import assert from "node:assert/strict";
import { Lab } from "../lab.js";
import type { Machine } from "../machine/machine.js";
import { eventually } from "./eventually.js";
import { startCluster } from "./cluster/corosync.js";
import { makeReplicatedVolume } from "./cluster/drbd.js";

const JOIN_MS = 5 * 60_000;

describe("the lab: two hosts and a tie-breaker", () => {
  let lab: Lab;
  let machines: readonly Machine[];

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("alpha", "beta", "arb");
    machines = ["alpha", "beta", "arb"].map((name) => lab.machine(name));
  });
  after(() => lab.close());

  it("has KVM on the hosts, by emulated SVM", async () => {
    for (const name of ["alpha", "beta"]) await lab.machine(name).check(["test", "-w", "/dev/kvm"]);
  });

  it("forms a cluster that is quorate over both networks", async () => {
    await startCluster(machines);
    await eventually(JOIN_MS, async () => {
      const status = await lab.machine("alpha").check(["crm_mon", "-1", "--output-as=xml"]);
      assert.match(status, /<current_dc [^>]*with_quorum="true"/);
      assert.equal(status.match(/<node [^>]*online="true"[^>]*pending="false"/g)?.length, 3);
    });
    const links = await lab.machine("alpha").check(["corosync-cfgtool", "-s"]);
    assert.equal(links.match(/nodeid:\s+\d+:\s+connected/g)?.length, 4);
  });

  it("replicates a volume with DRBD over the backplane", async () => {
    await makeReplicatedVolume([lab.machine("alpha"), lab.machine("beta")], "r0", 256);
    await eventually(60_000, async () => {
      const state = await lab.machine("beta").check(["drbdadm", "dstate", "r0"]);
      assert.equal(state.trim(), "UpToDate/UpToDate");
    });
  });

  it("switches a host off and on through its BMC", async () => {
    const [alpha, beta] = [lab.machine("alpha"), lab.machine("beta")];
    const fence = async (action: string): Promise<string> => (await alpha.run(fenceArgv(beta, action))).stdout.trim();
    assert.equal(await fence("status"), "Status: ON");
    await alpha.check(fenceArgv(beta, "off"));
    assert.equal(await beta.isOn(), false);
    assert.equal(await fence("status"), "Status: OFF");
    await alpha.check(fenceArgv(beta, "on"));
    assert.equal(await fence("status"), "Status: ON");
    await beta.waitForSsh(JOIN_MS);
    const wrong = await alpha.run(fenceArgv(beta, "status", "not-the-password"));
    assert.notEqual(wrong.exitCode, 0);
  });
});

/** The cipher suite is told, because asking for it takes ten seconds: ipmi_sim has no answer to that question. */
function fenceArgv(machine: Machine, action: string, password = machine.spec.bmc.password): readonly string[] {
  const { address, user } = machine.spec.bmc;
  return ["fence_ipmilan", "--lanplus", "-a", address, "-l", user, "-p", password, "-C", "3", "-o", action];
}
