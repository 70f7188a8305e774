import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { inspectMachine } from "../../../src/migrators/physical/inspect.js";
import type { Machine } from "../../../src/migrators/types.js";
import { canMakeAccounts } from "../../helpers/sshd.js";

const BUSYBOX = "/bin/busybox";
const ENTER = `root=$1; shift
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder" || exit 1; done
exec chroot "$root" "$@"`;

/** This kernel, seen through nothing but busybox. */
function busyboxHost(root: string): Host {
  const local = localHost("busybox");
  const enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", root];
  return { ...local, run: (argv, options) => local.run([...enter, ...argv], options) };
}

describe("inspection with nothing but busybox, for real", () => {
  let root = "";
  let machine: Machine;
  before(async function () {
    const isStatic =
      existsSync(BUSYBOX) && execFileSync(BUSYBOX, ["--list"]).includes("cpio") && isStaticallyLinked(BUSYBOX);
    if (!isStatic || !canMakeAccounts()) {
      console.log("      skipped: needs root and the package busybox-static");
      this.skip();
    }
    root = await mkdtemp(join(tmpdir(), "rehome-busybox-"));
    for (const folder of ["bin", "proc", "sys", "dev", "etc", "boot"]) await mkdir(join(root, folder));
    await copyFile(BUSYBOX, join(root, "bin/busybox"));
    execFileSync("chroot", [root, "/bin/busybox", "--install", "-s", "/bin"]);
    await writeFile(join(root, "etc/alpine-release"), "3.19.0\n");
    await initramfs("with", ["kernel/virtio_blk.ko.xz", "kernel/virtio_pci.ko.xz", "kernel/dm-snapshot.ko.xz"]);
    await initramfs("without", ["kernel/ahci.ko"]);
    await initramfs("cut", ["kernel/virtio_blk.ko", "kernel/virtio_pci.ko"], 200);
    machine = await inspectMachine(busyboxHost(root));
  });
  after(async () => {
    if (root !== "") await rm(root, { recursive: true });
  });

  /** A kernel with a gzipped initramfs that has `/init` and these files. */
  async function initramfs(release: string, files: readonly string[], cutAt?: number): Promise<void> {
    const tree = await mkdtemp(join(tmpdir(), "rehome-initramfs-"));
    await mkdir(join(tree, "kernel"));
    for (const file of [...files, "init"]) await writeFile(join(tree, file), Math.random().toString().repeat(20));
    const archive = execFileSync("sh", ["-c", `find . | sort -r | ${BUSYBOX} cpio -o -H newc | gzip`], {
      cwd: tree,
      stdio: ["ignore", "pipe", "ignore"],
    });
    await writeFile(join(root, `boot/vmlinuz-${release}`), "");
    await writeFile(join(root, `boot/initrd.img-${release}`), archive.subarray(0, cutAt));
    await rm(tree, { recursive: true });
  }

  it("comes to its end and knows the basics", () => {
    assert.equal(machine.inspectedAsRoot, true);
    assert.deepEqual(machine.distribution, { id: "alpine", version: "3.19.0", name: "Alpine Linux 3.19.0" });
    assert.ok(machine.cpus > 0 && machine.memory > 0);
    assert.ok(Math.abs(machine.clockSkewMs) < 1500, `${machine.clockSkewMs} ms`);
  });

  it("reads an initramfs without the distribution's tools, and believes no half one", () => {
    const virtio = new Map(machine.kernels.map(({ release, hasVirtio }) => [release, hasVirtio]));
    assert.equal(virtio.get("with"), true);
    assert.equal(virtio.get("without"), false);
    assert.equal(virtio.get("cut"), undefined);
    const snapshots = new Map(machine.kernels.map(({ release, hasSnapshots }) => [release, hasSnapshots]));
    assert.deepEqual(
      ["with", "without", "cut"].map((release) => snapshots.get(release)),
      [true, false, undefined],
    );
  });

  it("sees the same network as the full tools", async () => {
    const full = await inspectMachine(localHost());
    assert.deepEqual(machine.network.nics, full.network.nics);
    assert.deepEqual(machine.network.routes, full.network.routes);
    assert.deepEqual(
      machine.disks.map(({ name, size }) => [name, size]),
      full.disks.map(({ name, size }) => [name, size]),
    );
  });
});

function isStaticallyLinked(program: string): boolean {
  try {
    execFileSync("ldd", [program], { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
}
