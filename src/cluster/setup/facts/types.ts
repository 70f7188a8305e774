import type { RaidArray } from "../../../lib/mdstat.js";

/** What a machine plays in a cluster: a host runs guests, a member only votes, a qdevice is no part of it. */
export type Role = "host" | "member" | "qdevice";

/** A machine as init finds it. Sizes are bytes, times ms. What could not be found out is undefined, and in `unknown`. */
export interface MachineFacts {
  /** As rehome.yaml has it. */
  readonly name: string;
  readonly role: Role;
  readonly root: boolean;
  readonly hostname: string;
  readonly kernel: string;
  /** From os-release(5): `debian`, `12`. */
  readonly release: { readonly id: string; readonly version: string };
  readonly cpu: Cpu;
  readonly memory: number;
  readonly clock: Clock;
  /** Versions of Debian packages that are installed, by name. */
  readonly packages: ReadonlyMap<string, string>;
  readonly nics: readonly NicFacts[];
  /** Addresses that names of the cluster's machines resolve to there; none for a name that does not. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  /** Public SSH host keys: type and key, without the comment. */
  readonly hostKeys: readonly string[];
  /** Whether the gateways answer it, by address. */
  readonly gateways: ReadonlyMap<string, boolean>;
  /** Of hosts only. */
  readonly hosting: Hosting | undefined;
  /** What could not be found out, and why; unknown never means absent. */
  readonly unknown: readonly string[];
}

export interface Cpu {
  readonly count: number;
  /** `GenuineIntel`, `AuthenticAMD`. */
  readonly vendor: string;
  readonly model: string;
  readonly flags: ReadonlySet<string>;
}

export interface Clock {
  /** The machine's clock minus ours. */
  readonly skew: number;
  /** How far that may be off, because asking takes time. */
  readonly uncertainty: number;
  /** Whether something keeps it in time; undefined when that is not known. */
  readonly synchronized: boolean | undefined;
}

export interface NicFacts {
  readonly name: string;
  /** With prefix length: `192.0.2.11/24`. */
  readonly addresses: readonly string[];
  readonly isBridge: boolean;
  /** The cards that it stands on: itself, or the ports of a bridge, the members of a bond, the card of a VLAN. */
  readonly cards: readonly string[];
  /** Bytes a second; undefined for a card that does not say (virtual ones). */
  readonly speed: number | undefined;
}

/** What only a host of guests must have. */
export interface Hosting {
  /** Whether a processor really runs under KVM. */
  readonly kvm: boolean | undefined;
  /** Of the DRBD module that the kernel has: `8.4.11`; undefined when there is none. */
  readonly drbdModule: string | undefined;
  /** The guests' volume group; undefined when there is none of that name. */
  readonly volumeGroup: { readonly size: number; readonly free: number } | undefined;
  /** The disks that rehome.yaml gives for it, by path. */
  readonly disks: ReadonlyMap<string, DiskFacts | undefined>;
  readonly raid: readonly RaidArray[];
}

export interface DiskFacts {
  readonly size: number;
  /** What is on it: `ext4`, `a partition table`, `LVM2_member` …; empty for an empty disk. */
  readonly holds: readonly string[];
  /** The volume group that it is part of already. */
  readonly group: string | undefined;
}

/** What was measured between the two hosts over the backplane. */
export interface LinkFacts {
  /** Bytes a second that arrived; undefined when nothing did. */
  readonly rate: number | undefined;
  /** Whether a host had no processor time left for more: then the network may carry more than that. */
  readonly busy: boolean;
  /** Why nothing arrived. */
  readonly failure: string | undefined;
}

/** Whether a BMC answers another member as rehome.yaml says. */
export interface BmcFacts {
  /** Whose power it switches. */
  readonly name: string;
  /** Who asked it. */
  readonly from: string;
  readonly answer: "on" | "off" | "refused" | "silent" | "agent-missing";
  /** What the fence agent said when it did not answer; never a password. */
  readonly output: string;
}

/** All that is known before anything is planned. */
export interface ClusterFacts {
  readonly machines: readonly MachineFacts[];
  /** Machines that could not be looked at, and why. */
  readonly unreachable: readonly { readonly name: string; readonly message: string; readonly remedy: string }[];
  readonly link: LinkFacts | undefined;
  readonly bmcs: readonly BmcFacts[];
}
