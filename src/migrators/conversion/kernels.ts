import type { GuestFilesystem } from "./types.js";

/** A kernel in the guest's /boot. */
export interface GuestKernel {
  readonly release: string;
  /** Names in /boot. */
  readonly kernel: string;
  readonly initramfs: string | undefined;
}

/** The kernels in /boot, the newest first; those with an initramfs before those without. */
export async function kernelsIn(files: GuestFilesystem): Promise<readonly GuestKernel[]> {
  const names = await files.list("/boot");
  const found = names.flatMap((kernel): GuestKernel[] => {
    const release = /^vmlinu[xz]-([A-Za-z0-9][A-Za-z0-9._+~-]*)$/.exec(kernel)?.[1];
    if (release === undefined) return [];
    const initramfs = `initrd.img-${release}`;
    return [{ release, kernel, initramfs: names.includes(initramfs) ? initramfs : undefined }];
  });
  const rank = ({ initramfs }: GuestKernel): number => (initramfs === undefined ? 1 : 0);
  return found.toSorted((one, other) => rank(one) - rank(other) || newerFirst(one.release, other.release));
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

function newerFirst(one: string, other: string): number {
  return COLLATOR.compare(other, one);
}
