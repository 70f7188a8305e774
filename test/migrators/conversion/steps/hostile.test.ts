import assert from "node:assert/strict";
import { STEPS } from "../../../../src/migrators/conversion/steps/index.js";
import { readDistribution } from "../../../../src/migrators/conversion/distribution.js";
import type { HostedBoot } from "../../../../src/migrators/types.js";
import { readNetwork } from "../../../../src/migrators/xen/look/network-names.js";
import type { Step } from "../../../../src/migrators/conversion/types.js";
import { machine } from "../fixtures.js";
import { memoryFilesystem, stepContext } from "../memory-filesystem.js";

const BYTES = 400_000;
/** Far more than it takes: what grows with the square of the size takes minutes. */
const LIMIT_MS = 3000;

const GUEST = {
  "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
  "/etc/fstab": "UUID=x / ext4 defaults 0 1\n",
  "/boot/vmlinuz-6.1.0-1-amd64": "kernel",
  "/boot/initrd.img-6.1.0-1-amd64": "\x1f\x8b",
  "/lib/modules/6.1.0-1-amd64/modules.builtin":
    "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/virtio/virtio_pci.ko\n",
  "/etc/init/rc-sysinit.conf": "",
};

const FILES = [
  ...[
    "/etc/os-release",
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/default/grub",
    "/boot/grub/grub.cfg",
    "/boot/grub/menu.lst",
  ],
  ...["/boot/grub/device.map", "/var/cache/debconf/config.dat", "/etc/initramfs-tools/initramfs.conf", "/etc/inittab"],
  ...["/etc/initramfs-tools/conf.d/resume", "/etc/initramfs-tools/modules", "/etc/securetty", "/etc/modules"],
  ...["/etc/udev/rules.d/70-persistent-net.rules", "/etc/lvm/lvm.conf", "/etc/sysctl.conf", "/etc/modprobe.d/x.conf"],
  ...[
    "/lib/systemd/system/qemu-guest-agent.service",
    "/etc/selinux/config",
    "/etc/network/interfaces",
    "/etc/resolv.conf",
  ],
];

/** What is read of a guest beside the steps. */
const OTHERS: Pick<Step, "name" | "check"> = {
  name: "the look at it",
  async check({ files }) {
    await readDistribution(files);
    await readNetwork(files, [{ mac: "52:54:00:12:34:56", bridge: undefined, model: undefined }]);
    return { edits: [], warnings: [] };
  },
};

const FILLERS: Readonly<Record<string, string>> = {
  "empty lines": "\n",
  blanks: " ",
  "one word": "a",
  "blanks and words": "a ",
  quotes: `"`,
  backslashes: "\\",
  digits: "1",
  "the beginning of a menu": "### BEGIN /etc/grub.d/00_header ###\n",
  "a debconf item": "Name: grub-pc/install_devices\n",
  "logins on one line": "getty ",
  kernels: "kernel /vmlinuz ",
  titles: "title\n",
  "kernel lines": "linux /vmlinuz x=\t",
  filters: 'filter = [ "',
  "filters that try everything": `filter = [ "r|${".*".repeat(200)}x|" ]\n`,
  assignments: "GRUB_CMDLINE_LINUX=",
  consoles: "GRUB_TERMINAL=console ",
  "mount points": "UUID=x /mnt x\n",
  "names of cards": 'SUBSYSTEM=="net", ATTR{address}=="',
  nameservers: "nameserver ",
};

describe("a guest whose files were made to hold a conversion up", function () {
  this.timeout(120_000);
  for (const boot of [undefined, { how: "menu" } satisfies HostedBoot]) {
    for (const [what, filler] of Object.entries(FILLERS)) {
      it(`is looked at in its time: ${what}${boot === undefined ? "" : ", under Xen"}`, async () => {
        for (const path of FILES) {
          const content = filler.repeat(Math.ceil(BYTES / filler.length));
          for (const end of ["", "x", "\n"]) {
            const files = memoryFilesystem({ ...GUEST, [path]: `x\n${content}${end}` }, { command: () => "" });
            const context = { ...stepContext(files), machine: machine(boot && { boot }) };
            for (const step of [...STEPS, OTHERS]) {
              const begun = performance.now();
              await Promise.resolve(step.check(context)).catch(() => undefined);
              const ms = performance.now() - begun;
              assert.ok(ms < LIMIT_MS, `${step.name} took ${Math.round(ms)} ms over ${path}`);
            }
          }
        }
      });
    }
  }
});
