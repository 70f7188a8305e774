import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { runChecked } from "../../../../src/lib/host/run.js";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { composeInitramfs, isStatic, loadOrder } from "../../../../src/migrators/conversion/initramfs/compose.js";
import { chooseKernel } from "../../../../src/migrators/conversion/kernel/choose.js";
import { prepareKernel, readKernel } from "../../../../src/migrators/conversion/kernel/prepare.js";
import { initramfs } from "../../../../src/migrators/conversion/steps/initramfs.js";
import { kernel, ownInitramfs } from "../../../../src/migrators/conversion/steps/kernel.js";
import type { StepContext, SuppliedKernel } from "../../../../src/migrators/conversion/types.js";
import type { HostedBoot, Kernel } from "../../../../src/migrators/types.js";
import { machine } from "../fixtures.js";
import { memoryFilesystem, NO_SUPPLIES, stepContext, UUIDS, type MemoryFilesystem } from "../memory-filesystem.js";

const RELEASE = "6.1.0-9-amd64";
const OUTSIDE: HostedBoot = {
  how: "outside",
  kernel: "/var/lib/xen/vmlinuz",
  ramdisk: "/var/lib/xen/initrd",
  commandLine: "root=/dev/xvda1 ro",
  release: RELEASE,
  hasModules: true,
};
const MODULES_ONLY: Kernel = { release: RELEASE, running: true, hasVirtio: undefined, modulesOnly: true };
const OWN: Kernel = { release: "5.10.0-8-amd64", running: false, hasVirtio: undefined };

describe("the kernel of a guest that has none of its own", () => {
  it("is the guest's, when there is one after all; and every other machine has its own", () => {
    assert.deepEqual(chooseKernel({ boot: OUTSIDE, kernels: [MODULES_ONLY, OWN] }, ["/x.deb"]), { from: "guest" });
    assert.deepEqual(chooseKernel({ kernels: [] }, ["/x.deb"]), { from: "guest" });
  });

  it("is what the administrator names, or else what its host has, when the guest has its modules", () => {
    assert.deepEqual(chooseKernel({ boot: OUTSIDE, kernels: [MODULES_ONLY] }, ["/x.deb"]), {
      from: "packages",
      paths: ["/x.deb"],
    });
    const { kernel, ramdisk } = OUTSIDE as { kernel: string; ramdisk: string };
    assert.deepEqual(chooseKernel({ boot: OUTSIDE, kernels: [MODULES_ONLY] }, []), {
      from: "host",
      release: RELEASE,
      kernel,
      ramdisk,
    });
  });

  it("comes from nowhere when nobody knows that it would fit", () => {
    for (const boot of [
      { ...OUTSIDE, release: undefined },
      { ...OUTSIDE, hasModules: false },
      { ...OUTSIDE, hasModules: undefined },
      { how: "menu" },
    ] as const) {
      assert.equal(chooseKernel({ boot, kernels: [] }, []).from, "nowhere");
    }
  });
});

describe("preparing a kernel", () => {
  let folder: string;
  const host = localHost();
  const never = (): never => assert.fail("the source is not asked");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-kernel-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("fetches it from the hypervisor's host, and forgets it when the guest has one", async () => {
    const [image, ramdisk, place] = ["vmlinuz", "initrd", "prepared"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(image, "kernel");
    await writeFile(ramdisk, "ramdisk");
    const choice = { from: "host", release: RELEASE, kernel: image, ramdisk } as const;
    await prepareKernel(choice, place, () => Promise.resolve(localHost("dom0")));
    const found = await readKernel(place);
    assert.deepEqual(
      [found?.release, found?.image.toString(), found?.ramdisk?.toString(), found?.modules],
      [RELEASE, "kernel", "ramdisk", undefined],
    );
    await prepareKernel({ from: "guest" }, place, never);
    assert.equal(await readKernel(place), undefined);
  });

  /** A package as dpkg-deb makes it, with these files. */
  async function makeDeb(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const tree = join(folder, `${name}.tree`);
    const control = `Package: ${name}\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n`;
    for (const [path, text] of Object.entries({ ...files, "DEBIAN/control": control })) {
      await mkdir(join(tree, path, ".."), { recursive: true });
      await writeFile(join(tree, path), text);
    }
    const deb = join(folder, `${name}.deb`);
    await runChecked(host, ["dpkg-deb", "-b", "--root-owner-group", tree, deb]);
    return deb;
  }

  it("unpacks it from packages, modules with their index, wherever the package has them", async () => {
    const image = await makeDeb("linux-image", { [`boot/vmlinuz-${RELEASE}`]: "kernel" });
    const modules = await makeDeb("linux-modules", {
      [`usr/lib/modules/${RELEASE}/kernel/a.txt`]: "a",
      [`usr/lib/modules/${RELEASE}/modules.order`]: "",
    });
    const place = join(folder, "prepared");
    await prepareKernel({ from: "packages", paths: [image, modules] }, place, never);
    const found = await readKernel(place);
    assert.ok(found?.modules);
    assert.equal(found.image.toString(), "kernel");
    const names = await runChecked(host, ["tar", "-t"], { input: found.modules });
    assert.match(names, new RegExp(`^${RELEASE}/kernel/a.txt$`, "m"));
    assert.match(names, new RegExp(`^${RELEASE}/modules.dep$`, "m"));
  });

  it("refuses packages without a kernel or without its modules, and leaves what was prepared before", async () => {
    const place = join(folder, "prepared");
    const image = await makeDeb("linux-image", { [`boot/vmlinuz-${RELEASE}`]: "kernel" });
    const empty = await makeDeb("linux-image-amd64", { "usr/share/doc/x": "x" });
    for (const [path, pattern] of [
      [image, /the modules of 6\.1\.0-9-amd64 are not in them/],
      [empty, /there is no kernel in them/],
    ] as const) {
      await assert.rejects(prepareKernel({ from: "packages", paths: [path] }, place, never), pattern);
    }
    assert.equal(await readKernel(place), undefined);
  });
});

const FOLDER = `/lib/modules/${RELEASE}`;
const DRIVERS = {
  [`${FOLDER}/modules.dep`]: [
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko",
    "kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko",
    "kernel/drivers/virtio/virtio.ko:",
    "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko",
    "kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko kernel/fs/jbd2/jbd2.ko",
    "kernel/fs/jbd2/jbd2.ko:",
    "kernel/lib/crc16.ko:",
    "kernel/net/wifi.ko:",
    "",
  ].join("\n"),
  [`${FOLDER}/modules.builtin`]: "kernel/crypto/crc32c_generic.ko\n",
  ...Object.fromEntries(
    ["drivers/virtio/virtio_pci", "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/block/virtio_blk"]
      .concat(["fs/ext4/ext4", "fs/jbd2/jbd2", "lib/crc16"])
      .map((name) => [`${FOLDER}/kernel/${name}.ko`, `code of ${name}`]),
  ),
};

describe("an initramfs of rehome's own", () => {
  it("loads what is needed before what needs it, and nothing else", async () => {
    const archive = await composeInitramfs(memoryFilesystem(DRIVERS), RELEASE, "ext3", Buffer.from("busybox"));
    const text = gunzipSync(archive.subarray(0, archive.indexOf("070701"))).toString("latin1");
    const order = /modules\/order\0+((?:[\w-]+\.ko\n)+)/.exec(text)?.[1]?.trim().split("\n") ?? [];
    assert.deepEqual(order.toSorted(), [
      "crc16.ko",
      "ext4.ko",
      "jbd2.ko",
      "virtio.ko",
      "virtio_blk.ko",
      "virtio_pci.ko",
      "virtio_ring.ko",
    ]);
    for (const [first, then] of [
      ["virtio", "virtio_ring"],
      ["virtio_ring", "virtio_pci"],
      ["jbd2", "ext4"],
      ["crc16", "ext4"],
    ] as const) {
      assert.ok(order.indexOf(`${first}.ko`) < order.indexOf(`${then}.ko`), `${first} before ${then}`);
    }
    assert.ok(text.includes("code of fs/ext4/ext4") && text.includes("switch_root"));
  });

  it("is refused where a driver is missing, or is packed", async () => {
    const files = memoryFilesystem(DRIVERS);
    await assert.rejects(composeInitramfs(files, RELEASE, "xfs", Buffer.alloc(1)), /no driver for xfs/);
    await assert.rejects(
      composeInitramfs(memoryFilesystem({}), RELEASE, "ext4", Buffer.alloc(1)),
      /no driver for ext4/,
    );
    const packed = { [`${FOLDER}/modules.dep`]: DRIVERS[`${FOLDER}/modules.dep`].replaceAll(".ko", ".ko.xz") };
    await assert.rejects(
      composeInitramfs(memoryFilesystem(packed), RELEASE, "ext4", Buffer.alloc(1)),
      /compressed modules \(kernel\/\S+\.ko\.xz\)/,
    );
  });

  it("does not go round in circles", () => {
    const paths = new Map([
      ["k/a.ko", ["k/b.ko"]],
      ["k/b.ko", ["k/a.ko"]],
    ]);
    assert.deepEqual(loadOrder({ paths, builtin: [] }, ["a"]).toSorted(), ["k/a.ko", "k/b.ko"]);
  });

  it("takes only a program that needs no libraries", async () => {
    assert.equal(isStatic(await readFile(process.execPath)), false);
    assert.equal(isStatic(Buffer.from("#!/bin/sh")), false);
  });
});

describe("conversion steps: kernel and own initramfs", () => {
  const root = {
    path: "/dev/vda1",
    sourcePath: "/dev/xvda1",
    format: "ext4",
    uuid: UUIDS.root,
    label: undefined,
    partUuid: undefined,
  };

  function context(files: MemoryFilesystem, supplied: SuppliedKernel | undefined): StepContext {
    return stepContext(files, {
      machine: machine({ boot: OUTSIDE, hypervisor: "xen" }),
      mounts: new Map([["/", root]]),
      supplies: {
        ...NO_SUPPLIES,
        kernel: () => Promise.resolve(supplied),
        busybox: () => Promise.resolve(Buffer.from("busybox")),
      },
    });
  }

  const supplied: SuppliedKernel = {
    release: RELEASE,
    image: Buffer.from("kernel"),
    ramdisk: undefined,
    modules: undefined,
  };

  it("puts the prepared kernel into /boot, with an initramfs that no later step touches", async () => {
    const files = memoryFilesystem(DRIVERS);
    const given = context(files, { ...supplied, modules: Buffer.from("tar") });
    await runStep(kernel, given);
    assert.equal(files.text(`/boot/vmlinuz-${RELEASE}`), "kernel");
    assert.equal(files.text("/lib/modules/unpacked"), "tar");
    await runStep(ownInitramfs, given);
    assert.equal(files.files.get(`/boot/initrd.img-${RELEASE}`)?.readUInt16BE(0), 0x1f8b);
    assert.deepEqual((await runStep(initramfs, given)).changes, []);
  });

  it("keeps the initramfs that its host started it with", async () => {
    const files = memoryFilesystem(DRIVERS);
    await runStep(kernel, context(files, { ...supplied, ramdisk: Buffer.from("ramdisk") }));
    await runStep(ownInitramfs, context(files, undefined));
    assert.equal(files.text(`/boot/initrd.img-${RELEASE}`), "ramdisk");
  });

  it("leaves a guest alone that has its own, and stops where there is none at all", async () => {
    const own = { "/boot/vmlinuz-5": "", "/boot/initrd.img-5": "" };
    assert.deepEqual((await runStep(kernel, context(memoryFilesystem(own), supplied))).changes, []);
    await assert.rejects(runStep(kernel, context(memoryFilesystem({}), undefined)), { code: "guest-unsupported" });
  });
});
