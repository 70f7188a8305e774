import { strict as assert } from "node:assert";
import { domainXml } from "../../../src/cluster/libvirt/domain-xml.js";
import type { Hypervisor } from "../../../src/cluster/libvirt/types.js";
import { readDomain } from "../../../src/cluster/replicated-guest/domain.js";
import { domainSpecOf } from "../../../src/migrators/cutover/domain.js";
import { commonHypervisor } from "../../../src/migrators/landing/common-hardware.js";
import { guestPlan, machine } from "../conversion/fixtures.js";

const QEMU_7: Hypervisor = { type: "kvm", machines: { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" } };
const QEMU_10: Hypervisor = { type: "kvm", machines: { bios: "pc-i440fx-10.0", uefi: "pc-q35-10.0" } };

describe("a guest's home on the cluster", () => {
  it("takes the domain that a planned guest gets there", () => {
    const plan = guestPlan(["/dev/drbd/by-res/web1/0", "/dev/drbd/by-res/web1/1"], {
      nics: [{ name: "eth0", mac: "52:54:00:12:34:56", bridge: "br0" }],
    });
    const devices = ["/dev/drbd10", "/dev/drbd11"];
    const xml = domainXml(
      domainSpecOf(plan, machine(), {
        hypervisor: QEMU_7,
        cpuModel: "EPYC",
        disks: devices.map((path) => ({ path, kind: "block" })),
        consoleLog: `/var/log/libvirt/qemu/${plan.name}-console.log`,
      }),
    );
    const domain = readDomain(xml, "the domain", plan.name, devices);
    assert.equal(domain.machine, "pc-i440fx-7.2");
    assert.deepEqual(domain.bridges, ["br0"]);
    for (const device of devices) assert.match(xml, new RegExp(`<source dev="${device}"`));
    assert.match(xml, /discard="unmap"/);
    assert.match(xml, /<mac address="52:54:00:12:34:56"/);
    assert.match(xml, /org\.qemu\.guest_agent\.0/);
    assert.match(xml, /<model fallback="allow">EPYC</);
  });

  it("has what both hosts have: the older machine type, and KVM only where both do", () => {
    assert.deepEqual(commonHypervisor([QEMU_10, QEMU_7]), QEMU_7);
    assert.equal(commonHypervisor([QEMU_7, { ...QEMU_10, type: "qemu" }]).type, "qemu");
  });
});
