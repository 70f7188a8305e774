import { fileURLToPath } from "node:url";
import type { Accelerator } from "../../helpers/accelerator.js";
import type { MachineSpec } from "../types.js";

const MIB = 1024 ** 2;
const TAP_UP = fileURLToPath(new URL("tap-up.sh", import.meta.url));

/** What of a machine is in its folder; QEMU's sockets, log and process id among it. */
export const FILES = {
  root: "root.qcow2",
  /** Of the n-th data disk, from 0. */
  data: (index: number) => `data${index}.qcow2`,
  initrd: "initrd",
  /** Private key that its root accepts. */
  identity: "id_ed25519",
  /** Its host key, by name and all addresses. */
  knownHosts: "known_hosts",
  start: "start",
  pid: "pid",
  qmp: "qmp",
  console: "console",
  consoleLog: "console.log",
} as const;

/**
 * QEMU's command line for a machine of the image of nodes. Its disks' caches are the host's, flushes are ignored: a
 * machine that loses its power loses nothing that its disks were given, as with disks that have capacitors.
 * @param folder of the machine, where QEMU is started
 */
export function qemuArgv(spec: MachineSpec, folder: string, kernel: string, accel: Accelerator): readonly string[] {
  const disks = [FILES.root, ...spec.dataDisks.map((_, index) => FILES.data(index))];
  return [
    ...["qemu-system-x86_64", "-name", spec.name, "-machine", "q35", "-accel", accel, "-cpu", "max", "-smp", "1"],
    ...["-m", `${spec.memory / MIB}`, "-nodefaults", "-display", "none"],
    ...["-kernel", kernel, "-initrd", `${folder}/${FILES.initrd}`, "-append", COMMAND_LINE],
    ...disks.flatMap((name, index) => [
      ...["-drive", `if=none,id=disk${index},format=qcow2,discard=unmap,cache=unsafe,file=${folder}/${name}`],
      ...[
        "-device",
        `virtio-blk-pci,drive=disk${index},serial=${spec.name}-${index},addr=0x${(8 + index).toString(16)}`,
      ],
    ]),
    ...spec.nics.flatMap(({ network, mac }, index) => [
      ...["-netdev", `tap,id=${network},ifname=${spec.name}-${network},script=${TAP_UP},downscript=no`],
      ...["-device", `virtio-net-pci,netdev=${network},id=nic-${network},mac=${mac},addr=0x${3 + index}`],
    ]),
    ...["-device", "virtio-rng-pci"],
    ...["-chardev", `socket,id=console,path=${folder}/${FILES.console},server=on,wait=off${LOGGED(folder)}`],
    ...["-serial", "chardev:console"],
    ...["-qmp", `unix:${folder}/${FILES.qmp},server=on,wait=off`],
    ...["-pidfile", `${folder}/${FILES.pid}`, "-daemonize"],
  ];
}

/** The script that power.sh starts the machine with: `start [SNAPSHOT]`; from a snapshot it comes up frozen. */
export function startScript(argv: readonly string[]): string {
  return `#!/bin/sh\nset -eu\nexec ${argv.map(quote).join(" ")} \${1:+-loadvm "$1" -S}\n`;
}

/** No AppArmor, whose profiles take an emulated machine ten seconds to load. */
const COMMAND_LINE = "root=/dev/vda rw console=ttyS0 quiet apparmor=0 audit=0 mitigations=off";

const LOGGED = (folder: string): string => `,logfile=${folder}/${FILES.consoleLog},logappend=on`;

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
