import { EMULATED_CPU, virtioSerial } from "../../cluster/libvirt/domain-xml.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { RehomeError } from "../../lib/errors.js";
import { formatSize } from "../../lib/units.js";
import type { OverlayDisk } from "../conversion/types.js";
import type { GuestPlan } from "../types.js";

const MIB = 1024 ** 2;

/** Names of the chardevs. */
export const AGENT = "agent";

export interface Hardware {
  readonly plan: GuestPlan;
  readonly hypervisor: Hypervisor;
  readonly disks: readonly OverlayDisk[];
  readonly vcpus: number;
  /** Bytes. */
  readonly memory: number;
  /** File that gets what the guest writes to its serial port. */
  readonly consoleLog: string;
}

/**
 * QEMU's command line for a guest as its domain will be (src/cluster/libvirt/domain-xml.ts), with two differences: its
 * disks are overlays, and its cards are on a network that QEMU makes up for it, where a DHCP server answers and nothing
 * else does. QEMU's monitor is its standard input and output. The guest is killed with the process that started it, and
 * is only paused when it ends, panics, or its disks fail. QEMU itself may start no program and open no other rights.
 */
export function qemuArgv({ plan, hypervisor, disks, vcpus, memory, consoleLog }: Hardware): readonly string[] {
  const emulated = hypervisor.type === "qemu";
  return [
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    ...["qemu-system-x86_64", "-no-user-config", "-nodefaults", "-display", "none"],
    ...["-name", `guest=rehearsal of ${plan.name}`],
    ...["-machine", `${hypervisor.machines.bios},accel=${emulated ? "tcg" : "kvm"},usb=off`],
    ...["-cpu", emulated ? EMULATED_CPU : "host", "-smp", `${vcpus}`, "-m", `size=${Math.floor(memory / MIB)}M`],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-chardev", "stdio,id=monitor,signal=off", "-mon", "chardev=monitor,mode=control"],
    ...["-action", "panic=pause,shutdown=pause", "-rtc", "base=utc"],
    ...disks.flatMap(({ device, overlayPath }, index) => disk(plan, device, overlayPath, index)),
    ...plan.nics.flatMap(({ mac }, index) => [
      ...["-netdev", `user,id=net${index},restrict=on,ipv6=off`],
      ...["-device", `virtio-net-pci,netdev=net${index},mac=${mac},romfile=`],
    ]),
    ...["-chardev", `file,id=console,path=${value(consoleLog)}`, "-serial", "chardev:console"],
    ...["-chardev", `null,id=${AGENT}`, "-device", "virtio-serial-pci"],
    ...["-device", `virtserialport,chardev=${AGENT},name=org.qemu.guest_agent.0`],
    ...["-vga", "std", "-device", "virtio-rng-pci", "-device", "pvpanic"],
  ];
}

function disk(plan: GuestPlan, device: string, path: string, index: number): readonly string[] {
  const serial = plan.volumes[index]?.identity.serial;
  const named = serial === undefined ? "" : `,serial=${value(virtioSerial(serial))}`;
  return [
    // unsafe: all of it is thrown away
    ...["-drive", `if=none,id=${device},format=qcow2,cache=unsafe,discard=unmap,file=${value(path)}`],
    ...["-device", `virtio-blk-pci,drive=${device},bootindex=${index + 1},werror=stop,rerror=stop${named}`],
  ];
}

/** In QEMU's options a comma in a value is written twice. */
function value(text: string): string {
  return text.replaceAll(",", ",,");
}

/** Of what is free, so that the machine keeps some for itself and for QEMU. */
const SHARE = 0.75;
/** Less is no rehearsal. */
const LEAST = 256 * MIB;

/**
 * The memory that a guest is started with: its own, or what can be had now.
 * @param available bytes
 * @throws RehomeError memory-short
 */
export function memoryFor(planned: number, available: number, machine: string): number {
  const spare = Math.floor((available * SHARE) / MIB) * MIB;
  if (spare >= Math.min(planned, LEAST)) return Math.min(planned, spare);
  throw new RehomeError("memory-short", `${formatSize(available)} of memory are free, too little to start a guest`, {
    machine,
    remedy: "end something there, or rehearse when less is running",
  });
}
