import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { writeCpio } from "../../../../src/migrators/conversion/initramfs/cpio.js";
import { initramfsFormat } from "../../../../src/migrators/conversion/initramfs/format.js";
import { initramfs } from "../../../../src/migrators/conversion/steps/initramfs.js";
import type { Products } from "../../../../src/migrators/conversion/types.js";
import type { Kernel } from "../../../../src/migrators/types.js";
import { machine } from "../fixtures.js";
import { memoryFilesystem, stepContext, type MemoryFilesystem } from "../memory-filesystem.js";

const RELEASE = "6.1.0-9-amd64";
const MODULES = `/lib/modules/${RELEASE}`;
const IMAGE = `/boot/initrd.img-${RELEASE}`;
const CONFIG = "/etc/initramfs-tools/initramfs.conf";

/** A Debian whose initramfs is "main", compressed in some way. */
function debian(main: Buffer, more: Readonly<Record<string, string>> = {}): Record<string, string | Buffer> {
  return {
    [`/boot/vmlinuz-${RELEASE}`]: "",
    [IMAGE]: main,
    [`${MODULES}/modules.builtin`]: "kernel/fs/ext4.ko\n",
    [`${MODULES}/modules.dep`]:
      "kernel/drivers/virtio/virtio.ko.xz:\nkernel/sound/snd.ko:\n" +
      "kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko.xz ../../../etc/shadow\n" +
      "kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko.xz\n",
    [`${MODULES}/modules.dep.bin`]: "DEP",
    [`${MODULES}/modules.alias.bin`]: "ALIAS",
    [`${MODULES}/kernel/drivers/virtio/virtio.ko.xz`]: "VIRTIO",
    [`${MODULES}/kernel/drivers/virtio/virtio_pci.ko.xz`]: "PCI",
    [`${MODULES}/kernel/drivers/block/virtio_blk.ko.xz`]: "BLK",
    [CONFIG]: "MODULES=most\n",
    ...more,
  };
}

function kernel(hasVirtio: boolean | undefined): Kernel {
  return { release: RELEASE, running: true, hasVirtio };
}

function convert(files: MemoryFilesystem, hasVirtio: boolean | undefined): ReturnType<typeof runStep> {
  return runStep(initramfs, stepContext(files, { machine: machine({ kernels: [kernel(hasVirtio)] }) }));
}

const ZSTD = Buffer.from("28b52ffd000102", "hex");

describe("conversion step: initramfs", () => {
  it("is left alone when it had the drivers at inspection and is not trimmed", async () => {
    const files = memoryFilesystem(debian(ZSTD));
    assert.deepEqual(await convert(files, true), { changes: [], warnings: [] });
    assert.ok(files.files.get(IMAGE)?.equals(ZSTD));
  });

  it("is left alone when the kernel has the drivers built in", async () => {
    const builtin = "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/virtio/virtio_pci.ko\n";
    const files = memoryFilesystem(debian(ZSTD, { [`${MODULES}/modules.builtin`]: builtin }));
    assert.deepEqual(await convert(files, false), { changes: [], warnings: [] });
  });

  for (const [name, hasVirtio, config] of [
    ["lacked them at inspection", false, "MODULES=most\n"],
    ["was not there at inspection", undefined, "MODULES=most\n"],
    ["is trimmed to the source's hardware", true, "# MODULES=most\nMODULES=dep\n"],
  ] as const) {
    it(`gets the drivers appended when it ${name}, once`, async () => {
      const files = memoryFilesystem(debian(ZSTD, { [CONFIG]: config }));
      const { changes } = await convert(files, hasVirtio);
      assert.equal(changes.at(-1)?.what, `virtio drivers added for ${RELEASE}`);
      const trimmed = config.includes("=dep");
      assert.equal(files.text("/etc/initramfs-tools/modules"), trimmed ? "virtio_pci\nvirtio_blk\n" : undefined);
      const image = files.files.get(IMAGE)!;
      assert.ok(image.subarray(0, ZSTD.length).equals(ZSTD));
      assert.deepEqual((await convert(files, hasVirtio)).changes, []);
    });
  }

  it("has in its appended part, as cpio sees it, the drivers with what they need, and no folder `lib`", async () => {
    for (const compressed of [false, true]) {
      const more = compressed ? { [`/boot/config-${RELEASE}`]: "CONFIG_RD_GZIP=y\n" } : {};
      const files = memoryFilesystem(debian(ZSTD, more));
      await convert(files, false);
      const appended = files.files.get(IMAGE)!.subarray(8); // 7 bytes and one of padding
      const folder = await mkdtemp(join(tmpdir(), "rehome-cpio-"));
      try {
        const archive = compressed ? gunzipUntilEnd(appended) : appended;
        const names = execFileSync("cpio", ["-t", "--quiet"], { input: archive, encoding: "utf8" }).trim().split("\n");
        assert.ok(!names.includes("lib") && names.includes("lib/modules"));
        execFileSync("mkdir", [join(folder, "lib")]);
        execFileSync("cpio", ["-i", "-d", "--quiet", "--no-absolute-filenames"], { input: archive, cwd: folder });
        const read = (path: string): Promise<string> => readFile(join(folder, MODULES, path), "utf8");
        assert.equal(await read("kernel/drivers/virtio/virtio.ko.xz"), "VIRTIO");
        assert.equal(await read("kernel/drivers/block/virtio_blk.ko.xz"), "BLK");
        assert.equal(await read("modules.alias.bin"), "ALIAS");
        assert.equal(
          names.some((name) => /snd|shadow/.test(name)),
          false,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    }
  });

  it("is built anew where the kernel cannot unpack a second archive, and proven by its list", async () => {
    let built = false;
    const files = memoryFilesystem(debian(Buffer.from("02214c18", "hex")), {
      command(argv) {
        if (argv[0] === "update-initramfs") built = true;
        return built ? "usr/lib/a/virtio_blk.ko\nusr/lib/a/virtio_pci.ko\n" : "usr/lib/a/ahci.ko\n";
      },
    });
    const { changes } = await convert(files, false);
    assert.equal(changes[0]?.what, `built anew for ${RELEASE}, with virtio drivers`);
    assert.deepEqual(files.commands[1], ["update-initramfs", "-u", "-k", RELEASE]);
  });

  describe("that was built anew", () => {
    const LZ4 = Buffer.from("02214c18", "hex");
    const NOTE = `/var/lib/initramfs-tools/${RELEASE}`;
    let kept: Map<string, readonly Buffer[]>;
    let fingerprint: string | undefined;
    beforeEach(() => {
      kept = new Map();
      fingerprint = "f1";
    });

    /** A guest whose update-initramfs writes its own name, the note and what it was told. */
    function guest(more: Readonly<Record<string, string>> = {}): MemoryFilesystem {
      const files: MemoryFilesystem = memoryFilesystem(debian(LZ4, more), {
        fingerprint: () => fingerprint,
        command(argv) {
          if (argv[0] === "update-initramfs") {
            files.files.set(IMAGE, Buffer.from("built"));
            if (NOTE in more) files.files.set(NOTE, Buffer.from("note of built"));
          }
          return files.text(IMAGE) === "built" ? "a/virtio_blk.ko\na/virtio_pci.ko\n" : "a/ahci.ko\n";
        },
      });
      return files;
    }

    async function convertWithProducts(files: MemoryFilesystem): Promise<readonly string[]> {
      const products: Products = {
        find: (name) => Promise.resolve(kept.get(name)),
        keep: (name, content) => Promise.resolve(void kept.set(name, content)),
      };
      const context = stepContext(files, { machine: machine({ kernels: [kernel(false)] }) });
      await runStep(initramfs, { ...context, supplies: { ...context.supplies, products } });
      assert.equal(files.text(IMAGE), "built");
      return files.commands.map(([program]) => program ?? "");
    }

    it("is put there again, and nothing is run, as long as what it is made from is the same", async () => {
      assert.deepEqual(await convertWithProducts(guest()), ["lsinitramfs", "update-initramfs", "lsinitramfs"]);
      assert.deepEqual(await convertWithProducts(guest()), []);
    });

    it("comes with the package's note of it", async () => {
      const noted = { [NOTE]: "note of the old one" };
      await convertWithProducts(guest(noted));
      const files = guest(noted);
      assert.deepEqual(await convertWithProducts(files), []);
      assert.equal(files.text(NOTE), "note of built");
    });

    for (const [what, change] of [
      ["programs, drivers or configuration changed", () => void (fingerprint = "f2")],
      ["that cannot be found out", () => void (fingerprint = undefined)],
      ["the kernel's configuration changed", () => ({ [`/boot/config-${RELEASE}`]: "CONFIG_X=y\n" })],
      ["the administrator's hooks may read anything", () => ({ "/etc/initramfs-tools/hooks/mine": "#!/bin/sh\n" })],
      ["the package has a note, and had none then", () => ({ [NOTE]: "note of the old one" })],
    ] as const) {
      it(`is built again when ${what}`, async () => {
        await convertWithProducts(guest());
        assert.ok((await convertWithProducts(guest(change() ?? {}))).includes("update-initramfs"));
      });
    }

    it("is built every time when it cannot be known what it is made from", async () => {
      fingerprint = undefined;
      await convertWithProducts(guest());
      assert.ok((await convertWithProducts(guest())).includes("update-initramfs"));
    });
  });

  it("is no help to a kernel without virtio: refused when there is no other", async () => {
    const none = { [`${MODULES}/modules.dep`]: "kernel/fs/xfs.ko:\n" };
    await assert.rejects(convert(memoryFilesystem(debian(ZSTD, none)), false), { code: "guest-unsupported" });
    const files = memoryFilesystem(debian(ZSTD, { "/boot/vmlinuz-2.6.8": "", "/boot/vmlinuz-a b": "" }));
    const { changes, warnings } = await convert(files, false);
    assert.equal(changes.length, 1);
    assert.equal(warnings.length, 2);
  });

  it("is known by how its main part is compressed, behind microcode and zeros", async () => {
    const microcode = writeCpio([
      { path: "kernel", content: undefined },
      { path: "kernel/x86/microcode/GenuineIntel.bin", content: Buffer.alloc(300_000, 1) },
    ]);
    for (const [main, format] of [
      [gzipSync("x"), "gzip"],
      [ZSTD, "zstd"],
      [Buffer.from("fd377a585a", "hex"), "xz"],
      [Buffer.from("02214c18", "hex"), "lz4"],
      [Buffer.from("what is this"), "unknown"],
      [writeCpio([{ path: "init", content: Buffer.from("x") }]), "none"],
    ] as const) {
      for (const before of [Buffer.alloc(0), Buffer.concat([microcode, Buffer.alloc(512 - 76)])]) {
        const files = memoryFilesystem({ [IMAGE]: Buffer.concat([before, main]) });
        assert.equal(await initramfsFormat(files, IMAGE), format);
      }
    }
  });
});

/** The gzip member at the front of the data; what follows it is ours too, and no gzip. */
function gunzipUntilEnd(data: Buffer): Buffer {
  const end = data.lastIndexOf("070701", data.lastIndexOf("conf/rehome"));
  for (let padding = 0; padding < 4; padding += 1) {
    try {
      return gunzipSync(data.subarray(0, end - padding));
    } catch {
      continue; // the zeros in between
    }
  }
  throw new Error("no gzip member");
}
