import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parseBackends } from "../../../src/migrators/xen/parse/backends.js";
import { parseConfigDomain } from "../../../src/migrators/xen/parse/config-domain.js";
import { parseConfigFile } from "../../../src/migrators/xen/parse/config-file.js";
import { parseDiskSpec } from "../../../src/migrators/xen/parse/disk-spec.js";
import { parseSxp } from "../../../src/migrators/xen/parse/sxp.js";
import { parseVirshDomain } from "../../../src/migrators/xen/parse/virsh-xml.js";
import { parseStates, parseXlList } from "../../../src/migrators/xen/parse/xl-list.js";
import { parseXmList } from "../../../src/migrators/xen/parse/xm-list.js";

const MIB = 1024 ** 2;
const LAB = new URL("../../lab/images/xen/files/etc/xen/", import.meta.url);
const fixture = (name: string): string => readFileSync(new URL(`../../fixtures/xen/${name}`, import.meta.url), "utf8");

describe("domains as Xen tells of them", () => {
  it("by a real xl list -l", () => {
    const [db1, web1] = parseXlList(fixture("xl-list.json"), "dom0");
    assert.equal(parseXlList(fixture("xl-list.json"), "dom0").length, 2); // without dom0 itself
    assert.deepEqual([db1?.name, db1?.type, db1?.vcpus, db1?.memory], ["db1", "pv", 1, 224 * MIB]);
    assert.deepEqual(db1?.boot, { kind: "bootloader", program: "pygrub" });
    assert.deepEqual(db1.disks, [
      { device: "xvda", path: "/dev/xenvg/db1-disk", backend: "phy", writable: true, cdrom: false },
    ]);
    assert.deepEqual(web1?.nics, [{ mac: "00:16:3e:1a:00:15", bridge: "br0", model: undefined }]);
    assert.deepEqual(web1.boot, {
      kind: "kernel",
      kernel: "/var/lib/xen/kernels/web1/vmlinuz",
      ramdisk: "/var/lib/xen/kernels/web1/initrd.img",
      commandLine: "root=/dev/xvda1 ro console=hvc0 net.ifnames=0",
    });
  });

  it("by a file, just as xl itself reads that file", () => {
    for (const [cfg, url, json] of [
      ["/etc/xen/q1.cfg", new URL("../../fixtures/xen/hvm.cfg", import.meta.url), "dry-hvm.json"],
      ["/etc/xen/web1.cfg", new URL("web1.cfg", LAB), "dry-web1.json"],
    ] as const) {
      const parsed = parseConfigDomain(cfg, readFileSync(url, "utf8"));
      const [byXl] = parseXlList(fixture(json), "dom0");
      assert.deepEqual(parsed?.unknown, []);
      // what xl makes up or knows only at a start
      const rest = { id: undefined, uuid: undefined, state: "off", autostart: undefined, configPath: undefined };
      const disks = parsed.domain.disks.map((disk) => ({ ...disk, backend: disk.backend.replace(/^tap$/, "file") }));
      assert.deepEqual({ ...parsed.domain, disks, ...rest }, { ...byXl, ...rest });
    }
  });

  it("by a file that was a program for xm: what is plain is read, nothing is evaluated, the rest is named with its line", () => {
    const parsed = parseConfigDomain("/etc/xen/mail.cfg", fixture("old-python.cfg"));
    assert.ok(parsed);
    const { domain, unknown } = parsed;
    assert.equal(domain.name, `old's "mail"`);
    assert.deepEqual([domain.vcpus, domain.memory, domain.type, domain.state], [2, 512 * MIB, "pv", "off"]);
    assert.deepEqual(domain.boot, {
      kind: "kernel",
      kernel: "/boot/vmlinuz-2.6.32-5-xen-amd64",
      ramdisk: "/boot/initrd.img-2.6.32-5-xen-amd64",
      commandLine: "root=/dev/xvda2 ro console=hvc0 xencons=tty quiet",
    });
    assert.deepEqual(
      domain.disks.map(({ device, path, backend, writable }) => [device, path, backend, writable]),
      [
        ["xvda2", "/dev/vg0/mail-disk", "phy", true],
        ["xvda1", "/dev/vg0/mail-swap", "phy", true],
        ["xvdc", "/srv/xen/mail.vhd", "vhd", true],
        ["xvdd", "drbd:mail", "other", true],
      ],
    );
    assert.deepEqual(domain.nics, [
      { mac: "00:16:3e:aa:bb:cc", bridge: "xenbr0", model: undefined },
      { mac: undefined, bridge: undefined, model: undefined },
    ]);
    assert.deepEqual(unknown, [
      "/etc/xen/mail.cfg:3: import os, re",
      "/etc/xen/mail.cfg:4: arch = os.uname()[4]",
      "/etc/xen/mail.cfg:5: if re.search('64', arch):",
      "/etc/xen/mail.cfg:28: memory_mb   = 256 * 2",
      '/etc/xen/mail.cfg: a disk that is not understood: "file:/srv/xen/data, with comma.img,xvdb,r"',
    ]);
  });

  it("by xm list -l, those that xend keeps while they are off too", () => {
    const [shop, asleep, ...more] = parseXmList(fixture("xm-list.sxp"), "dom0");
    assert.deepEqual(more, []);
    assert.deepEqual(shop, {
      name: "shop",
      uuid: "1d4b7e9c-3a07-4f5e-9e0b-6b1a2f0c8d11",
      id: 4,
      state: "running",
      type: "pv",
      vcpus: 2,
      memory: 512 * MIB,
      boot: { kind: "bootloader", program: "/usr/bin/pygrub" },
      disks: [
        { device: "xvda", path: "/dev/vg0/shop", backend: "phy", writable: true, cdrom: false },
        { device: "hdc", path: "/srv/tools.iso", backend: "file", writable: false, cdrom: true },
      ],
      nics: [{ mac: "00:16:3e:01:02:03", bridge: "eth0", model: undefined }],
      autostart: false,
      configPath: undefined,
    });
    assert.deepEqual([asleep?.id, asleep?.state, asleep?.type, asleep?.autostart], [undefined, "off", "hvm", true]);
    assert.deepEqual(asleep?.boot, { kind: "firmware", firmware: "bios" });
    assert.deepEqual(
      asleep.disks.map(({ backend }) => backend),
      ["qcow2"],
    );
  });

  it("by virsh dumpxml", () => {
    const shop = parseVirshDomain(fixture("virsh.xml"), "shop");
    assert.deepEqual([shop.id, shop.type, shop.vcpus, shop.memory], [5, "pv", 2, 512 * MIB]);
    assert.deepEqual(shop.boot, { kind: "bootloader", program: "/usr/bin/pygrub" });
    assert.deepEqual(
      shop.disks.map(({ path, backend, writable }) => [path, backend, writable]),
      [
        ["/dev/vg0/shop", "phy", true],
        ["/srv/data.qcow2", "qcow2", false],
      ],
    );
  });

  it("with the state of each by xl list, names with blanks too", () => {
    const text = `Name                                        ID   Mem VCPUs\tState\tTime(s)
Domain-0                                     0  1024     1     r-----     446.4
db1                                          2   224     1     -b----      92.6
my shop                                      3   224     1     --p---       0.0
broken                                       9   224     1     ----c-       1.0
`;
    assert.deepEqual([...parseStates(text)].slice(1), [
      ["db1", "running"],
      ["my shop", "paused"],
      ["broken", "crashed"],
    ]);
  });

  it("with the devices that the host has open for them", () => {
    assert.deepEqual(parseBackends(fixture("backends.txt")), [
      { domainId: 2, device: "xvda", params: "/dev/xenvg/db1-disk" },
    ]);
    assert.deepEqual(parseBackends(""), []);
    const tapdisk = ['tapdisk-params = "vhd:/srv/a.vhd"', 'params = "/dev/xen/blktap-2/tapdev0"'];
    for (const keys of [tapdisk, tapdisk.toReversed()]) {
      const lines = keys.map((key) => `/local/domain/0/backend/vbd/3/51712/${key}\n`).join("");
      assert.deepEqual(parseBackends(lines), [{ domainId: 3, device: "51712", params: "vhd:/srv/a.vhd" }]);
    }
  });

  it("says so when a tool prints something else", () => {
    assert.throws(() => parseXlList("[", "dom0"), { code: "output-unreadable" });
    assert.throws(() => parseXlList('{"domid":1}', "dom0"), { code: "output-unreadable" });
    assert.throws(() => parseXmList("(nothing", "dom0"), { code: "output-unreadable" });
  });
});

describe("disks of a configuration file", () => {
  const cases: readonly [string, string, string, string, boolean][] = [
    // as in xl-disk-configuration(5)
    ["/dev/vg/guest-volume,,hda", "hda", "/dev/vg/guest-volume", "phy", true],
    ["/dev/vg/guest-volume,raw,hda,rw", "hda", "/dev/vg/guest-volume", "phy", true],
    ["format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume", "hda", "/dev/vg/guest-volume", "phy", true],
    ["raw:/dev/vg/guest-volume,hda,w", "hda", "/dev/vg/guest-volume", "phy", true],
    ["/root/image.iso,,hdc,cdrom", "hdc", "/root/image.iso", "file", false],
    ["/root/image.iso,,hdc,,cdrom", "hdc", "/root/image.iso", "file", false],
    ["format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso", "hdc", "/root/image.iso", "file", false],
    ["file:/root/image.iso,hdc:cdrom,r", "hdc", "/root/image.iso", "file", false],
    ["tap:qcow2:/srv/a.qcow2,xvda,w", "xvda", "/srv/a.qcow2", "qcow2", true],
    ["tap:aio:/srv/a.img,xvda,w", "xvda", "/srv/a.img", "tap", true],
    ["phy:vg0/a,sda1,r", "sda1", "/dev/vg0/a", "phy", false],
    [
      "script=block-iscsi,vdev=xvda,target=iqn=iqn.2001-05.com:x,portal=192.0.2.1",
      "xvda",
      "iqn=iqn.2001-05.com:x,portal=192.0.2.1",
      "other",
      true,
    ],
    ["vdev=hdc,devtype=cdrom", "hdc", "", "file", false],
  ];
  for (const [spec, device, path, backend, writable] of cases) {
    it(spec, () => {
      const disk = parseDiskSpec(spec);
      assert.deepEqual([disk?.device, disk?.path, disk?.backend, disk?.writable], [device, path, backend, writable]);
    });
  }
});

describe("what comes from machines that nobody vouches for", () => {
  it("is read to its end, whatever it is", () => {
    const pieces = fc.constantFrom(
      "a = ",
      "[",
      "]",
      '"',
      "'",
      "'''",
      "\\",
      "\n",
      ",",
      "#",
      "(",
      ")",
      "x",
      "1",
      "+=",
      ";",
      " ",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        parseConfigFile(parts.join(""));
        parseSxp(parts.join(""));
        parseDiskSpec(parts.join(""));
      }),
    );
  });

  it("does not grow with nesting, and a name of JavaScript's own is a name", () => {
    assert.equal(parseConfigFile(`a = ${"[".repeat(100_000)}`).problems.length, 1);
    assert.equal(parseSxp("(".repeat(100_000)), undefined);
    const { values } = parseConfigFile("__proto__ = 'x'\nconstructor = 'y'");
    assert.deepEqual(
      [...values],
      [
        ["__proto__", "x"],
        ["constructor", "y"],
      ],
    );
    assert.equal(parseDiskSpec("format=constructor,vdev=xvda,target=/x")?.backend, "other");
  });
});
