import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { CLUSTER_CHECKS } from "../../../src/cluster/setup/checks/index.js";
import { CLUSTER_CONCERNS, clusterConcernsPage } from "../../../src/cluster/setup/concerns.js";
import { connectAll, gatherCluster } from "../../../src/cluster/setup/facts/gather.js";
import type { ClusterFacts, Hosting, MachineFacts } from "../../../src/cluster/setup/facts/types.js";
import { bySeverity } from "../../../src/lib/concern.js";
import type { ClusterConfig } from "../../../src/lib/config/schema.js";
import { silentReport } from "../../../src/lib/report.js";
import { exampleCluster } from "./example.js";
import { fakeMachine } from "./fake-machines.js";

type Case = readonly [
  code: string,
  what: string,
  change: (facts: ClusterFacts) => ClusterFacts,
  message: RegExp,
  cluster?: ClusterConfig,
];

/** One machine changed, the others as they are. */
function on(name: string, change: (machine: MachineFacts) => Partial<MachineFacts>): Case[2] {
  return (facts) => ({
    ...facts,
    machines: facts.machines.map((machine) => (machine.name === name ? { ...machine, ...change(machine) } : machine)),
  });
}

function hosting(name: string, change: Partial<Hosting>): Case[2] {
  return on(name, (machine) => ({ hosting: { ...machine.hosting!, ...change } }));
}

function without(name: string): Case[2] {
  return (facts) => ({
    ...facts,
    machines: facts.machines.filter((machine) => machine.name !== name),
    unreachable: [{ name, message: "no route", remedy: "plug it in" }],
  });
}

const GIB = 1024 ** 3;
const addresses = (machine: MachineFacts, from: string, to: string): MachineFacts["nics"] =>
  machine.nics.map((nic) => ({ ...nic, addresses: nic.addresses.map((each) => (each === from ? to : each)) }));
const disk = (holds: readonly string[], group?: string): Hosting["disks"] =>
  new Map([["/dev/sdb", { size: 4 * GIB, holds, group }]]);

const CASES: readonly Case[] = [
  ["machine-unreachable", "a machine that is off", without("beta"), /no route/],
  ["machine-not-root", "a login without rights", on("arb", () => ({ root: false })), /root/],
  ["machine-name", "a machine with another name", on("alpha", () => ({ hostname: "debian" })), /debian/],
  ["facts-incomplete", "a look that failed", on("beta", () => ({ unknown: ["KVM: no qemu"] })), /no qemu/],
  [
    "release-unsupported",
    "an old Debian",
    on("arb", () => ({ release: { id: "debian", version: "11" } })),
    /debian 11/,
  ],
  [
    "release-unsupported",
    "another system",
    on("arb", () => ({ release: { id: "ubuntu", version: "24.04" } })),
    /ubuntu/,
  ],
  [
    "release-differs",
    "two releases",
    on("beta", () => ({ release: { id: "debian", version: "13" } })),
    /beta has Debian 13/,
  ],
  ["kernel-differs", "two kernels", on("beta", () => ({ kernel: "6.1.0-9-amd64" })), /6\.1\.0-9/],
  ["package-missing", "a tie-breaker without qnetd", on("arb", () => ({ packages: new Map() })), /corosync-qnetd$/],
  [
    "package-missing",
    "a host without the quorum device's daemon",
    on("beta", ({ packages }) => ({
      packages: new Map([...packages].filter(([name]) => name !== "corosync-qdevice")),
    })),
    /: corosync-qdevice$/,
  ],
  [
    "package-differs",
    "two versions of DRBD's tools",
    on("beta", ({ packages }) => ({ packages: new Map([...packages, ["drbd-utils", "9.15.0-1"]]) })),
    /drbd-utils: alpha has 1\.0-1, beta has 9\.15\.0-1/,
  ],
  [
    "cpu-vendor-differs",
    "AMD and Intel",
    on("beta", ({ cpu }) => ({ cpu: { ...cpu, vendor: "GenuineIntel" } })),
    /GenuineIntel/,
  ],
  [
    "cpu-differs",
    "a processor without AVX",
    on("beta", ({ cpu }) => ({ cpu: { ...cpu, flags: new Set([...cpu.flags].filter((flag) => flag !== "avx2")) } })),
    /only one can avx2$/,
  ],
  ["memory-differs", "a smaller host", on("beta", () => ({ memory: 16 * GIB })), /beta has 16\.0 GiB/],
  [
    "memory-reserved",
    "a reserve of all",
    (facts) => facts,
    /nothing/,
    exampleCluster("qdevice", { reserve: { cpus: 1, memory: "64GiB" } }),
  ],
  ["kvm-unavailable", "a host without KVM", hosting("beta", { kvm: false }), /no guest starts/],
  ["drbd-missing", "a kernel without DRBD", hosting("beta", { drbdModule: undefined }), /no module drbd/],
  ["drbd-missing", "a DRBD that is too old", hosting("beta", { drbdModule: "8.3.16" }), /DRBD 8\.3\.16/],
  ["drbd-differs", "two generations of DRBD", hosting("beta", { drbdModule: "9.2.8" }), /beta has DRBD 9\.2\.8/],
  [
    "clock-differs",
    "a clock that is five seconds late",
    on("beta", () => ({ clock: { skew: -5000, uncertainty: 10, synchronized: true } })),
    /the clock of \w+ is [45]\.\d s ahead of that of beta/,
  ],
  [
    "clock-unsynchronized",
    "a clock that nobody keeps",
    on("arb", ({ clock }) => ({ clock: { ...clock, synchronized: false } })),
    /not kept/,
  ],
  [
    "name-conflict",
    "the line of Debian's installer",
    on("beta", ({ names }) => ({ names: new Map([...names, ["beta", ["127.0.1.1"]]]) })),
    /beta is 127\.0\.1\.1 there, not 192\.0\.2\.12/,
  ],
  [
    "network-missing",
    "a backplane that is down",
    on("beta", (machine) => ({ nics: machine.nics.filter(({ name }) => name !== "eth1") })),
    /no interface has 10\.255\.0\.2/,
  ],
  [
    "network-shared",
    "a VLAN for a backplane",
    on("beta", ({ nics }) => ({ nics: nics.map((nic) => ({ ...nic, cards: ["eth0"] })) })),
    /share the card eth0/,
  ],
  [
    "network-shared",
    "a subnet for both",
    on("beta", (machine) => ({ nics: addresses(machine, "10.255.0.2/24", "10.255.0.2/0") })),
    /in the backplane's subnet 10\.255\.0\.2\/0/,
  ],
  [
    "network-split",
    "hosts on two subnets",
    on("alpha", (machine) => ({ nics: addresses(machine, "10.255.0.1/24", "10.255.0.1/31") })),
    /backplane address 10\.255\.0\.2 is not in alpha's subnet 10\.255\.0\.1\/31/,
  ],
  [
    "backplane-unreachable",
    "hosts that do not hear each other",
    (facts) => ({ ...facts, link: { rate: undefined, busy: false, failure: "alpha does not reach 10.255.0.2" } }),
    /does not reach/,
  ],
  [
    "backplane-too-slow",
    "100 Mbit/s",
    (facts) => ({ ...facts, link: { rate: 11.8e6, busy: false, failure: undefined } }),
    /11\.3 MiB/,
  ],
  [
    "backplane-slow",
    "half a gigabit",
    (facts) => ({ ...facts, link: { rate: 60e6, busy: false, failure: undefined } }),
    /57\.2 MiB/,
  ],
  [
    "backplane-slow",
    "hosts that are too busy to measure it",
    (facts) => ({ ...facts, link: { rate: 9e6, busy: true, failure: undefined } }),
    /at least; the hosts were too busy/,
  ],
  [
    "bridge-missing",
    "a host without its bridge",
    on("beta", ({ nics }) => ({ nics: nics.map((nic) => ({ ...nic, isBridge: false })) })),
    /no bridge br0/,
  ],
  [
    "gateway-silent",
    "a gateway that is off",
    on("alpha", () => ({ gateways: new Map([["192.0.2.2", false]]) })),
    /192\.0\.2\.2/,
  ],
  ["volume-group-missing", "a host without the group", hosting("beta", { volumeGroup: undefined }), /vg_guests/],
  [
    "volume-group-differs",
    "groups of two sizes",
    hosting("beta", { volumeGroup: { size: 3 * GIB, free: 3 * GIB } }),
    /beta has 3\.00 GiB/,
  ],
  [
    "volume-group-full",
    "a full group",
    hosting("beta", { volumeGroup: { size: 4 * GIB, free: 0 } }),
    /0 B of 4\.00 GiB/,
  ],
  [
    "disk-missing",
    "a disk that is not there",
    hosting("beta", { volumeGroup: undefined, disks: new Map([["/dev/sdx", undefined]]) }),
    /no disk \/dev\/sdx/,
  ],
  [
    "disk-in-use",
    "a disk with a file system",
    hosting("beta", { volumeGroup: undefined, disks: disk(["ext4"]) }),
    /\/dev\/sdb is not empty: it has ext4/,
  ],
  [
    "disk-in-use",
    "a disk of another group",
    hosting("beta", { volumeGroup: undefined, disks: disk(["LVM2_member"], "vg_old") }),
    /the volume group vg_old/,
  ],
  [
    "raid-degraded",
    "a mirror with one leg",
    hosting("beta", { raid: [{ name: "md0", level: "raid1", members: ["sda1"], degraded: true }] }),
    /md0 \(raid1\)/,
  ],
  [
    "raid-inactive",
    "a RAID that did not start",
    hosting("beta", { raid: [{ name: "md1", level: "inactive", members: [], degraded: undefined }] }),
    /md1 is not running/,
  ],
  ...(["silent", "refused", "off"] as const).map((answer): Case => [
    `bmc-${answer}`,
    `a BMC that is ${answer}`,
    (facts) => ({ ...facts, bmcs: facts.bmcs.map((bmc) => (bmc.name === "beta" ? { ...bmc, answer } : bmc)) }),
    /10\.0\.0\.202:6230/,
  ]),
  [
    "bmc-shared",
    "one BMC for two",
    (facts) => facts,
    /alpha's too/,
    (() => {
      const cluster = exampleCluster();
      const { alpha, beta } = cluster.hosts as Record<"alpha" | "beta", ClusterConfig["hosts"][string]>;
      return { ...cluster, hosts: { alpha, beta: { ...beta, bmc: alpha.bmc } } };
    })(),
  ],
];

/** What only the comparison with what is there can find; see plan.test.ts. */
const OF_THE_PLAN = ["file-foreign", "cluster-live"];

describe("the checks of a cluster's machines", () => {
  let good: ClusterFacts;

  before(async () => {
    const connections = await connectAll(exampleCluster(), (_, name) => Promise.resolve(fakeMachine(name)), {
      acceptNewHostKey: false,
    });
    const passwords = new Map(["alpha", "beta"].map((name) => [name, "x"]));
    good = await gatherCluster(exampleCluster(), connections, { report: silentReport, passwords });
  });

  const concernsOf = (facts: ClusterFacts, cluster = exampleCluster()): ReturnType<(typeof CLUSTER_CHECKS)[number]> =>
    bySeverity(CLUSTER_CHECKS.flatMap((check) => check({ cluster, facts })));

  it("find nothing in machines that are fit", () => {
    assert.deepEqual(concernsOf(good), []);
  });

  for (const [code, what, change, message, cluster] of CASES) {
    it(`call ${what} ${code}`, () => {
      const found = concernsOf(change(good), cluster);
      const [first] = found.filter((concern) => concern.code === code);
      assert.ok(first !== undefined, JSON.stringify(found));
      assert.match(first.message, message);
      assert.notEqual(first.remedy, "");
      assert.deepEqual([...new Set(found.map((concern) => concern.code))], [code]);
    });
  }

  it("have a case for every concern", () => {
    const covered = new Set([...CASES.map(([code]) => code), ...OF_THE_PLAN]);
    assert.deepEqual(
      Object.keys(CLUSTER_CONCERNS).filter((code) => !covered.has(code)),
      [],
    );
  });

  it("are in docs/cluster-concerns.md (else: npm run docs)", async () => {
    assert.equal(await readFile("docs/cluster-concerns.md", "utf8"), clusterConcernsPage());
  });
});
