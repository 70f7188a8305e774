/** What a guest is to libvirt: everything its domain XML is made of. */
export interface DomainSpec {
  /** libvirt's name for it, also the id of its resource. */
  readonly name: string;
  /** Kept over all starts: what the guest sees as its machine's id. Made from the name and the NICs when not given. */
  readonly uuid?: string;
  /** What a person calls it, such as the source's host name and distribution. */
  readonly title?: string;
  readonly hypervisor: Hypervisor;
  readonly firmware: "bios" | "uefi";
  readonly vcpus: number;
  /**
   * libvirt's CPU model, the same on every host that the guest may run on (`commonCpuModel` of the cluster's facts); what
   * this host has without it. Under KVM only.
   */
  readonly cpuModel?: string;
  /** Bytes. */
  readonly memory: number;
  /** In boot order: the guest starts from the first. */
  readonly disks: readonly DomainDisk[];
  readonly nics: readonly DomainNic[];
  /** File that gets all that the guest writes to its serial console. */
  readonly consoleLog: string;
}

/** What this host runs guests with; see probeHypervisor. */
export interface Hypervisor {
  /** `kvm` where the processor really runs guests, `qemu` (emulation, slow) otherwise. */
  readonly type: "kvm" | "qemu";
  /** Pinned machine types, so that an upgrade of QEMU never changes a guest's hardware. */
  readonly machines: {
    /** For BIOS guests, such as `pc-i440fx-7.2`. */
    readonly bios: string;
    /** For UEFI guests, such as `pc-q35-7.2`. */
    readonly uefi: string;
  };
}

export interface DomainDisk {
  readonly path: string;
  /** A file, or a block device such as a logical volume. */
  readonly kind: "file" | "block";
  readonly format: "raw" | "qcow2";
  /** The guest's device: `vda`. */
  readonly device: string;
  /** The source disk's serial, kept so that /dev/disk/by-id goes on working where it can. */
  readonly serial?: string;
}

export interface DomainNic {
  readonly mac: string;
  readonly bridge: string;
}
