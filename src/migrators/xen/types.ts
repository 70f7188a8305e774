/** The model of a Xen host: what its domains are, whichever tool or file told. */
import type { DiskBackend, Firmware } from "../types.js";

export type { DiskBackend };

/** A dom0 and all its domains but itself. */
export interface XenHost {
  readonly hostname: string;
  /** Of the dom0: domains' ids begin anew when it is restarted. */
  readonly bootId: string;
  /** `4.17.7`; undefined when the tools did not tell. */
  readonly version: string | undefined;
  readonly toolstack: Toolstack;
  readonly domains: readonly Domain[];
  readonly auto: AutoFolders;
  /** What could not be found out, and why. */
  readonly unknown: readonly string[];
}

/** From where a host starts domains when it starts itself. */
export interface AutoFolders {
  /** It starts the domain of every file in them. */
  readonly folders: readonly string[];
  /** What of its settings is not understood, or the file that cannot be read: it may mean other folders. */
  readonly unclear?: { readonly path: string; readonly line?: number; readonly text: string } | undefined;
}

/** The program that controls the domains: xl since Xen 4.1, xm before, virsh where libvirt does it. */
export type Toolstack = "xl" | "xm" | "virsh";

/** A virtual machine as its host knows it; what is inside is another matter. */
export interface Domain {
  readonly name: string;
  readonly uuid: string | undefined;
  /** Another one each time it starts; undefined while it is off. */
  readonly id: number | undefined;
  readonly state: DomainState;
  readonly type: DomainType;
  readonly vcpus: number;
  readonly memory: number;
  readonly boot: DomainBoot;
  readonly disks: readonly DomainDisk[];
  readonly nics: readonly DomainNic[];
  /** Whether it starts with its host; undefined when that is not known. */
  readonly autostart: boolean | undefined;
  /** The file that it is started from, where there is one. */
  readonly configPath: string | undefined;
}

export interface DomainDisk {
  /** In the domain: `xvda`, `xvda1`, `hda`. */
  readonly device: string;
  /** On the host: `/dev/vg0/web1`, `/srv/xen/web1.img`; empty for a drive without a medium. */
  readonly path: string;
  readonly backend: DiskBackend;
  /** Of the device or file on the host, in bytes, where there is one. */
  readonly size?: number;
  readonly writable: boolean;
  readonly cdrom: boolean;
}

export interface DomainNic {
  /** Undefined when the host makes one up at each start. */
  readonly mac: string | undefined;
  readonly bridge: string | undefined;
  readonly model: string | undefined;
}

/** Paravirtual without and with hardware's help, or a whole machine with firmware. */
export type DomainType = "pv" | "pvh" | "hvm";

export type DomainState = "running" | "paused" | "crashed" | "off";

/** Where its kernel comes from: a file of its host, its own disk as a program on the host reads it, or firmware. */
export type DomainBoot =
  | {
      readonly kind: "kernel";
      readonly kernel: string;
      readonly ramdisk: string | undefined;
      readonly commandLine: string;
    }
  | { readonly kind: "bootloader"; readonly program: string }
  | { readonly kind: "firmware"; readonly firmware: Firmware };
