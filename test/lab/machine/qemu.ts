import type { Accelerator } from "../../helpers/accelerator.js";
import { DOM0_ROOT } from "../images/xen.js";
import type { MachineKind, MachineSpec } from "../types.js";
import type { Blueprint } from "./blueprint.js";

const MIB = 1024 ** 2;
/** PCI slots: the first NIC is enp0s3 in the machine. */
const [NIC_SLOT, DISK_SLOT] = [3, 8];

/** What of a machine is in its folder; QEMU's sockets, log and process id among it. */
export const FILES = {
  disk: (index: number) => `disk${index}.qcow2`,
  /** Of a machine whose kernel is outside. */
  initrd: "initrd",
  /** Private key that its root accepts. */
  identity: "id_ed25519",
  /** Its host key, by name and all addresses. */
  knownHosts: "known_hosts",
  start: "start",
  tapUp: "tap-up",
  pid: "pid",
  qmp: "qmp",
  console: "console",
  consoleLog: "console.log",
} as const;

/** The disks among the names of files in a machine's folder, in order. */
export function diskFiles(names: readonly string[]): readonly string[] {
  return names.filter((name) => /^disk\d+\.qcow2$/.test(name)).sort();
}

interface Hardware {
  readonly cpu: string;
  readonly args: readonly string[];
  readonly disk: (index: number, serial: string) => string;
  readonly nic: string;
}

const HARDWARE: Readonly<Record<MachineKind, Hardware>> = {
  node: {
    cpu: "max",
    args: [],
    disk: (index, serial) => `virtio-blk-pci,serial=${serial},addr=0x${(DISK_SLOT + index).toString(16)}`,
    nic: "virtio-net-pci",
  },
  server: {
    cpu: "max",
    args: ["-vga", "std"],
    disk: (index, serial) => `ide-hd,bus=ide.${index},serial=${serial}`,
    nic: "e1000",
  },
  xen: {
    cpu: "qemu64", // under "max", emulated, a dom0 crashes or its programs do, at random
    args: [],
    disk: (index, serial) => `ide-hd,bus=ide.${index},serial=${serial}`,
    nic: "e1000",
  },
};

/** No AppArmor, whose profiles take an emulated machine ten seconds to load. */
const COMMAND_LINE = "rw quiet apparmor=0 audit=0 mitigations=off";

/**
 * QEMU's command line for a machine. A power cut ends QEMU, and loses nothing that the machine was told is written.
 * @param folder of the machine, where its files are
 */
export function qemuArgv(spec: MachineSpec, from: Blueprint, folder: string, accel: Accelerator): readonly string[] {
  const hardware = HARDWARE[spec.kind];
  return [
    ...["qemu-system-x86_64", "-name", spec.name, "-machine", "q35", "-accel", accel, "-smp", "1"],
    ...["-cpu", hardware.cpu, "-m", `${spec.memory / MIB}`, "-nodefaults", "-display", "none", ...hardware.args],
    ...kernelArgs(from, `${folder}/${FILES.initrd}`),
    ...from.disks.flatMap((_, index) => [
      ...["-drive", `if=none,id=disk${index},${DRIVE},file=${folder}/${FILES.disk(index)}`],
      ...["-device", `${hardware.disk(index, `${spec.name}-${index}`)},drive=disk${index}`],
    ]),
    ...spec.nics.flatMap(({ network, mac }, index) => [
      ...["-netdev", `tap,id=${network},ifname=${spec.name}-${network},script=${folder}/${FILES.tapUp},downscript=no`],
      ...["-device", `${hardware.nic},netdev=${network},id=nic-${network},mac=${mac},addr=0x${NIC_SLOT + index}`],
    ]),
    ...["-device", "virtio-rng-pci"],
    ...["-chardev", `socket,id=console,path=${folder}/${FILES.console},server=on,wait=off,${logged(folder)}`],
    ...["-serial", "chardev:console"],
    ...["-qmp", `unix:${folder}/${FILES.qmp},server=on,wait=off`],
    ...["-pidfile", `${folder}/${FILES.pid}`, "-daemonize"],
  ];
}

function kernelArgs({ kernel }: Blueprint, initrd: string): readonly string[] {
  if (kernel === undefined) return [];
  if (kernel.dom0 === undefined) {
    const line = `root=/dev/vda console=ttyS0 ${COMMAND_LINE}`;
    return ["-kernel", kernel.path, "-initrd", initrd, "-append", line];
  }
  // by its label, because the kernel numbers disks in the order in which it happens to find them; on a busy machine late
  const modules = `${kernel.dom0} root=LABEL=${DOM0_ROOT} rootdelay=300 console=hvc0 ${COMMAND_LINE},${initrd}`;
  return [
    "-kernel",
    kernel.path,
    "-initrd",
    modules,
    "-append",
    "console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M",
  ];
}

/**
 * Disks with a cache that survives a power cut, as servers' controllers have. A write is answered when QEMU has given it
 * and the image's own tables to this machine's kernel, which outlives QEMU. With a write-back cache the tables would stay
 * in QEMU's memory until the machine flushes, however long that takes; a real disk writes its cache within moments, and
 * LVM, which never flushes its metadata, lives by that. Nothing is synced to this machine's disks: its own power is not
 * what is cut.
 */
const DRIVE = "format=qcow2,discard=unmap,cache.writeback=off,cache.direct=off,cache.no-flush=on";

/** The script that power.sh starts the machine with: `start [SNAPSHOT]`; from a snapshot it comes up frozen. */
export function startScript(argv: readonly string[]): string {
  return `#!/bin/sh\nset -eu\nexec ${argv.map(quote).join(" ")} \${1:+-loadvm "$1" -S}\n`;
}

function logged(folder: string): string {
  return `logfile=${folder}/${FILES.consoleLog},logappend=on`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
