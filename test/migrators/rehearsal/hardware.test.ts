import assert from "node:assert/strict";
import type { Hypervisor } from "../../../src/cluster/libvirt/types.js";
import { memoryFor, qemuArgv } from "../../../src/migrators/rehearsal/hardware.js";
import { guestPlan } from "../conversion/fixtures.js";

const MIB = 1024 ** 2;
const machines = { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" };

function argv(type: Hypervisor["type"]): string {
  const words = qemuArgv({
    plan: guestPlan(["/v/a.raw", "/v/b.raw"]),
    hypervisor: { type, machines },
    disks: ["vda", "vdb"].map((device) => ({ device, overlayPath: `/state/a,b/${device}.qcow2` })),
    vcpus: 2,
    memory: 512 * MIB,
    consoleLog: "/state/a,b/console.log",
  });
  return words.join(" ");
}

describe("the hardware of a rehearsal", () => {
  it("is that of the guest's domain: virtio disks by name and serial, its cards by MAC, the pinned machine", () => {
    const line = argv("kvm");
    assert.match(line, /-machine pc-i440fx-7\.2,accel=kvm/);
    assert.match(line, /-cpu host -smp 2 -m size=512M/);
    assert.match(line, /virtio-blk-pci,drive=vda,bootindex=1,[^ ]*serial=SERIAL0/);
    assert.match(line, /virtio-blk-pci,drive=vdb,bootindex=2,[^ ]*serial=SERIAL1/);
    assert.match(line, /virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56/);
  });

  it("reaches no network, and nothing but overlays, whatever their folder is called", () => {
    const line = argv("kvm");
    const netdevs = line.match(/-netdev \S+/g);
    assert.deepEqual(netdevs, ["-netdev user,id=net0,restrict=on,ipv6=off"]);
    assert.equal(line.match(/-drive/g)?.length, 2);
    assert.match(line, /file=\/state\/a,,b\/vda\.qcow2/);
    assert.doesNotMatch(line, /\.raw/);
  });

  it("has no AVX where it is emulated", () => assert.match(argv("qemu"), /accel=tcg.* -cpu Nehalem /));

  it("ends with the process that started it", () => assert.match(argv("kvm"), /^setpriv --pdeathsig KILL -- qemu/));
});

describe("the memory of a rehearsal", () => {
  it("is the guest's own where that is free", () => assert.equal(memoryFor(512 * MIB, 4096 * MIB, "here"), 512 * MIB));
  it("is part of what is free where it is less", () =>
    assert.equal(memoryFor(8192 * MIB, 4096 * MIB, "here"), 3072 * MIB));
  it("is too little at some point", () => {
    assert.throws(() => memoryFor(8192 * MIB, 300 * MIB, "here"), { code: "memory-short" });
    assert.equal(memoryFor(64 * MIB, 300 * MIB, "here"), 64 * MIB);
  });
});
