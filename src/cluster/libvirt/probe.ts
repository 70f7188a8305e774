import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import type { Hypervisor } from "./types.js";

const QEMU = "qemu-system-x86_64";
const PROBE_LIMIT_MS = 20_000;
/** KVM may take this many times as long as emulation, and a moment more, before it is no use. */
const SLOWER = 2;
const MOMENT_MS = 1000;
/** A busy machine may lose one of them by chance. */
const ATTEMPTS = 2;
const SECTOR = 512;

/**
 * A boot sector that enters 64-bit mode with paging and writes "K" to port 0xe9; its source is templates/kvm-probe.S.
 * There are machines whose KVM runs a BIOS and hangs in 64-bit mode, for seconds or for ever.
 */
const PROBE_SECTOR = Buffer.concat([
  Buffer.from(
    "fa31c08ed88ec08ed0bc0070bf0010b90030fcf3aa66c70600100320000066c7" +
      "06002003300000" +
      "66c706003083000000" +
      "66b8a00000000f22e066b8001000000f22d866b9800000c00f32660d00010000" +
      "0f300f20c0660d010000800f22c00f0116807cea687c0800b04be6e9f4ebf990" +
      "0000000000000000" +
      "00000000009a2000" +
      "0f00707c0000",
    "hex",
  ),
]);

/**
 * Finds out what this host runs guests with. That /dev/kvm exists proves nothing, so a processor is really started
 * with it.
 * @throws RehomeError command-failed when QEMU is not installed
 */
export async function probeHypervisor(host: Host): Promise<Hypervisor> {
  const machines = await host.run([QEMU, "-machine", "help"], { timeoutMs: 60_000 });
  if (machines.exitCode !== 0) {
    throw new RehomeError("command-failed", `${QEMU} cannot be run`, {
      machine: host.name,
      output: machines.stderr.trim(),
      remedy: "install the package qemu-system-x86",
    });
  }
  return {
    type: (await kvmWorks(host)) ? "kvm" : "qemu",
    machines: { bios: pinned(host, machines.stdout, "pc"), uefi: pinned(host, machines.stdout, "q35") },
  };
}

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

/** Whether a processor runs under KVM about as soon as under emulation, whatever else the host has to do. */
export async function kvmWorks(host: Host): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const emulatedMs = await probeMs(host, "tcg", PROBE_LIMIT_MS); // undefined where QEMU cannot emulate
    const limitMs = emulatedMs === undefined ? PROBE_LIMIT_MS : SLOWER * emulatedMs + MOMENT_MS;
    if ((await probeMs(host, "kvm", limitMs)) !== undefined) return true;
  }
  return false;
}

/**
 * Starts the probe sector with an accelerator of QEMU's (`kvm`, `tcg`).
 * @returns after how many ms it said its letter; undefined when it did not within the limit
 */
export async function probeMs(host: Host, accelerator: "kvm" | "tcg", limitMs: number): Promise<number | undefined> {
  const folder = (await runChecked(host, ["mktemp", "-d"])).trim();
  try {
    const image = `${folder}/probe.img`;
    await host.writeFile(image, probeImage(), 0o600);
    const startedAt = performance.now();
    const said = await says(host, probeArgv(accelerator, image), "K", limitMs);
    return said ? performance.now() - startedAt : undefined;
  } finally {
    await host.run(["rm", "-rf", "--", folder]);
  }
}

function probeImage(): Buffer {
  const sector = Buffer.alloc(SECTOR);
  PROBE_SECTOR.copy(sector);
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
}

function probeArgv(accelerator: string, image: string): readonly string[] {
  return [
    ...[QEMU, "-accel", accelerator, "-machine", "pc", "-m", "32", "-nodefaults", "-display", "none"],
    ...["-chardev", "stdio,id=out,signal=off", "-device", "isa-debugcon,iobase=0xe9,chardev=out"],
    ...["-drive", `if=floppy,format=raw,readonly=on,file=${image}`],
  ];
}

async function says(host: Host, argv: readonly string[], letter: string, limitMs: number): Promise<boolean> {
  const child = await host.start(argv);
  let limit: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      new Promise<boolean>((resolve) => {
        child.stdout.on("data", (data: Buffer) => {
          if (data.includes(letter)) resolve(true);
        });
      }),
      child.exited.then(() => false),
      new Promise<boolean>((resolve) => {
        limit = setTimeout(() => resolve(false), limitMs);
      }),
    ]);
  } finally {
    clearTimeout(limit);
    child.stdin.on("error", () => undefined);
    child.stderr.resume();
    child.kill();
    await child.exited.catch(() => undefined);
  }
}
