import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FenceTestResult } from "../../../src/cluster/setup/fence-test.js";
import type { InitResult } from "../../../src/cluster/setup/init.js";
import type { ReplicatedVolume } from "../../../src/cluster/volumes/replicated/index.js";
import { rehome } from "../../helpers/rehome.js";
import { Lab } from "../lab.js";
import { GATEWAY } from "../machines.js";

const HOSTS = ["alpha", "beta"] as const;

describe("rehome cluster init in the lab", () => {
  let lab: Lab;
  let folder: string;
  let config: string;

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up(...HOSTS, "arb");
    folder = await mkdtemp(join(tmpdir(), "rehome-init-"));
    config = join(folder, "rehome.yaml");
    await writeFile(config, JSON.stringify(await describeLab(lab, folder)));
  });

  after(async () => {
    await lab.close();
    await rm(folder, { recursive: true });
  });

  async function run<T>(command: string, ...argv: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await rehome(command, ...argv, "--config", config, "--json");
    assert.equal(status, 0, stdout + stderr);
    return JSON.parse(stdout) as T;
  }

  it("makes a cluster with three votes on both networks", async () => {
    await run<InitResult>("cluster init");
    const quorum = await lab.machine("alpha").check(["corosync-quorumtool", "-s"]);
    assert.match(quorum, /^Total votes: +3$/m);
    assert.match(quorum, /^Flags: +Quorate Qdevice/m);
    const links = await lab.machine("alpha").check(["corosync-cfgtool", "-s"]);
    assert.equal(links.match(/nodeid:\s+\d+:\s+connected/g)?.length, 2);
  });

  it("changes nothing the second time", async () => {
    assert.equal((await run<InitResult>("cluster init")).changed, 0);
  });

  it("makes a volume that is up to date on both hosts", async () => {
    const { states } = await run<ReplicatedVolume>("volume create", "web1", "--size", "64M");
    for (const host of HOSTS) assert.deepEqual(states[host]?.disks, ["UpToDate"]);
  });

  it("is highly available once both hosts were fenced", async () => {
    for (const host of HOSTS) {
      const { fencedMs, backMs } = await run<FenceTestResult>("cluster fence-test", host, "--yes");
      console.log(
        `      ${host}: fenced after ${Math.round(fencedMs / 1000)} s, back after ${Math.round(backMs / 1000)} s`,
      );
    }
    assert.equal((await run<InitResult>("cluster init")).highlyAvailable, true);
  });
});

/** rehome.yaml for the lab's machines, in JSON; the BMCs' passwords are in files of `folder`. */
async function describeLab(lab: Lab, folder: string): Promise<object> {
  const machine = (name: string): object => {
    const { spec, identity, knownHosts } = lab.machine(name);
    const address = (network: string): string => spec.nics.find((nic) => nic.network === network)?.address ?? "";
    return { lan: address("lan"), backplane: address("backplane"), identity, knownHosts };
  };
  const host = async (name: string): Promise<readonly [string, object]> => {
    const { address, user, password } = lab.machine(name).spec.bmc;
    const passwordFile = join(folder, `${name}.bmc`);
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    return [name, { ...machine(name), disks: ["/dev/vdb"], bmc: { address, user, passwordFile, cipher: 3 } }];
  };
  return {
    version: 1,
    target: { state: join(folder, "state") },
    cluster: {
      name: "lab",
      hosts: Object.fromEntries(await Promise.all(HOSTS.map(host))),
      arbitrator: { name: "arb", ...machine("arb") },
      gateways: [GATEWAY],
      reserve: { cpus: 0, memory: "512MiB" },
    },
  };
}
