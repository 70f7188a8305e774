import assert from "node:assert/strict";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { grubDefaults } from "../../../../src/migrators/conversion/steps/grub-defaults.js";
import { grubInstall, grubPackage } from "../../../../src/migrators/conversion/steps/grub-install.js";
import { grubMenu } from "../../../../src/migrators/conversion/steps/grub-menu.js";
import { memoryFilesystem, stepContext, UUIDS } from "../memory-filesystem.js";

const CONSOLE = "console=tty0 console=ttyS0,115200n8";
const RESUME = "/etc/initramfs-tools/conf.d/resume";

describe("conversion step: grub defaults", () => {
  const path = "/etc/default/grub";
  async function convert(text: string, more: Record<string, string> = {}): Promise<string> {
    const files = memoryFilesystem({ [path]: text, ...more });
    await runStep(grubDefaults, stepContext(files));
    return files.text(path) ?? "";
  }

  it("adds the serial console to what Debian's installer leaves", async () => {
    const text = await convert(
      'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n#GRUB_TERMINAL=console\n',
    );
    assert.equal(
      text,
      `GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="${CONSOLE}"\n#GRUB_TERMINAL=console\n` +
        'GRUB_TERMINAL="console serial"\nGRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"\n',
    );
  });

  it("keeps what is there, in any way of quoting, and comments", async () => {
    const text = await convert(
      "GRUB_CMDLINE_LINUX='mitigations=off  root=/dev/sda1' # ours\nexport GRUB_CMDLINE_LINUX_DEFAULT=resume=/dev/sda2\nGRUB_TERMINAL=serial\n",
    );
    assert.equal(
      text,
      `GRUB_CMDLINE_LINUX="mitigations=off root=UUID=${UUIDS.boot} ${CONSOLE}" # ours\n` +
        `export GRUB_CMDLINE_LINUX_DEFAULT="resume=UUID=${UUIDS.swap}"\nGRUB_TERMINAL=serial\n`,
    );
  });

  it("builds on an assignment that only a shell understands", async () => {
    const text = await convert('GRUB_CMDLINE_LINUX="$(cat /x) a"\nGRUB_TERMINAL="serial"');
    assert.ok(text.endsWith(`\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${CONSOLE}"\n`), text);
  });

  it("changes nothing where the console is on ttyS0 already", async () => {
    const before = 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0,9600"\nGRUB_TERMINAL_OUTPUT="serial"\n';
    assert.equal(await convert(before), before);
  });

  it("overrules an old resume device that is inside the initramfs", async () => {
    const serial = 'GRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_TERMINAL=serial\n';
    assert.match(await convert(serial, { [RESUME]: "RESUME=/dev/sda2\n" }), new RegExp(`resume=UUID=${UUIDS.swap}`));
    assert.match(await convert(serial, { [RESUME]: "RESUME=UUID=gone\n" }), /console=ttyS0 noresume"/);
  });
});

describe("conversion step: grub menu", () => {
  const path = "/boot/grub/grub.cfg";
  const menu = [
    "### BEGIN /etc/grub.d/00_header ###",
    "if loadfont $font ; then",
    "  insmod gfxterm",
    "fi",
    "terminal_output gfxterm",
    "set timeout=5",
    "### END /etc/grub.d/00_header ###",
    "menuentry 'Debian' {",
    "\tlinux\t/vmlinuz-6.1.0-9-amd64 root=/dev/sda1 ro  quiet",
    "\tinitrd\t/initrd.img-6.1.0-9-amd64",
    "}",
    "menuentry 'memory test' {",
    "\tlinux16\t/memtest86+.bin console=ttyS1",
    "}",
    "",
  ];

  it("is what update-grub would write", async () => {
    const files = memoryFilesystem({ [path]: menu.join("\n") });
    await runStep(grubMenu, stepContext(files));
    const after = [...menu];
    after[8] = `\tlinux\t/vmlinuz-6.1.0-9-amd64 root=UUID=${UUIDS.boot} ro quiet ${CONSOLE}`;
    after.splice(
      4,
      1,
      "serial --unit=0 --speed=115200",
      "terminal_input console serial",
      "terminal_output console serial",
    );
    assert.deepEqual(files.text(path)?.split("\n"), after);
  });

  it("leaves a menu that needs nothing, and says when there is none", async () => {
    const text = "linux /vmlinuz root=/dev/mapper/vg0-root ro console=ttyS0\n";
    const files = memoryFilesystem({ [path]: text });
    assert.deepEqual((await runStep(grubMenu, stepContext(files))).changes, []);
    const { warnings } = await runStep(grubMenu, stepContext(memoryFilesystem({})));
    assert.match(warnings.join(), /no grub\.cfg/);
  });
});

describe("conversion step: grub", () => {
  const GRUB = { "/usr/sbin/grub-install": "", "/usr/lib/grub/i386-pc/kernel.img": "" };
  const sector = (text: string): Buffer => {
    const data = Buffer.alloc(512);
    data.write(text, 0x180);
    data.writeUInt16LE(0xaa55, 510);
    return data;
  };

  it("is not installed where it is", async () => {
    const files = memoryFilesystem(GRUB, { disks: { vda: sector("GRUB") } });
    assert.deepEqual(await runStep(grubInstall, stepContext(files)), { changes: [], warnings: [] });
    assert.deepEqual(files.commands, []);
  });

  it("is installed on the first disk where no disk has it", async () => {
    const disks = { vda: sector("LILO") };
    const files = memoryFilesystem(GRUB, {
      disks,
      command: () => {
        disks.vda = sector("GRUB");
        return "";
      },
    });
    const { changes } = await runStep(grubInstall, stepContext(files));
    assert.equal(changes[0]?.what, "GRUB is installed on vda");
    assert.deepEqual(files.commands, [
      ["/usr/sbin/grub-install", "--target=i386-pc", "--no-floppy", "/dev/disk/guestfs/vda"],
    ]);
  });

  it("is an error where it cannot be installed, and where it was not although that was said", async () => {
    await assert.rejects(runStep(grubInstall, stepContext(memoryFilesystem({}))), { code: "guest-unsupported" });
    const files = memoryFilesystem(GRUB, { command: () => "done" });
    await assert.rejects(runStep(grubInstall, stepContext(files)), { code: "conversion-failed" });
  });

  it("on another disk than the first is worth a word", async () => {
    const files = memoryFilesystem({}, { disks: { vdb: sector("GRUB") } });
    assert.match((await runStep(grubInstall, stepContext(files))).warnings.join(), /GRUB is on vdb/);
  });

  it("loses its map of the source's disks", async () => {
    const map = "/boot/grub/device.map";
    const files = memoryFilesystem({ [map]: "(hd0)\t/dev/disk/by-id/ata-X\n" }, { disks: { vda: sector("GRUB") } });
    await runStep(grubInstall, stepContext(files));
    assert.equal(files.text(map), undefined);
  });

  it("stays upgradable: debconf knows the guest's disk", async () => {
    const path = "/var/cache/debconf/config.dat";
    const stanza = (value: string): string =>
      "Name: grub-efi/install_devices\nTemplate: grub-efi/install_devices\nValue: /dev/x\nOwners: a\n\n" +
      `Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: ${value}\nOwners: grub-pc\n\n` +
      "Name: z\nTemplate: z\nOwners: z\n";
    const files = memoryFilesystem({ [path]: stanza("/dev/disk/by-id/ata-X, /dev/sdb") });
    await runStep(grubPackage, stepContext(files));
    assert.equal(files.text(path), stanza("/dev/vda"));
  });
});
