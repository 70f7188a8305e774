import { formatSize, parseSize } from "../../../lib/units.js";
import { clusterConcern, type ClusterConcern } from "../concerns.js";
import { commonCpuModel, differentFlags } from "../facts/processor.js";
import { drbdVersion } from "../files/drbd-common.js";
import { PACKAGES, QDEVICE_PACKAGE, SAME_VERSION } from "../packages.js";
import { differ, each, hostFacts, memberFacts, type ClusterCheck, type HostFacts } from "./context.js";

const OLDEST_DEBIAN = 12;
/** A difference that is worth a word: a guest that fits one host may not fit the other. */
const MEMORY_TOLERANCE = 0.05;
const FLAGS_SHOWN = 12;

export const checkRelease: ClusterCheck = ({ facts }) => [
  ...facts.machines
    .filter(({ release }) => release.id !== "debian" || Number(release.version) < OLDEST_DEBIAN)
    .map(({ name, release }) =>
      clusterConcern(
        "release-unsupported",
        name,
        `it runs ${release.id === "" ? "an unknown system" : `${release.id} ${release.version}`}`,
        "install Debian 12 on it",
      ),
    ),
  ...(differ(memberFacts(facts), ({ release }) => release.version)
    ? [
        clusterConcern(
          "release-differs",
          undefined,
          each(memberFacts(facts), ({ release }) => `Debian ${release.version}`),
          "upgrade the older one first: corosync and Pacemaker of different releases may not speak to each other",
        ),
      ]
    : []),
  ...(differ(hostFacts(facts), ({ kernel }) => kernel)
    ? [
        clusterConcern(
          "kernel-differs",
          undefined,
          each(hostFacts(facts), ({ kernel }) => kernel),
          "update both and restart them, so that guests and DRBD find the same on either",
        ),
      ]
    : []),
];

export const checkPackages: ClusterCheck = ({ cluster, facts }) => {
  const missing = facts.machines.flatMap(({ name, role, packages }) => {
    const wanted = [
      ...PACKAGES[role],
      ...(role !== "qdevice" && cluster.arbitrator.kind === "qdevice" ? [QDEVICE_PACKAGE] : []),
    ];
    const lacking = wanted.filter((each) => !packages.has(each));
    if (lacking.length === 0) return [];
    const install = `apt-get install --no-install-recommends ${lacking.join(" ")}`;
    return [clusterConcern("package-missing", name, `not installed: ${lacking.join(", ")}`, `run there: ${install}`)];
  });
  const hosts = hostFacts(facts).filter(({ packages }) => packages.size > 0);
  const different = SAME_VERSION.filter((name) => hosts.every(({ packages }) => packages.has(name)))
    .filter((name) => differ(hosts, ({ packages }) => packages.get(name)))
    .map((name) =>
      clusterConcern(
        "package-differs",
        undefined,
        `${name}: ${each(hosts, ({ packages }) => packages.get(name) ?? "")}`,
        "bring both hosts to the same state with apt-get upgrade",
      ),
    );
  return [...missing, ...different];
};

export const checkProcessors: ClusterCheck = ({ facts }) => {
  const hosts = hostFacts(facts);
  const cpus = hosts.map(({ cpu }) => cpu);
  const common = commonCpuModel(cpus);
  const without = hosts
    .filter(({ hosting }) => hosting.kvm === false)
    .map(({ name }) =>
      clusterConcern(
        "kvm-unavailable",
        name,
        "no guest starts under KVM",
        "switch on AMD-V or VT-x in its firmware; see that the module kvm_amd or kvm_intel is loaded",
      ),
    );
  if (differ(cpus, ({ vendor }) => vendor)) {
    return [
      ...without,
      clusterConcern(
        "cpu-vendor-differs",
        undefined,
        each(hosts, ({ cpu }) => cpu.vendor),
        `guests get the CPU model ${common}, which is slow for what uses newer instructions; never move them live`,
      ),
    ];
  }
  const flags = differentFlags(cpus);
  if (flags.length === 0) return without;
  const shown = flags.slice(0, FLAGS_SHOWN).join(" ");
  const more = flags.length > FLAGS_SHOWN ? ` and ${flags.length - FLAGS_SHOWN} more` : "";
  return [
    ...without,
    clusterConcern(
      "cpu-differs",
      undefined,
      `${each(hosts, ({ cpu }) => cpu.model)}; only one can ${shown}${more}`,
      `guests get the CPU model ${common}, which both have; the same firmware and microcode may close the gap`,
    ),
  ];
};

export const checkMemory: ClusterCheck = ({ cluster, facts }) => {
  const hosts = hostFacts(facts).filter(({ memory }) => memory > 0);
  const reserved = parseSize(cluster.reserve.memory);
  const full = hosts.filter(({ memory, cpu }) => memory <= reserved || cpu.count <= cluster.reserve.cpus);
  const [least, most] = hosts.toSorted((a, b) => a.memory - b.memory);
  const concerns: ClusterConcern[] = full.map(({ name, memory, cpu }) =>
    clusterConcern(
      "memory-reserved",
      name,
      `of ${formatSize(memory)} and ${cpu.count} CPUs the reserve leaves guests nothing`,
      "make cluster.reserve smaller",
    ),
  );
  if (least === undefined || most === undefined || least.memory >= most.memory * (1 - MEMORY_TOLERANCE))
    return concerns;
  return [
    ...concerns,
    clusterConcern(
      "memory-differs",
      undefined,
      each(hosts, ({ memory }) => formatSize(memory)),
      `plan for what ${least.name} carries: all guests must fit there when ${most.name} is gone`,
    ),
  ];
};

export const checkDrbd: ClusterCheck = ({ facts }) => {
  const hosts = hostFacts(facts);
  const version = ({ hosting }: HostFacts): string | undefined => drbdVersion(hosting.drbdModule ?? "");
  const missing = hosts
    .filter((host) => version(host) === undefined)
    .map(({ name, kernel, hosting }) =>
      clusterConcern(
        "drbd-missing",
        name,
        hosting.drbdModule === undefined
          ? `kernel ${kernel} has no module drbd`
          : `kernel ${kernel} has DRBD ${hosting.drbdModule}`,
        "install linux-image-amd64, which has DRBD 8.4, or drbd-dkms of LINBIT, and restart",
      ),
    );
  if (missing.length > 0 || !differ(hosts, version)) return missing;
  return [
    clusterConcern(
      "drbd-differs",
      undefined,
      each(hosts, ({ hosting }) => `DRBD ${hosting.drbdModule ?? ""}`),
      "install the same module on both: their configurations are not the same",
    ),
  ];
};
