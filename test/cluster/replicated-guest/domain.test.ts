import assert from "node:assert/strict";
import { readDomain } from "../../../src/cluster/replicated-guest/domain.js";
import { domainXml } from "../../../src/cluster/libvirt/domain-xml.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { childOf, parseXml } from "../../../src/lib/xml.js";
import { DOMAIN } from "./world.js";

const DEVICES = ["/dev/drbd10", "/dev/drbd11"];

function read(text: string): ReturnType<typeof readDomain> {
  return readDomain(text, "web1.xml", "web1", DEVICES);
}

/** Everything that is wrong with it, in one text. */
function flawsOf(text: string): string {
  try {
    read(text);
    return "";
  } catch (error) {
    assert.ok(error instanceof RehomeError);
    assert.match(error.code, /^(domain-refused|xml-malformed)$/);
    return `${error.message}\n${error.output ?? ""}`;
  }
}

const before = (tag: string, added: string): string => DOMAIN.replace(tag, `${added}${tag}`);

describe("a guest's domain XML", () => {
  it("tells what the guest needs", () => {
    const { name, hypervisor, machine, vcpus, memory, bridges, files } = read(DOMAIN);
    assert.deepEqual(
      { name, hypervisor, machine, vcpus, memory, bridges, files },
      {
        ...{ name: "web1", hypervisor: "kvm", machine: "pc-i440fx-7.2", vcpus: 2, memory: 512 * 1024 ** 2 },
        ...{ bridges: ["br0"], files: [] },
      },
    );
  });

  it("lands with its name on a line of its own, without what others noted in it, and always with the same UUID", () => {
    const noted = before("<os>", '<metadata><x:y xmlns:x="urn:x">/etc/shadow</x:y></metadata>').replace(
      "<name>web1</name>",
      "<name>\n web1 </name>",
    );
    const { text, uuid } = read(noted);
    assert.match(text, /^ *<name>web1<\/name>$/m);
    assert.equal(text.match(/<name>/g)?.length, 1);
    assert.ok(!text.includes("metadata") && text.slice(0, 200).includes("Written by rehome"));
    assert.equal(childOf(parseXml(text, "landed"), "uuid")?.text, uuid);
    assert.equal(read(DOMAIN).uuid, uuid);
    assert.equal(readDomain(text, "again", "web1", DEVICES).text, text);
  });

  it("of our own making is fit", () => {
    const text = domainXml({
      name: "web1",
      hypervisor: { type: "kvm", machines: { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" } },
      firmware: "uefi",
      vcpus: 1,
      memory: 1024 ** 3,
      cpuModel: "EPYC",
      disks: DEVICES.map((path, index) => ({ path, kind: "block", format: "raw", device: `vd${"ab"[index]!}` })),
      nics: [{ mac: "52:54:00:00:00:01", bridge: "br0" }],
      consoleLog: "/var/log/libvirt/qemu/web1-console.log",
    });
    assert.equal(flawsOf(text), "");
    assert.equal(read(text).usesUefi, true);
    assert.equal(read(text).cpu?.mode, "custom");
  });

  const disk = /<disk type='block'[\s\S]*?<\/disk>/;
  const refused: Readonly<Record<string, readonly [string, RegExp]>> = {
    "another name": [DOMAIN.replace("web1", "web2"), /the domain is called "web2", not "web1"/],
    "a second name": [before("<os>", "<name>web2</name>"), /second <name>/],
    "no name of its own": [DOMAIN.replace("<name>web1</name>", ""), /called ""/],
    "another virtualization": [DOMAIN.replace("type='kvm'", "type='xen'"), /neither kvm nor qemu/],
    "a machine type that changes": [DOMAIN.replace("pc-i440fx-7.2", "pc"), /"pc" has no version/],
    "a disk that is not the volume's": [DOMAIN.replace("drbd11", "drbd12"), /drbd12" is not of the guest's volume/],
    "the logical volume below DRBD": [DOMAIN.replace("/dev/drbd11", "/dev/vg_guests/web1-1"), /is not of the guest's/],
    "a disk less than the volume": [DOMAIN.replace(disk, ""), /\/dev\/drbd10 of its volume is no disk/],
    "a disk twice": [DOMAIN.replace("drbd11", "drbd10"), /\/dev\/drbd10 is there twice/],
    "a file as disk": [
      DOMAIN.replace("type='block'", "type='file'").replace("dev='/dev/drbd10'", "file='/etc/shadow'"),
      /a disk of type "file" is not allowed/,
    ],
    "a format that the guest can forge": [DOMAIN.replace("type='raw'", "type='qcow2'"), /must say type="raw"/],
    "a format to be guessed": [DOMAIN.replace("<driver name='qemu' type='raw'/>", ""), /must say type="raw"/],
    "a cache that forgets": [DOMAIN.replace("type='raw'", "type='raw' cache='unsafe'"), /cache=unsafe/],
    "a disk that others write too": [DOMAIN.replace("<driver ", "<shareable/><driver "), /<shareable> is not allowed/],
    "a backing file": [
      DOMAIN.replace("<driver ", "<backingStore type='file'><source file='/etc/shadow'/></backingStore><driver "),
      /<backingStore> is not allowed/,
    ],
    "a disc of one host": [
      before("</devices>", "<disk type='file' device='cdrom'><source file='/root/x.iso'/><target dev='sda'/></disk>"),
      /a disk of type "file" is not allowed/,
    ],
    "arguments for QEMU": [
      DOMAIN.replace("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ").replace(
        "</domain>",
        "<qemu:commandline><qemu:arg value='-s'/></qemu:commandline></domain>",
      ),
      /<qemu:commandline> is not allowed/,
    ],
    "another program as QEMU": [before("<disk", "<emulator>/tmp/x</emulator>"), /<emulator> is "\/tmp\/x"/],
    "an empty program as QEMU": [before("<disk", "<emulator/>"), /<emulator> is ""/],
    "a device of the host": [
      before("</devices>", "<hostdev mode='subsystem' type='usb'/>"),
      /<hostdev> is not allowed/,
    ],
    "a device whose name any object has": [before("</devices>", "<constructor/>"), /<constructor> is not allowed/],
    "an attribute whose name any object has": [
      before("</devices>", "<rng model='virtio' constructor='/etc/shadow'/>"),
      /rng@constructor is "\/etc\/shadow"/,
    ],
    "a folder of the host": [before("</devices>", "<filesystem type='mount'/>"), /<filesystem> is not allowed/],
    "a console that writes anywhere": [
      before("</devices>", "<serial type='pty'><log file='/etc/cron.d/x'/></serial>"),
      /serial\/log@file is "\/etc\/cron\.d\/x"/,
    ],
    "a console that climbs": [
      before("</devices>", "<serial type='pty'><log file='/var/log/libvirt/qemu/../../../../etc/cron.d/x'/></serial>"),
      /serial\/log@file/,
    ],
    "a console that is a file": [
      before("</devices>", "<serial type='file'><source path='/etc/passwd'/></serial>"),
      /serial of type "file" is not allowed/,
    ],
    "a socket elsewhere": [
      before("</devices>", "<channel type='unix'><source mode='bind' path='/run/x'/></channel>"),
      /channel\/source@path is "\/run\/x"/,
    ],
    "randomness from a file": [
      before("</devices>", "<rng model='virtio'><backend model='random'>/etc/shadow</backend></rng>"),
      /<backend> is "\/etc\/shadow"/,
    ],
    "a kernel that is a secret": [
      DOMAIN.replace("</os>", "<initrd>/etc/shadow</initrd></os>"),
      /<initrd> is "\/etc\/shadow"/,
    ],
    "a network that only libvirt knows": [
      DOMAIN.replace("type='bridge'", "type='network'"),
      /interface of type "network"/,
    ],
    "a script for the card": [
      DOMAIN.replace("<source bridge", "<script path='/tmp/x'/><source bridge"),
      /<script> is not/,
    ],
    "a card without an address": [DOMAIN.replace(/<mac.*?\/>/, ""), /no MAC address of its own/],
    "a screen for everybody": [before("</devices>", "<graphics type='vnc' listen='0.0.0.0'/>"), /open to the network/],
    "a password for everybody to read": [before("</devices>", "<graphics type='vnc' passwd='x'/>"), /graphics@passwd/],
    "a restart behind the cluster's back": [before("<os>", "<on_crash>restart</on_crash>"), /on_crash is "restart"/],
    "memory without a number": [DOMAIN.replace("512", "much"), /memory is not a number/],
    "a unit that nobody knows": [DOMAIN.replace("unit='MiB'", "unit='parsec'"), /memory is not a number/],
    "a label of the running one": [
      before("</devices>", "").replace("</domain>", "<seclabel type='none'/></domain>"),
      /seclabel/,
    ],
    "a document type": [`<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/shadow">]>${DOMAIN}`, /document type/],
    "something else": ["<network><name>web1</name></network>", /it is a <network>/],
    "half of it": [DOMAIN.slice(0, 300), /unclosed|unexpected end/i],
  };
  for (const [what, [text, expected]] of Object.entries(refused)) {
    it(`with ${what} is refused`, () => {
      assert.notEqual(text, DOMAIN);
      assert.match(flawsOf(text), expected);
    });
  }

  it("is refused with the lines of all that is wrong", () => {
    const text = DOMAIN.replace("drbd11", "drbd12").replace("pc-i440fx-7.2", "pc");
    assert.throws(
      () => read(text),
      (error: RehomeError) => {
        assert.equal(error.where.path, "web1.xml");
        assert.ok((error.where.line ?? 0) > 0);
        assert.match(error.output ?? "", /^line \d+: .*drbd1[12]/m);
        return true;
      },
    );
  });
});
