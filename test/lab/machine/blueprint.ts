import { serverImage } from "../../helpers/server-image.js";
import { nodeImage } from "../images/node.js";
import { xenImage } from "../images/xen.js";
import type { MachineKind, MachineSpec } from "../types.js";

/** A disk: over an image, which never changes, or empty with a size in bytes. */
export type DiskPlan = { readonly image: string } | { readonly size: number };

/** What a machine is made from. */
export interface Blueprint {
  /** It boots from the first one, unless its kernel is outside. */
  readonly disks: readonly DiskPlan[];
  /**
   * For a machine that QEMU boots; its initramfs is also where it gets its identity from. With the kernel of a dom0, `path`
   * is the hypervisor.
   */
  readonly kernel?: { readonly path: string; readonly initrd: string; readonly dom0?: string };
  /** What is run on it once it has booted for the first time. */
  readonly firstBoot?: readonly string[];
  /** Private key that root accepts. */
  readonly identity: string;
  /** Of an image that is one particular machine already: `ssh-ed25519 AAAA…`. */
  readonly hostKey?: string;
}

const BLUEPRINTS: Readonly<Record<MachineKind, (log: (line: string) => void) => Promise<Blueprint>>> = {
  node: async (log) => {
    const image = await nodeImage(log);
    const kernel = { path: image.kernel, initrd: image.initrd };
    return { disks: [{ image: image.rootDisk }], kernel, identity: image.identity };
  },
  server: async (log) => {
    const { rootDisk, dataDisk, identity, hostKey } = await serverImage({ virtio: true }, log);
    return { disks: [{ image: rootDisk }, { image: dataDisk }], identity, hostKey };
  },
  xen: async (log) => {
    const { rootDisk, hypervisor, kernel, initrd, identity } = await xenImage(log);
    const firstBoot = ["/usr/local/lib/lab-xen/make-guests"];
    return { disks: [{ image: rootDisk }], kernel: { path: hypervisor, initrd, dom0: kernel }, identity, firstBoot };
  },
};

/** What a machine is made from; its image is built when the cache does not have it. */
export async function blueprint(spec: MachineSpec, log: (line: string) => void): Promise<Blueprint> {
  const made = await BLUEPRINTS[spec.kind](log);
  return { ...made, disks: [...made.disks, ...spec.emptyDisks.map((size) => ({ size }))] };
}
