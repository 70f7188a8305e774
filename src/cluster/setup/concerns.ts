import { concernTable, type Concern, type ConcernInfo } from "../../lib/concern.js";

/**
 * Every concern that a cluster's machines can raise. To add one: write it here, return it from a check in checks/, give
 * it a case in test/cluster/setup, run `npm run docs`. Never rename or reuse a code.
 */
export const CLUSTER_CONCERNS = {
  // reaching the machines
  "machine-unreachable": { severity: "blocker", meaning: "a machine cannot be reached or logged in to" },
  "machine-not-root": { severity: "blocker", meaning: "the login on a machine is not root's, and sudo is not set" },
  "machine-name": { severity: "blocker", meaning: "a machine has another name than rehome.yaml gives it" },
  "facts-incomplete": { severity: "warning", meaning: "something could not be found out about a machine" },

  // what the machines are
  "release-unsupported": { severity: "blocker", meaning: "a machine does not run Debian 12 or newer" },
  "release-differs": { severity: "blocker", meaning: "the members run different releases of Debian" },
  "kernel-differs": { severity: "warning", meaning: "the hosts run different kernels" },
  "package-missing": { severity: "blocker", meaning: "a Debian package is not installed" },
  "package-differs": { severity: "warning", meaning: "the hosts have different versions of a package" },
  "cpu-vendor-differs": { severity: "warning", meaning: "the hosts have processors of different vendors" },
  "cpu-differs": { severity: "warning", meaning: "the hosts' processors can do different things" },
  "memory-differs": { severity: "warning", meaning: "one host has less memory, which bounds what both can carry" },
  "memory-reserved": { severity: "warning", meaning: "the reserve leaves guests no memory or no CPU" },
  "kvm-unavailable": { severity: "blocker", meaning: "a host cannot run guests on its processor" },
  "drbd-missing": { severity: "blocker", meaning: "a host's kernel has no DRBD that rehome knows" },
  "drbd-differs": { severity: "blocker", meaning: "the hosts' kernels have DRBD of different generations" },

  // clocks, names, networks
  "clock-differs": { severity: "blocker", meaning: "the members' clocks differ" },
  "clock-unsynchronized": { severity: "warning", meaning: "nothing keeps a machine's clock in time" },
  "name-conflict": { severity: "blocker", meaning: "a name resolves to something else than rehome.yaml says" },
  "network-missing": { severity: "blocker", meaning: "a machine has no interface with an address of rehome.yaml" },
  "network-shared": { severity: "blocker", meaning: "the LAN and the backplane are one network, or share a card" },
  "network-split": { severity: "blocker", meaning: "the machines' addresses are not on one subnet" },
  "backplane-unreachable": { severity: "blocker", meaning: "the hosts do not reach each other over the backplane" },
  "backplane-too-slow": { severity: "blocker", meaning: "the backplane is no faster than 100 Mbit/s" },
  "backplane-slow": { severity: "warning", meaning: "the backplane is slower than 1 Gbit/s" },
  "bridge-missing": { severity: "blocker", meaning: "a host lacks a bridge for guests' network cards" },
  "gateway-silent": { severity: "warning", meaning: "a gateway does not answer a ping" },

  // storage
  "volume-group-missing": { severity: "blocker", meaning: "a host has no volume group, and no disk to make one of" },
  "volume-group-differs": { severity: "warning", meaning: "the hosts' volume groups are of different sizes" },
  "volume-group-full": { severity: "warning", meaning: "there is little room left for volumes" },
  "disk-missing": { severity: "blocker", meaning: "a disk of rehome.yaml does not exist" },
  "disk-in-use": { severity: "blocker", meaning: "a disk for the volume group is not empty" },
  "raid-degraded": { severity: "warning", meaning: "a software RAID has lost a disk" },
  "raid-inactive": { severity: "warning", meaning: "a software RAID is not assembled" },

  // fencing
  "bmc-silent": { severity: "blocker", meaning: "a BMC does not answer another member" },
  "bmc-refused": { severity: "blocker", meaning: "a BMC refuses the user or the password" },
  "bmc-off": {
    severity: "blocker",
    meaning: "a BMC says that its machine is off, and we are logged in to that machine",
  },
  "bmc-shared": { severity: "blocker", meaning: "two machines have the same BMC" },

  // what is there already
  "file-foreign": { severity: "blocker", meaning: "somebody else's configuration is where rehome's would be" },
  "cluster-live": { severity: "blocker", meaning: "corosync runs, and its configuration would change" },
} as const satisfies Record<string, ConcernInfo>;

export type ClusterConcernCode = keyof typeof CLUSTER_CONCERNS;

/** A concern about a cluster's machine, or about the cluster as a whole. */
export interface ClusterConcern extends Concern {
  readonly code: ClusterConcernCode;
  readonly machine?: string;
}

/** @param message lower case, no full stop, names what is concerned */
export function clusterConcern(
  code: ClusterConcernCode,
  machine: string | undefined,
  message: string,
  remedy: string,
): ClusterConcern {
  const { severity } = CLUSTER_CONCERNS[code];
  return { code, severity, ...(machine !== undefined && { machine }), message, remedy };
}

/** docs/cluster-concerns.md */
export function clusterConcernsPage(): string {
  return [
    "# Concerns about a cluster",
    "",
    "What `rehome cluster plan` and `init` may have to say about the machines. A blocker must be put right before anything",
    "is changed (exit status 5), a warning should be understood. Each comes with what to do about it.",
    "",
    ...concernTable(CLUSTER_CONCERNS),
    "",
  ].join("\n");
}
