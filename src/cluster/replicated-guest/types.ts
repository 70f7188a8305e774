import type { Report } from "../../lib/report.js";
import type { PresentHosts } from "../pacemaker/presence.js";
import type { Change } from "../simulation/changes.js";

/** A guest on a replicated volume, as it is to become resources of a real cluster. */
export interface GuestRequest {
  /** The guest's name, of its domain and of its resource. */
  readonly name: string;
  /** libvirt's domain XML for a guest with these disks, for the hosts that are there; nothing in it is trusted. */
  readonly xml: (devices: readonly string[], present: PresentHosts) => string | Promise<string>;
  /** What errors call the XML: the path of the file that it is from. */
  readonly source: string;
  /** The replicated volume (`rehome volume create`) whose devices are its disks. */
  readonly volume: string;
  /**
   * Has whoever writes to the volume let go of it, while the hosts are asked; that nobody has it promoted is made sure of
   * afterwards. Called again it does nothing. Without it nobody of rehome's had the volume.
   */
  readonly release?: () => Promise<void>;
  /** The host that it is to run on when nothing speaks for another one; what was said before stays without it. */
  readonly preferred?: string | undefined;
  /** Whether the cluster starts it at once; a guest that is registered already keeps what it was asked to be. */
  readonly start: boolean;
}

export interface GuestOptions {
  readonly report: Report;
  readonly signal?: AbortSignal;
  /** Go on where something else would be stopped by it, or where nobody can tell. */
  readonly force?: boolean;
  /** How long another rehome may be changing the cluster before that is an error, in ms; a moment without it. */
  readonly lockWaitMs?: number;
  /** How long the cluster may take to give up a host that cannot be logged in to, or to find out whether a guest runs, in ms. */
  readonly patienceMs?: number;
}

/** What registering a guest, or taking it out, changes; or would, where nothing was done. */
export interface GuestChange {
  readonly guest: string;
  /** Of the cluster's configuration, as diff -u prints it; empty when it stays. */
  readonly difference: string;
  /** Files on the hosts that are written anew or removed. */
  readonly files: readonly FileChange[];
  /** What becomes something else by it, the guest's own resources first. */
  readonly moves: readonly Change[];
  /** Hosts that are away, and must not run it before they are given its definition. */
  readonly undefinedOn: readonly string[];
  /** What an administrator should know, in sentences. */
  readonly notes: readonly string[];
}

export interface FileChange {
  readonly machine: string;
  readonly path: string;
  /** As diff -u prints it. */
  readonly difference: string;
}

/** What a guest's domain XML asks for, once nothing dangerous was found in it. */
export interface GuestDomain {
  readonly name: string;
  readonly uuid: string;
  readonly hypervisor: "kvm" | "qemu";
  /** A versioned machine type: `pc-q35-7.2`. */
  readonly machine: string;
  /** libvirt's `<cpu>` element as text; undefined for a guest that leaves it to libvirt. */
  readonly cpu: DomainCpu | undefined;
  readonly vcpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly bridges: readonly string[];
  /** Files of the hosts that it is started from: kernel, initrd, firmware. */
  readonly files: readonly string[];
  readonly usesUefi: boolean;
  /** The domain as the hosts get it. */
  readonly text: string;
}

export interface DomainCpu {
  /** `custom`, `host-model`, `host-passthrough`, `maximum`. */
  readonly mode: string;
  readonly text: string;
}
