import assert from "node:assert/strict";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { caches, lvmFilter } from "../../../../src/migrators/conversion/steps/caches.js";
import { consoleGetty } from "../../../../src/migrators/conversion/steps/console-getty.js";
import { networkNames } from "../../../../src/migrators/conversion/steps/network-names.js";
import { guestAgent, leftovers, powerButton } from "../../../../src/migrators/conversion/steps/notes.js";
import { guestPlan } from "../fixtures.js";
import { memoryFilesystem, stepContext } from "../memory-filesystem.js";

const SYSTEMD = { "/lib/systemd/systemd": "" };
const MAC = "52:54:00:12:34:56";
const DEBIAN7 = { id: "debian", version: "7.11", name: "Debian GNU/Linux 7" };

describe("conversion step: network names", () => {
  const rules = "/etc/udev/rules.d/70-persistent-net.rules";
  const link = "/etc/systemd/network/10-rehome-enp3s0.link";

  it("ties each name to its MAC with a .link file for the virtio card only", async () => {
    const files = memoryFilesystem({ ...SYSTEMD, "/etc/systemd/network/10-rehome-old.link": "x" });
    await runStep(networkNames, stepContext(files));
    assert.match(
      files.text(link) ?? "",
      /\[Match\]\nMACAddress=52:54:00:12:34:56\nDriver=virtio_net\n\n\[Link\]\nName=enp3s0\n$/,
    );
    assert.equal(files.text("/etc/systemd/network/10-rehome-old.link"), undefined);
    assert.equal(files.text(rules), undefined);
  });

  it("honours a rule that says the same, and drops those that claim the name or the old hardware", async () => {
    const good = `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${MAC}", NAME="enp3s0"`;
    const claims = 'SUBSYSTEM=="net", ATTR{address}=="00:00:00:00:00:01", NAME="enp3s0"';
    const hardware = `SUBSYSTEM=="net", KERNELS=="0000:03:00.0", ATTR{address}=="${MAC}", NAME="enp3s0"`;
    const other = 'SUBSYSTEM=="net", ATTR{address}=="00:00:00:00:00:02", NAME="lan7"';
    const before = ["# comment", good, claims, hardware, other, ""].join("\n");
    const files = memoryFilesystem({ ...SYSTEMD, [rules]: before });
    await runStep(networkNames, stepContext(files));
    assert.equal(files.text(rules), ["# comment", good, other, ""].join("\n"));
  });

  it("writes a rule where udev is too old for .link files", async () => {
    const files = memoryFilesystem({ "/etc/inittab": "" });
    const plan = guestPlan(["/a"], { nics: [{ name: "eth0", mac: MAC.toUpperCase(), bridge: "br0" }] });
    await runStep(networkNames, stepContext(files, { plan, distribution: DEBIAN7 }));
    assert.match(files.text(rules) ?? "", /^SUBSYSTEM=="net", .*ATTR\{address\}=="52:54:00:12:34:56".* NAME="eth0"\n$/);
  });

  it("does not put odd names into files, and warns of names that the kernel gives to others", async () => {
    const files = memoryFilesystem(SYSTEMD);
    const nics = [
      { name: 'x"\nNAME="y', mac: MAC, bridge: "b" },
      { name: "eth0", mac: MAC, bridge: "b" },
      { name: "eth2", mac: MAC, bridge: "b" },
    ];
    const { warnings } = await runStep(networkNames, stepContext(files, { plan: guestPlan(["/a"], { nics }) }));
    assert.match(warnings[0] ?? "", /the name "x\\"\\nNAME=\\"y" of a NIC cannot be kept/);
    assert.match(warnings.join(), /eth2 is not in its place/);
    assert.equal([...files.files.keys()].filter((path) => path.includes("NAME")).length, 0);
  });
});

describe("conversion step: serial console", () => {
  it("needs nothing under systemd", async () => {
    assert.deepEqual((await runStep(consoleGetty, stepContext(memoryFilesystem(SYSTEMD)))).changes, []);
  });

  it("takes the line that Debian's inittab offers, or adds one", async () => {
    const line = "T0:23:respawn:/sbin/getty -L ttyS0 115200 vt100";
    for (const [before, after] of [
      ["1:x\n#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n#T1:x\n", `1:x\n${line}\n#T1:x\n`],
      ["1:x", `1:x\n${line}\n`],
    ] as const) {
      const files = memoryFilesystem({ "/etc/inittab": before, "/etc/securetty": "console\n" });
      await runStep(consoleGetty, stepContext(files));
      assert.equal(files.text("/etc/inittab"), after);
      assert.equal(files.text("/etc/securetty"), "console\nttyS0\n");
    }
  });

  it("knows Upstart", async () => {
    const files = memoryFilesystem({ "/etc/init/rc-sysinit.conf": "" });
    await runStep(consoleGetty, stepContext(files));
    assert.match(files.text("/etc/init/ttyS0.conf") ?? "", /getty -L 115200 ttyS0/);
  });
});

describe("conversion step: stale caches", () => {
  it("drops what remembers the source's devices, and keeps a copy of what somebody may have written", async () => {
    const list = "/etc/lvm/devices/system.devices";
    const files = memoryFilesystem({ "/etc/blkid.tab": "x", "/etc/lvm/cache/.cache": "x", [list]: "IDNAME=/dev/sda" });
    const { changes } = await runStep(caches, stepContext(files));
    assert.equal(changes.length, 4);
    assert.deepEqual([...files.files], [[`${list}.before-rehome`, Buffer.from("IDNAME=/dev/sda")]]);
  });
});

describe("conversion step: lvm filter", () => {
  for (const [filter, hides] of [
    ['filter = [ "a|/dev/sda|", "r|.*|" ]', true],
    ['global_filter = [ "r|/dev/cdrom|", "a/.*/" ]', false],
    ['filter = [ "a|^/dev/[sv]d|", "r|.*|" ]', false],
    ['filter = "r|/dev/vd|"', true],
    ['# filter = [ "r|.*|" ]', false],
    ["nothing", false],
  ] as const) {
    it(`${hides ? "warns of" : "accepts"} ${filter}`, async () => {
      const files = memoryFilesystem({ "/etc/lvm/lvm.conf": `devices {\n\t${filter}\n}\n` });
      const { warnings } = await runStep(lvmFilter, stepContext(files));
      assert.equal(warnings.length, hides ? 1 : 0);
    });
  }
});

describe("conversion steps: guest agent and leftovers", () => {
  const unit = "/usr/lib/systemd/system/qemu-guest-agent.service";

  it("enables the agent where its unit wants a target", async () => {
    const files = memoryFilesystem({ [unit]: "[Install]\nWantedBy=multi-user.target\n" });
    await runStep(guestAgent, stepContext(files));
    assert.deepEqual(
      [...files.links],
      [["/etc/systemd/system/multi-user.target.wants/qemu-guest-agent.service", unit]],
    );
  });

  it("leaves Debian's to udev, and says when there is none", async () => {
    const udev = memoryFilesystem({ [unit]: "[Service]\n" });
    assert.deepEqual(await runStep(guestAgent, stepContext(udev)), { changes: [], warnings: [] });
    assert.match((await runStep(guestAgent, stepContext(memoryFilesystem({})))).warnings.join(), /not installed/);
  });

  it("says when nothing in the guest heeds the power button", async () => {
    const logind = "/lib/systemd/systemd-logind";
    const warned = async (files: Record<string, string>): Promise<number> =>
      (await runStep(powerButton, stepContext(memoryFilesystem(files)))).warnings.length;
    assert.equal(await warned({ [logind]: "" }), 1); // it is told by dbus
    assert.equal(await warned({ [logind]: "", "/usr/bin/dbus-daemon": "" }), 0);
    assert.equal(await warned({ "/usr/sbin/acpid": "" }), 0);
    assert.equal(await warned({ [unit]: "[Service]\n" }), 0);
  });

  it("names what serves nothing any more, and SELinux", async () => {
    const files = memoryFilesystem({ "/usr/sbin/smartd": "", "/etc/selinux/config": "SELINUX=enforcing\n" });
    const { warnings } = await runStep(leftovers, stepContext(files));
    assert.equal(warnings.length, 2);
  });
});
