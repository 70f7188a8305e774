import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { silentReport } from "../../src/lib/report.js";
import { checkConversion, convertGuest } from "../../src/migrators/conversion/convert.js";
import { startAppliance } from "../../src/migrators/conversion/guestfs/appliance.js";
import { discardOverlays, overlayState, prepareOverlays } from "../../src/migrators/conversion/overlays.js";
import type { ConversionReport, ConversionTarget, GuestFilesystem } from "../../src/migrators/conversion/types.js";
import { TINY_DEBIAN, tinyGuest, type TinyTree } from "../helpers/tiny-guest.js";
import { guestPlan, machine } from "../migrators/conversion/fixtures.js";

const MiB = 1024 * 1024;

describe("conversion of tiny guests (real libguestfs)", function () {
  this.timeout(300_000);
  let folder: string;
  let volume: string;
  let target: ConversionTarget;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-conversion-"));
    volume = join(folder, "it's a volume.raw");
    target = { plan: guestPlan([volume]), host: localHost(), workFolder: join(folder, "work") };
  });
  afterEach(async () => {
    // an appliance whose guestfish was ended while it started is ended by libguestfs within two seconds
    for (const end = Date.now() + 10_000; appliancesOf(folder) !== "" && Date.now() < end;) await sleep(200);
    assert.equal(appliancesOf(folder), "", "an appliance was left behind");
    await rm(folder, { recursive: true });
  });

  async function convert(): Promise<ConversionReport> {
    const disks = await prepareOverlays(target);
    return convertGuest({ ...target, machine: machine(), disks, hypervisor: "qemu", report: silentReport });
  }

  /** That the conversion fails with this code, and the volume is byte for byte as it was. */
  async function refuses(code: string, message: RegExp): Promise<void> {
    const before = await digest(volume);
    await assert.rejects(convert(), (thrown: Error & { code?: string; output?: string }) => {
      assert.equal(thrown.code, code, `${thrown.message}\n${thrown.output ?? ""}`);
      assert.match(thrown.message, message);
      return true;
    });
    assert.equal(await overlayState(target), "prepared");
    await discardOverlays(target);
    assert.equal(await digest(volume), before);
  }

  /** Opens the converted guest once more and looks at it. */
  async function look<T>(work: (files: GuestFilesystem) => Promise<T>): Promise<T> {
    const disks = [{ device: "vda", overlayPath: join(target.workFolder, "vda.qcow2") }];
    const appliance = await startAppliance({ ...target, kvm: false, machine: machine(), disks });
    try {
      return await work((await appliance.mount()).files);
    } finally {
      await appliance.kill();
    }
  }

  it("changes what has to change, takes no harm from hostile names and links, and leaves the volume as it was", async () => {
    const secret = join(folder, "secret");
    await writeFile(secret, "the host's own");
    const odd = "a\n-rm-rf / \"'`$(id)\\x41;!ls";
    await tinyGuest(volume, {
      ...TINY_DEBIAN,
      "/etc/blkid.tab": `-> ${secret}`,
      "/etc/securetty": "-> ../../../../../../../../etc/shadow",
      "/etc/shadow": "the guest's own\n",
      "/etc/crypttab": "-> crypttab", // a loop
      [`/etc/initramfs-tools/conf.d/${odd}`]: "MODULES=dep\n",
      "/etc/systemd/network/10-rehome-gone.link": "old",
      [`/boot/vmlinuz-${odd.replaceAll("/", "|")}`]: "",
      "/etc/inittab": "x".repeat(2 * MiB),
    });
    const before = await digest(volume);
    await assert.rejects(convert(), { code: "guest-unsupported" }); // the only kernel's name cannot be trusted
    await discardOverlays(target);
    await tinyGuest(volume, {
      ...TINY_DEBIAN,
      "/etc/securetty": "-> ../../../../../../etc/shadow",
      "/etc/shadow": "s\n",
    });
    const original = await digest(volume);
    assert.notEqual(original, before);
    const { changes, durationMs, phases } = await convert();
    assert.deepEqual(
      [...new Set(changes.map((change) => change.step))],
      ["fstab", "grub defaults", "grub menu", "serial console", "network names"],
    );
    assert.ok(durationMs > 0 && phases.length > 10);
    await look(async (files) => {
      const text = async (path: string): Promise<string> => ((await files.read(path)) ?? "").toString();
      assert.match(await text("/etc/fstab"), /^UUID=[0-9a-f-]{36} \/ ext4/);
      assert.match(await text("/boot/grub/grub.cfg"), /root=UUID=.* console=ttyS0/);
      assert.equal(await text("/etc/shadow"), "s\nttyS0\n");
      const shadow = await files.stat("/etc/shadow");
      assert.equal(shadow?.type, "file");
    });
    assert.equal(await digest(volume), original);
  });

  it("says in a rehearsal what it would do, and leaves nothing behind", async () => {
    await tinyGuest(volume, TINY_DEBIAN);
    const before = await digest(volume);
    const report = await checkConversion({
      ...target,
      machine: machine(),
      hypervisor: "qemu",
      report: silentReport,
    });
    assert.ok(report.changes.some((change) => change.step === "fstab"));
    assert.equal(await digest(volume), before);
    await assert.rejects(stat(join(target.workFolder, "check", "vda.qcow2")), { code: "ENOENT" });
  });

  it("uses an initramfs again that took long to build, until something that it is made from changes", async () => {
    const release = "5.4.0-1";
    const image = `/boot/initrd.img-${release}`;
    await tinyGuest(volume, await withInitramfsTools(release));
    target = { ...target, productsFolder: join(folder, "products") };
    const built = async (): Promise<boolean> => {
      const { changes } = await convert();
      const [what = ""] = changes.flatMap((change) => (change.step === "initramfs" ? [change.what] : []));
      await look(async (files) => {
        assert.match((await files.read(image))?.toString("latin1") ?? "", /built/);
        assert.equal((await files.stat("/var/builds")) !== undefined, /built anew/.test(what), what);
      });
      return /built anew/.test(what);
    };
    assert.equal(await built(), true);
    assert.equal(await built(), false);
    execFileSync("debugfs", ["-w", "-R", "set_inode_field /usr/lib/driver ctime 20261201000000", volume], {
      stdio: "pipe",
    });
    assert.equal(await built(), true, "a driver has changed");
    assert.equal(await built(), false);
  });

  it("tells whether programs, drivers or configuration are the same", async () => {
    await tinyGuest(volume, {
      ...TINY_DEBIAN,
      "/usr/lib/driver": "1",
      "/lib/x": "1",
      "/etc/odd 'name'\n": "1",
      "/var/log/x": "1",
    });
    const disks = await prepareOverlays(target);
    const appliance = await startAppliance({ ...target, kvm: false, machine: machine(), disks });
    try {
      const { files } = await appliance.mount();
      let before = await files.fingerprint();
      assert.match(before ?? "", /^[0-9a-f]{64}$/);
      assert.equal(await files.fingerprint(), before);
      await files.write("/var/log/x", "2");
      await files.write("/etc/fstab", (await files.read("/etc/fstab")) ?? "");
      assert.equal(await files.fingerprint(), before, "nothing that matters has changed");
      for (const change of [
        () => files.write("/usr/lib/driver", "1"),
        () => files.write("/lib/x", "2"),
        () => files.append("/etc/fstab", Buffer.from("#\n")),
        () => files.link("/x", "/etc/link"),
        () => files.link("/y", "/etc/link"),
        () => files.remove("/etc/odd 'name'\n"),
        () => files.write("/usr/new", ""),
      ]) {
        await change();
        const after = await files.fingerprint();
        assert.ok(after !== undefined && after !== before, String(change));
        before = after;
      }
      await files.command(["/nothing"]).catch(() => undefined); // a failed command leaves the session usable
      assert.equal(await files.digest("/var/log/x"), createHash("sha256").update("2").digest("hex"));
    } finally {
      await appliance.kill();
    }
  });

  it("refuses disks without a system", async () => {
    await writeFile(volume, "");
    await truncate(volume, 64 * MiB);
    await refuses("guest-unsupported", /no operating system found/);
  });

  it("refuses a system that it does not know", async () => {
    await tinyGuest(volume, { ...TINY_DEBIAN, "/etc/os-release": "ID=gentoo\nPRETTY_NAME=Gentoo\n" });
    await refuses("guest-unsupported", /Gentoo cannot be converted yet/);
  });

  it("refuses a guest that nothing starts", async () => {
    await tinyGuest(volume, TINY_DEBIAN, { withoutGrub: true });
    await refuses("guest-unsupported", /no disk of the guest starts with GRUB/);
  });

  it("refuses an encrypted root", async () => {
    const header = Buffer.alloc(4096);
    header.write("LUKS\xba\xbe\0\x01aes", "latin1");
    header.write("70070000-0000-4000-8000-000000000001", 168, "latin1");
    await writeFile(volume, header);
    await truncate(volume, 64 * MiB);
    await refuses("guest-encrypted", /\/dev\/vda is encrypted/);
  });

  it("refuses a damaged file system", async () => {
    await tinyGuest(volume, TINY_DEBIAN);
    const disk = await open(volume, "r+");
    await disk.write(Buffer.alloc(64 * 1024, 0xff), 0, 64 * 1024, 2048); // all behind the superblock
    await disk.close();
    await refuses("guest-filesystem-damaged", /\/ on \/dev\/vda cannot be mounted/);
  });

  it("refuses a guest whose root is full", async () => {
    const size = 8 * MiB;
    for (const rest of [64, 1] as const) await fill(volume, TINY_DEBIAN, size, rest);
    await refuses("guest-disk-full", /no space left inside the guest/);
  });

  it("refuses a configuration file that is none", async () => {
    await tinyGuest(volume, { ...TINY_DEBIAN, "/etc/default/grub": Buffer.alloc(9 * MiB, 35) });
    await refuses("conversion-failed", /9437184 bytes is too large/);
  });

  it("stops when it is told to", async () => {
    await tinyGuest(volume, TINY_DEBIAN);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 3000);
    target = { ...target, signal: controller.signal };
    const disks = await prepareOverlays(target);
    const started = Date.now();
    await assert.rejects(
      convertGuest({ ...target, machine: machine(), disks, hypervisor: "qemu", report: silentReport }),
      { code: "cancelled" },
    );
    assert.ok(Date.now() - started < 10_000);
  });

  it("notices that the overlay's disk is full, and does not hang", async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: mounting a small tmpfs takes root");
      this.skip();
    }
    const small = join(folder, "small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=600m", "rehome-test", small]);
    try {
      target = { ...target, workFolder: small };
      await tinyGuest(volume, TINY_DEBIAN);
      const before = await digest(volume);
      const disks = await prepareOverlays(target);
      execFileSync("sh", ["-c", 'head -c 1G /dev/zero > "$1" 2>/dev/null || true', "sh", join(small, "ballast")]);
      await assert.rejects(
        convertGuest({ ...target, machine: machine(), disks, hypervisor: "qemu", report: silentReport }),
        { code: "conversion-no-space" },
      );
      assert.equal(await digest(volume), before);
    } finally {
      execFileSync("umount", [small]);
    }
  });
});

/** A guest with a shell, an lz4 initramfs without virtio, and programs that build and list one, and note that they did. */
async function withInitramfsTools(release: string): Promise<TinyTree> {
  const shell = ["/bin/dash", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"];
  const files = await Promise.all(shell.map(async (path) => [path, await readFile(path)] as const));
  const image = `/boot/initrd.img-${release}`;
  return {
    ...TINY_DEBIAN,
    ...Object.fromEntries(files),
    "/bin/sh": "-> dash",
    "/usr/lib/driver": "1",
    [`/boot/vmlinuz-${release}`]: "",
    [image]: Buffer.from("02214c18", "hex"),
    [`/lib/modules/${release}/modules.dep`]: "kernel/virtio_blk.ko:\nkernel/virtio_pci.ko:\n",
    "/usr/sbin/update-initramfs": `#!/bin/sh\nprintf '\\002!L\\030built' >${image}\necho x >>/var/builds\n`,
    "/usr/bin/lsinitramfs": `#!/bin/sh\nread line <"$1"\ncase $line in *built) echo a/virtio_blk.ko; echo a/virtio_pci.ko ;; esac\n`,
    "/var/empty": "",
  };
}

/** Makes a guest whose file system has no free block: the ballast is as large as still fits. */
async function fill(path: string, tree: TinyTree, size: number, stepKiB: number): Promise<void> {
  let low = 0;
  let high = Math.floor(size / 1024);
  while (high - low > stepKiB) {
    const middle = Math.floor((low + high) / 2);
    const fits = await tinyGuest(path, { ...tree, "/ballast": Buffer.alloc(middle * 1024, 1) }, { size }).then(
      () => true,
      () => false,
    );
    if (fits) low = middle;
    else high = middle;
  }
  await tinyGuest(path, { ...tree, "/ballast": Buffer.alloc(low * 1024, 1) }, { size });
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** QEMU processes that have a disk below this folder. */
function appliancesOf(folder: string): string {
  try {
    return execFileSync("pgrep", ["-f", `qemu-system.*${folder}`], { encoding: "utf8" });
  } catch {
    return "";
  }
}
