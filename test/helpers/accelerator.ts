import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { kvmWorks } from "../../src/cluster/libvirt/probe.js";
import { localHost } from "../../src/lib/host/local-host.js";

export type Accelerator = "kvm" | "tcg";

let probed: Promise<Accelerator> | undefined;

/** How QEMU should run here: KVM only where a processor really runs under it (probed once), emulation elsewhere. */
export function accelerator(): Promise<Accelerator> {
  probed ??= probe();
  return probed;
}

/** What libguestfs needs in its environment here. */
export async function libguestfsEnv(): Promise<Readonly<Record<string, string>>> {
  const tcg = (await accelerator()) === "tcg";
  return { LIBGUESTFS_BACKEND: "direct", ...(tcg && { LIBGUESTFS_BACKEND_SETTINGS: "force_tcg" }) };
}

async function probe(): Promise<Accelerator> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return "tcg";
  }
  return (await kvmWorks(localHost())) ? "kvm" : "tcg";
}
