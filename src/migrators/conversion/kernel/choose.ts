import type { Machine } from "../../types.js";

/** Where the kernel of the converted guest comes from. */
export type KernelChoice =
  /** The guest has one in /boot. */
  | { readonly from: "guest" }
  /** The one that its hypervisor's host started it with; the guest has its modules. */
  | { readonly from: "host"; readonly release: string; readonly kernel: string; readonly ramdisk: string | undefined }
  /** Packages that rehome.yaml names. */
  | { readonly from: "packages"; readonly paths: readonly string[] }
  | { readonly from: "nowhere"; readonly why: string };

/** The guest's own kernel before any other; then what the administrator gives, then what it ran with so far. Pure. */
export function chooseKernel(
  { boot, kernels }: Pick<Machine, "boot" | "kernels">,
  packages: readonly string[],
): KernelChoice {
  if (boot === undefined || kernels.some(({ modulesOnly }) => modulesOnly !== true)) return { from: "guest" };
  if (packages.length > 0) return { from: "packages", paths: packages };
  if (boot.how === "menu") return { from: "nowhere", why: "the guest has no kernel in /boot" };
  const { kernel, ramdisk, release, hasModules } = boot;
  if (release === undefined) return { from: "nowhere", why: `nobody can tell the release of ${kernel}` };
  if (hasModules !== true) return { from: "nowhere", why: `the guest has no modules of ${release}, its host's kernel` };
  return { from: "host", release, kernel, ramdisk };
}
