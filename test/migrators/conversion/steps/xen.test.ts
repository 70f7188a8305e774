import assert from "node:assert/strict";
import { RehomeError } from "../../../../src/lib/errors.js";
import { gptTable } from "../../../../src/lib/partition-table/gpt.js";
import { dosTable } from "../../../../src/lib/partition-table/mbr.js";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { embedGrub, FRONT } from "../../../../src/migrators/conversion/grub/embed.js";
import { consoleGetty } from "../../../../src/migrators/conversion/steps/console-getty.js";
import { fstab } from "../../../../src/migrators/conversion/steps/fstab.js";
import { grubInstall } from "../../../../src/migrators/conversion/steps/grub-install.js";
import { grubMenu } from "../../../../src/migrators/conversion/steps/grub-menu.js";
import { xenLeftovers } from "../../../../src/migrators/conversion/steps/xen-leftovers.js";
import type { GuestDevice, Step, StepContext } from "../../../../src/migrators/conversion/types.js";
import type { HostedBoot } from "../../../../src/migrators/types.js";
import { machine } from "../fixtures.js";
import { memoryFilesystem, NO_SUPPLIES, stepContext, UUIDS, type MemoryFilesystem } from "../memory-filesystem.js";

const MIB = 1024 ** 2;
const OUTSIDE: HostedBoot = {
  how: "outside",
  kernel: "/var/lib/xen/vmlinuz",
  ramdisk: undefined,
  commandLine: "root=/dev/xvda1 ro console=hvc0 clocksource=jiffies panic=10 opt=$x;y",
  release: "6.1.0-9-amd64",
  hasModules: true,
};
const ROOT: GuestDevice = {
  path: "/dev/vda1",
  sourcePath: "/dev/xvda1",
  format: "ext4",
  uuid: UUIDS.root,
  label: undefined,
  partUuid: undefined,
};
const SWAP: GuestDevice = { ...ROOT, path: "/dev/vda2", sourcePath: "/dev/xvda2", format: "swap", uuid: UUIDS.swap };

/** A guest of Xen's with its root on xvda1 and swap on xvda2. */
function xen(files: MemoryFilesystem, boot: HostedBoot = OUTSIDE, changes: Partial<StepContext> = {}): StepContext {
  return stepContext(files, {
    machine: machine({ hypervisor: "xen", boot, bootLoader: undefined }),
    devices: [ROOT, SWAP],
    mounts: new Map([["/", ROOT]]),
    ...changes,
  });
}

async function convert(step: Step, content: Record<string, string>, boot?: HostedBoot): Promise<MemoryFilesystem> {
  const files = memoryFilesystem(content);
  await runStep(step, xen(files, boot));
  return files;
}

describe("conversion of a guest of Xen's: the boot loader", () => {
  const partitions = [{ number: 1, start: MIB, size: MIB, use: "linux" }] as const;
  const core = Buffer.alloc(3 * 512 + 7, 0xcc);
  const boot = Buffer.alloc(512, 0xbb);
  boot.write("GRUB ", 0x180);
  boot.writeUInt16LE(0xaa55, 510);

  function front(table: readonly { readonly offset: number; readonly data: Buffer }[]): Buffer {
    const disk = Buffer.alloc(FRONT);
    table[0]?.data.copy(disk);
    return disk;
  }

  it("goes behind a DOS table, which stays", () => {
    const before = front(dosTable({ size: 4 * MIB, id: "0badc0de", partitions }));
    const [rest, first] = embedGrub(before, { boot, core }) ?? [];
    assert.ok(rest && first);
    assert.deepEqual([rest.offset, rest.data.length, first.offset], [512, 4 * 512, 0]);
    assert.ok(first.data.subarray(440, 510).equals(before.subarray(440, 510)));
    assert.equal(first.data.readBigUInt64LE(0x5c), 1n);
    assert.equal(first.data.readUInt16LE(0x66), 0x9090);
    assert.equal(rest.data.readBigUInt64LE(500), 2n);
  });

  it("goes into the partition that a GPT has for it, or into a gap", () => {
    const loader = { number: 128, start: 40 * 512, size: 100 * 512, use: "boot-loader" } as const;
    const table = (more: readonly (typeof loader)[]): Buffer =>
      front(
        gptTable({ size: 4 * MIB, id: "9c1b5f9e-3c3b-4f5e-8d3a-0123456789ab", partitions: [...partitions, ...more] }),
      );
    assert.equal(embedGrub(table([loader]), { boot, core })?.[0]?.offset, 40 * 512);
    assert.equal(embedGrub(table([]), { boot, core })?.[0]?.offset, 34 * 512);
  });

  it("is refused where there is no room, or no table", () => {
    const tight = [{ number: 1, start: 3 * 512, size: MIB, use: "linux" }] as const;
    assert.equal(
      embedGrub(front(dosTable({ size: 4 * MIB, id: "00000001", partitions: tight })), { boot, core }),
      undefined,
    );
    assert.equal(embedGrub(Buffer.alloc(FRONT), { boot, core }), undefined);
  });

  it("is the target's, and is put there once", async () => {
    const before = front(dosTable({ size: 4 * MIB, id: "0badc0de", partitions }));
    const files = memoryFilesystem({}, { disks: { vda: before, vdb: Buffer.alloc(512) } });
    const asked: string[][] = [];
    const supplies = {
      ...NO_SUPPLIES,
      grub: (uuid: string, folder: string) => {
        asked.push([uuid, folder]);
        return Promise.resolve({ boot, core });
      },
    };
    await runStep(grubInstall, xen(files, OUTSIDE, { supplies }));
    assert.deepEqual(asked, [[UUIDS.root, "/boot/grub"]]);
    assert.match((await files.readDisk("vda", 0, 512)).toString("latin1"), /GRUB/);
    assert.equal((await files.readDisk("vda", 512, 1))[0], 0xcc);
  });

  it("is not put on a machine that must have its own", async () => {
    const files = memoryFilesystem({});
    await assert.rejects(runStep(grubInstall, stepContext(files)), (thrown) => {
      assert.ok(thrown instanceof RehomeError);
      return thrown.code === "guest-unsupported";
    });
  });
});

describe("conversion of a guest of Xen's: the menu", () => {
  const kernels = {
    "/boot/vmlinuz-6.1.0-9-amd64": "",
    "/boot/initrd.img-6.1.0-9-amd64": "",
    "/boot/vmlinuz-6.1.0-10-amd64": "",
    "/boot/initrd.img-6.1.0-10-amd64": "",
    "/boot/vmlinuz-6.2": "",
  };

  it("is made from the kernels in /boot and from what the hypervisor's host told them", async () => {
    const files = await convert(grubMenu, kernels);
    const lines = (files.text("/boot/grub/grub.cfg") ?? "").split("\n");
    assert.deepEqual(
      lines.flatMap((line) => /linux (\S+)/.exec(line)?.[1] ?? []),
      ["/boot/vmlinuz-6.1.0-10-amd64", "/boot/vmlinuz-6.1.0-9-amd64", "/boot/vmlinuz-6.2"],
    );
    assert.ok(
      lines.includes(
        `\tlinux /boot/vmlinuz-6.1.0-10-amd64 root=UUID=${UUIDS.root} ro panic=10 'opt=$x;y' console=tty0 console=ttyS0,115200n8`,
      ),
      lines.join("\n"),
    );
    assert.ok(lines.includes("\tinitrd /boot/initrd.img-6.1.0-10-amd64"));
    assert.ok(lines.includes(`search --no-floppy --fs-uuid --set=root ${UUIDS.root}`));
  });

  it("names kernels from their own file system where /boot is one", async () => {
    const files = memoryFilesystem(kernels);
    const own = { ...ROOT, path: "/dev/vda3", sourcePath: "/dev/xvda3", uuid: UUIDS.boot };
    const mounts = new Map([
      ["/", ROOT],
      ["/boot", own],
    ]);
    await runStep(grubMenu, xen(files, OUTSIDE, { mounts }));
    const text = files.text("/boot/grub/grub.cfg") ?? "";
    assert.match(text, new RegExp(`^search .* ${UUIDS.boot}$`, "m"));
    assert.match(text, new RegExp(`^\tlinux /vmlinuz-6.2 root=UUID=${UUIDS.root} `, "m"));
  });

  it("takes the default entry of the menu.lst that pygrub reads, and keeps an older grub.cfg aside", async () => {
    const list = [
      "default\t1",
      "title Xen",
      "root (hd0,0)",
      "kernel /boot/xen-4.gz dom0_mem=1",
      "title Debian",
      "root (hd0,0)",
      "kernel (hd0,0)/boot/vmlinuz-6.1.0-9-amd64 root=/dev/sda1 ro xencons=hvc0 quiet",
      "initrd /boot/initrd.img-6.1.0-9-amd64",
      "",
    ].join("\n");
    const stale = "menuentry 'x' { linux /boot/vmlinuz-6.1.0-9-amd64 root=/dev/gone }\n";
    const more = { "/boot/grub/menu.lst": list, "/boot/grub/grub.cfg": stale };
    const files = await convert(grubMenu, { ...kernels, ...more }, { how: "menu" });
    assert.match(
      files.text("/boot/grub/grub.cfg") ?? "",
      new RegExp(`linux \\S+ root=UUID=${UUIDS.root} ro quiet console=tty0 console=ttyS0,115200n8$`, "m"),
    );
    assert.equal(files.text("/boot/grub/grub.cfg.before-move"), stale);
  });

  it("stays the guest's own where it has one with its kernels: devices and console are translated", async () => {
    const own = "menuentry 'Debian' {\n\tlinux /boot/vmlinuz-6.2 root=/dev/xvda1 ro console=hvc0\n}\n";
    const files = await convert(grubMenu, { ...kernels, "/boot/grub/grub.cfg": own }, { how: "menu" });
    assert.equal(
      files.text("/boot/grub/grub.cfg"),
      `menuentry 'Debian' {\n\tlinux /boot/vmlinuz-6.2 root=UUID=${UUIDS.root} ro console=tty0 console=ttyS0,115200n8\n}\n`,
    );
  });
});

describe("conversion of a guest of Xen's: names and leftovers", () => {
  it("translates devices in fstab, also by the name that an older kernel has for them", async () => {
    const text = "/dev/xvda1 / ext4 defaults 0 1\n/dev/sda2 none swap sw 0 0\n";
    const files = await convert(fstab, { "/etc/fstab": text });
    assert.equal(
      files.text("/etc/fstab"),
      `UUID=${UUIDS.root} / ext4 defaults 0 1\nUUID=${UUIDS.swap} none swap sw 0 0\n`,
    );
  });

  it("moves the login from Xen's console to ttyS0, under every kind of init", async () => {
    const files = await convert(consoleGetty, {
      "/etc/inittab": "1:2345:respawn:/sbin/getty 38400 hvc0\n#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n",
      "/etc/init/rc-sysinit.conf": "",
      "/etc/init/hvc0.conf": "exec /sbin/getty -8 38400 hvc0\n",
      "/etc/systemd/system/getty.target.wants/serial-getty@hvc0.service": "",
      "/etc/systemd/system/getty.target.wants/getty@tty1.service": "",
      "/etc/securetty": "hvc0\n",
    });
    assert.equal(
      files.text("/etc/inittab"),
      "#1:2345:respawn:/sbin/getty 38400 hvc0\nT0:23:respawn:/sbin/getty -L ttyS0 115200 vt100\n",
    );
    assert.equal(files.text("/etc/init/hvc0.conf"), undefined);
    assert.match(files.text("/etc/init/ttyS0.conf") ?? "", /getty -L 115200 ttyS0/);
    assert.deepEqual(await files.list("/etc/systemd/system/getty.target.wants"), ["getty@tty1.service"]);
    assert.equal(files.text("/etc/securetty"), "hvc0\nttyS0\n");
  });

  it("comments out what fails without Xen, and nothing else", async () => {
    const files = await convert(xenLeftovers, {
      "/etc/modules": "loop\nxen-blkfront\nxenfs\n",
      "/etc/modules-load.d/xen.conf": "xen-netfront\n",
      "/etc/modprobe.d/xen.conf": "alias eth0 xennet\nblacklist virtio_net\nblacklist pcspkr\n",
      "/etc/sysctl.conf": "vm.swappiness=1\nxen.independent_wallclock = 1\n",
      "/etc/fstab": "/dev/xvda1 / ext4 defaults 0 1\nnone /proc/xen xenfs defaults 0 0\n",
    });
    assert.equal(files.text("/etc/modules"), "loop\n#xen-blkfront\n#xenfs\n");
    assert.equal(files.text("/etc/modules-load.d/xen.conf"), "#xen-netfront\n");
    assert.equal(
      files.text("/etc/modprobe.d/xen.conf"),
      "#alias eth0 xennet\n#blacklist virtio_net\nblacklist pcspkr\n",
    );
    assert.equal(files.text("/etc/sysctl.conf"), "vm.swappiness=1\n#xen.independent_wallclock = 1\n");
    assert.equal(files.text("/etc/fstab"), "/dev/xvda1 / ext4 defaults 0 1\n#none /proc/xen xenfs defaults 0 0\n");
  });

  it("leaves the same lines of a machine alone that never was Xen's", async () => {
    const files = memoryFilesystem({ "/etc/modules": "xen-blkfront\n" });
    await runStep(xenLeftovers, stepContext(files));
    assert.equal(files.text("/etc/modules"), "xen-blkfront\n");
  });
});
