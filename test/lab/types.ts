/** The lab's two networks; each is a bridge of this name in the lab's world. */
export type Network = "lan" | "backplane";

/**
 * What a machine is made of. `node`: the image of nodes, on virtio. `server`: an old physical server, with BIOS, grub, LVM,
 * SATA disks and an e1000 (test/helpers/server-image.ts). `xen`: a dom0 with guests, on SATA disks and an e1000.
 */
export type MachineKind = "node" | "server" | "xen";

/** A machine of the lab, before it is made. Sizes are bytes. */
export interface MachineSpec {
  readonly name: string;
  readonly kind: MachineKind;
  readonly memory: number;
  /** In the order of its PCI slots, which name the NICs in the machine: enp0s3, enp0s4. */
  readonly nics: readonly NicSpec[];
  /** Whether the first NIC is a port of br0, as on a host of guests, where guests' NICs are ports too. */
  readonly bridge: boolean;
  /** Sizes of the empty disks beside those of its image. */
  readonly emptyDisks: readonly number[];
  readonly bmc: BmcSpec;
}

export interface NicSpec {
  readonly network: Network;
  /** IPv4, without the length of the prefix, which is 24 everywhere. */
  readonly address: string;
  readonly mac: string;
}

/** A BMC, as fence_ipmilan --lanplus reaches it on the LAN. */
export interface BmcSpec {
  readonly address: string;
  readonly user: string;
  readonly password: string;
}
