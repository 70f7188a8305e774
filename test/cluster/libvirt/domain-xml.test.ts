import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { domainXml, EMULATED_CPU } from "../../../src/cluster/libvirt/domain-xml.js";
import { probeHypervisor, probeMs } from "../../../src/cluster/libvirt/probe.js";
import type { DomainSpec } from "../../../src/cluster/libvirt/types.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { childOf, descendantsOf, parseXml } from "../../../src/lib/xml.js";

const spec: DomainSpec = {
  name: "web1",
  title: "web1 & <co>",
  hypervisor: { type: "kvm", machines: { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" } },
  firmware: "bios",
  vcpus: 2,
  memory: 1024 ** 3,
  disks: [
    { path: "/var/lib/rehome/volumes/web1-sda.img", kind: "file", format: "raw", device: "vda", serial: "WD-1 2/3" },
    { path: "/dev/vg0/web1-sdb", kind: "block", format: "raw", device: "vdb" },
  ],
  nics: [{ mac: "52:54:00:12:34:56", bridge: "br0" }],
  consoleLog: "/var/lib/rehome/consoles/web1.log",
};

async function validate(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-test-"));
  try {
    const path = join(folder, "domain.xml");
    await writeFile(path, text);
    const result = await localHost().run(["virt-xml-validate", path, "domain"]);
    return result.exitCode === 0 ? "valid" : result.stderr;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("domain XML", () => {
  it("has a title that libvirt takes, whatever the guest calls itself", async () => {
    const text = domainXml({ ...spec, title: "web1\n(\u001b[1mDebian)\t" });
    assert.equal(childOf(parseXml(text, "domain.xml"), "title")?.text, "web1 (?[1mDebian) ");
    assert.equal(await validate(text), "valid");
  });

  for (const [name, given] of Object.entries({
    "a BIOS guest under KVM": spec,
    "a guest with the hosts' common CPU": { ...spec, cpuModel: "EPYC-Rome" },
    "an emulated guest": { ...spec, hypervisor: { ...spec.hypervisor, type: "qemu" as const } },
    "a UEFI guest": { ...spec, firmware: "uefi" as const },
    "a guest without disks and NICs": { ...spec, disks: [], nics: [] },
  })) {
    it(`of ${name} is valid to libvirt's schema`, async () => {
      assert.equal(await validate(domainXml(given)), "valid");
    });
  }

  it("has the name on a line of its own, as VirtualDomain's sed wants it", () => {
    assert.match(domainXml(spec), /^ *<name>web1<\/name>$/m);
  });

  it("has the hosts' common CPU under KVM, and never in an emulated one", () => {
    const model = (given: DomainSpec): string | undefined =>
      descendantsOf(parseXml(domainXml({ ...given, cpuModel: "EPYC" }), "domain"), "model").find(
        ({ attributes }) => attributes["fallback"] !== undefined,
      )?.text;
    assert.equal(model(spec), "EPYC");
    assert.equal(model({ ...spec, hypervisor: { ...spec.hypervisor, type: "qemu" } }), EMULATED_CPU);
  });

  it("boots from the disks in their order, through virtio, keeping serials that fit", () => {
    const disks = descendantsOf(parseXml(domainXml(spec), "domain"), "disk");
    assert.deepEqual(
      disks.map((disk) => [
        childOf(disk, "boot")?.attributes["order"],
        childOf(disk, "target")?.attributes["bus"],
        childOf(disk, "driver")?.attributes["io"],
        childOf(disk, "serial")?.text,
      ]),
      [
        ["1", "virtio", "threads", "WD-1 2_3"],
        ["2", "virtio", "native", undefined],
      ],
    );
  });

  it("gives a guest the same UUID every time, and another guest another", () => {
    const uuid = (given: DomainSpec) => childOf(parseXml(domainXml(given), "domain"), "uuid")?.text;
    assert.match(uuid(spec)!, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(uuid(spec), uuid({ ...spec, vcpus: 8 }));
    assert.notEqual(uuid(spec), uuid({ ...spec, name: "web2" }));
  });

  it("pins the machine type of the firmware", () => {
    const machine = (text: string) => descendantsOf(parseXml(text, "domain"), "type")[0]?.attributes["machine"];
    assert.equal(machine(domainXml(spec)), "pc-i440fx-7.2");
    assert.equal(machine(domainXml({ ...spec, firmware: "uefi" })), "pc-q35-7.2");
  });
});

describe("the hypervisor probe", () => {
  it("starts a processor into 64-bit mode", async () => {
    assert.ok((await probeMs(localHost(), "tcg", 20_000)) !== undefined);
  });

  /** A host whose KVM is emulation that begins late. */
  function slowKvm(delay: string): Host {
    const late = 'sleep "$0"; exec "$@"';
    return {
      ...localHost(),
      start: (argv) => {
        const emulated = argv.map((word) => (word === "kvm" ? "tcg" : word));
        return localHost().start(argv.includes("kvm") ? ["sh", "-c", late, delay, ...emulated] : argv);
      },
    };
  }

  it("takes KVM where it starts a processor as soon as emulation does", async () => {
    assert.equal((await probeHypervisor(slowKvm("0"))).type, "kvm");
  });

  it("takes emulation where KVM hangs, for ever or for seconds", async () => {
    assert.equal((await probeHypervisor(slowKvm("9"))).type, "qemu");
    const found = await probeHypervisor(slowKvm("5"));
    assert.equal(found.type, "qemu");
    assert.match(found.machines.bios, /^pc-i440fx-\d/);
    assert.match(found.machines.uefi, /^pc-q35-\d/);
  });
});
