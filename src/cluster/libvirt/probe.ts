import type { Host } from "../../lib/host/types.js";
import { RehomeError } from "../../lib/errors.js";
import type { Hypervisor } from "./types.js";

/**
 * Finds out what this host runs guests with. That /dev/kvm exists proves nothing (it may hang under some
 * hypervisors), so a guest's firmware is really started with it, for a few seconds at the most.
 * @throws RehomeError command-failed when QEMU is not installed
 */
export async function probeHypervisor(host: Host): Promise<Hypervisor> {
  const machines = await host.run([QEMU, "-machine", "help"], { timeoutMs: 10_000 });
  if (machines.exitCode !== 0) {
    throw new RehomeError("command-failed", `${QEMU} cannot be run`, {
      machine: host.name,
      output: machines.stderr.trim(),
      remedy: "install the package qemu-system-x86",
    });
  }
  return {
    type: (await kvmWorks(host)) ? "kvm" : "qemu",
    machines: {
      bios: pinned(host, machines.stdout, "pc"),
      uefi: pinned(host, machines.stdout, "q35"),
    },
  };
}

const QEMU = "qemu-system-x86_64";
const KVM_LIMIT_MS = 5000;

/** The newest versioned type behind an alias, from lines such as `pc   Standard PC (…) (alias of pc-i440fx-7.2)`. */
function pinned(host: Host, help: string, alias: string): string {
  const line = help.split("\n").find((text) => text.startsWith(`${alias} `));
  const type = /\(alias of ([^)]+)\)/.exec(line ?? "")?.[1];
  if (type !== undefined) return type;
  throw new RehomeError("output-unreadable", `${QEMU} does not tell what machine type ${alias} stands for`, {
    machine: host.name,
    output: line ?? "",
  });
}

/** Starts the BIOS under KVM with its debug port on standard output: its first byte is proof enough. */
async function kvmWorks(host: Host): Promise<boolean> {
  const child = await host.start([
    ...[QEMU, "-accel", "kvm", "-machine", "pc", "-m", "32", "-nodefaults", "-display", "none"],
    ...["-chardev", "stdio,id=bios,signal=off", "-device", "isa-debugcon,iobase=0x402,chardev=bios"],
  ]);
  let limit: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      new Promise<boolean>((resolve) => child.stdout.once("data", () => resolve(true))),
      child.exited.then(() => false),
      new Promise<boolean>((resolve) => (limit = setTimeout(() => resolve(false), KVM_LIMIT_MS))),
    ]);
  } finally {
    clearTimeout(limit);
    child.stdin.on("error", () => undefined);
    child.stderr.resume();
    child.kill();
    await child.exited.catch(() => undefined);
  }
}
