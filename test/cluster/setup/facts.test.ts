import assert from "node:assert/strict";
import { connectAll, gatherCluster } from "../../../src/cluster/setup/facts/gather.js";
import { parseNics } from "../../../src/cluster/setup/facts/network.js";
import { commonCpuModel, differentFlags, parseCpuinfo } from "../../../src/cluster/setup/facts/processor.js";
import { parseDisk } from "../../../src/cluster/setup/facts/storage.js";
import { measureLink } from "../../../src/cluster/setup/facts/link.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { silentReport } from "../../../src/lib/report.js";
import { exampleCluster } from "./example.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { fakeMachine } from "./fake-machines.js";

const PASSWORDS = new Map([
  ["alpha", "secret-a"],
  ["beta", "secret-b"],
]);

describe("the facts about a cluster's machines", () => {
  it("are gathered without a change, and without a password in any argv", async () => {
    const machines = new Map(["alpha", "beta", "arb"].map((name) => [name, fakeMachine(name)]));
    const cluster = exampleCluster();
    const connections = await connectAll(cluster, (_, name) => Promise.resolve(machines.get(name)!), {
      acceptNewHostKey: false,
    });
    const facts = await gatherCluster(cluster, connections, { report: silentReport, passwords: PASSWORDS });
    assert.deepEqual(facts.unreachable, []);
    assert.equal(facts.link?.rate, 125e6);
    assert.deepEqual(
      facts.bmcs.map(({ name, from, answer }) => [name, from, answer]),
      [
        ["alpha", "beta", "on"],
        ["beta", "alpha", "on"],
      ],
    );
    const [alpha, , arb] = facts.machines;
    assert.deepEqual(alpha?.unknown, []);
    assert.equal(alpha.hosting?.kvm, true);
    assert.equal(alpha.hosting.volumeGroup?.size, 4 * 1024 ** 3);
    assert.equal(alpha.cpu.count, 9);
    assert.equal(arb?.hosting, undefined);
    const calls = [...machines.values()].flatMap(({ calls }) => calls);
    assert.ok(!calls.some(({ argv, env }) => /secret-/.test(JSON.stringify([argv, env]))));
    const [asked] = machines.get("beta")!.calls.filter(({ argv }) => argv[0] === "fence_ipmilan");
    assert.match(asked!.input.toString(), /^ip=10\.0\.0\.201$[^]*^password=secret-a$/m);
    assert.deepEqual(
      [...machines.values()].flatMap(({ modes }) => [...modes.keys()]),
      ["/tmp/probe/probe.img", "/tmp/probe/probe.img"],
    );
  });

  it("say which machine could not be reached, and go on with the others", async () => {
    const connections = await connectAll(
      exampleCluster(),
      (_, name) =>
        name === "beta"
          ? Promise.reject(new RehomeError("auth-failed", "the login was refused", { machine: name }))
          : Promise.resolve(fakeMachine(name)),
      { acceptNewHostKey: false },
    );
    assert.deepEqual([...connections.hosts.keys()], ["alpha", "arb"]);
    assert.equal(connections.unreachable[0]?.name, "beta");
    const facts = await gatherCluster(exampleCluster(), connections, { report: silentReport, passwords: PASSWORDS });
    assert.deepEqual(
      facts.bmcs.map(({ name }) => name),
      ["beta"],
    );
    assert.equal(facts.link, undefined);
  });

  it("hide the password when a fence agent repeats it", async () => {
    const machines = (_: unknown, name: string) =>
      Promise.resolve(
        fakeMachine(name, (host) => host.on(["fence_ipmilan"], { exitCode: 1, stderr: "bad password secret-a\n" })),
      );
    const connections = await connectAll(exampleCluster(), machines, { acceptNewHostKey: false });
    const facts = await gatherCluster(exampleCluster(), connections, { report: silentReport, passwords: PASSWORDS });
    assert.equal(facts.bmcs[0]?.answer, "refused");
    assert.doesNotMatch(JSON.stringify(facts.bmcs[0]), /secret-a/);
  });
});

describe("a link", () => {
  it("is measured for real", async () => {
    const ends = ["a", "b"].map((name) => ({ host: localHost(name), address: "127.0.0.1" }));
    const { rate, failure } = await measureLink(ends[0]!, ends[1]!);
    assert.equal(failure, undefined);
    assert.ok(rate! > 10e6, `${rate}`);
  });

  it("that looks slow, because a machine was busy, is measured again", async () => {
    const rates = [3e6, 12e6, 90e6, 1e6];
    const host = new FakeHost("busy").on(/^python3/, ({ kind }) =>
      kind === "run"
        ? JSON.stringify({ idle: 0.02 })
        : `40000\n${JSON.stringify({ bytes: rates.shift(), seconds: 1, idle: 0.5 })}\n`,
    );
    const end = { host, address: "10.255.0.1" };
    assert.deepEqual(await measureLink(end, end), { rate: 90e6, busy: true, failure: undefined });
    assert.deepEqual(rates, [1e6]);
  });

  it("that does not exist says why", async () => {
    const host = localHost("here");
    const { rate, failure } = await measureLink({ host, address: "127.0.0.1" }, { host, address: "192.0.2.77" });
    assert.equal(rate, undefined);
    assert.match(failure ?? "", /here cannot listen on 192\.0\.2\.77: OSError/);
  });
});

describe("cards below an interface", () => {
  const cards = (links: readonly object[], name: string): readonly string[] =>
    parseNics(JSON.stringify(links), "").find((nic) => nic.name === name)!.cards;

  it("are the ports of a bridge, through a VLAN and a bond", () => {
    const links = [
      { ifname: "eth0", master: "bond0" },
      { ifname: "eth1", master: "bond0" },
      { ifname: "bond0", linkinfo: { info_kind: "bond" } },
      { ifname: "bond0.7", link: "bond0", master: "br7", linkinfo: { info_kind: "vlan" } },
      { ifname: "vnet3", master: "br7", linkinfo: { info_kind: "tun" } },
      { ifname: "br7", linkinfo: { info_kind: "bridge" } },
    ];
    assert.deepEqual(cards(links, "br7"), ["eth0", "eth1"]);
    assert.deepEqual(cards(links, "eth0"), ["eth0"]);
  });
});

describe("CPUs", () => {
  const cpu = (vendor: string, flags: string): ReturnType<typeof parseCpuinfo> =>
    parseCpuinfo(`processor: 0\nvendor_id : ${vendor}\nflags : ${flags}\n`);
  const NEHALEM = "ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm nx";

  it("have in common what the older one can", () => {
    const older = cpu("GenuineIntel", NEHALEM);
    const newer = cpu("GenuineIntel", `${NEHALEM} aes avx xsave pclmulqdq tsc_deadline_timer x2apic rdtscp`);
    assert.equal(commonCpuModel([newer, newer]), "SandyBridge");
    assert.equal(commonCpuModel([newer, older]), "Nehalem");
    assert.equal(commonCpuModel([newer, cpu("AuthenticAMD", NEHALEM)]), "qemu64");
    assert.deepEqual(differentFlags([older, cpu("GenuineIntel", `${NEHALEM} aes`)]), ["aes"]);
  });
});

describe("a disk", () => {
  const disk = (fields: object): readonly string[] =>
    parseDisk(JSON.stringify({ blockdevices: [{ path: "/dev/sdb", size: 5, fstype: null, ...fields }] }), undefined)
      .holds;

  it("is empty only without anything on it", () => {
    assert.deepEqual(disk({}), []);
    assert.deepEqual(disk({ mountpoints: [null] }), []);
    assert.deepEqual(disk({ pttype: "gpt" }), ["a partition table"]);
    assert.deepEqual(disk({ fstype: "ext4", mountpoints: ["/srv"] }), ["ext4", "mounted on /srv"]);
    assert.deepEqual(disk({ children: [{ path: "/dev/mapper/old-root" }] }), ["/dev/mapper/old-root"]);
  });

  it("is empty when vgcreate was cut off on it, and nothing else was there", () => {
    const holds = (fields: object): readonly string[] =>
      parseDisk(JSON.stringify({ blockdevices: [{ path: "/dev/sdb", size: 5, ...fields }] }), undefined, true).holds;
    assert.deepEqual(disk({ fstype: "LVM2_member" }), ["LVM2_member"]);
    assert.deepEqual(holds({ fstype: "LVM2_member" }), []);
    assert.deepEqual(holds({ fstype: "ext4" }), ["ext4"]);
  });
});
