import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { connectSsh } from "../../../src/lib/host/ssh/index.js";
import type { Host } from "../../../src/lib/host/types.js";
import { exportDisk, withDiskExport } from "../../../src/lib/nbd/disk-export.js";
import { libguestfsEnv } from "../../helpers/accelerator.js";
import { NBD, nbdClient } from "../../helpers/nbd-client.js";
import { hasSshd, startSshd, type TestSshd } from "../../helpers/sshd.js";

const MIB = 1024 ** 2;
const local = localHost();
/** Offsets and lengths of reads that no block begins or ends at. */
const PLACES = [
  [1, 1],
  [4095, 2],
  [511, 70_000],
  [5 * MIB + 1535, 1],
  [5 * MIB - 3, 1539],
] as const;

describe("a disk that is served for reading", () => {
  let folder: string;
  let disk: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-nbd-test-"));
    disk = join(folder, "disk.raw");
    // not a whole number of blocks at its end
    await writeFile(disk, Buffer.concat([noise(3 * MIB), Buffer.alloc(2 * MIB), noise(1536)]));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is read by QEMU, byte for byte, again and again", async () => {
    await withDiskExport(local, disk, {}, async ({ qemuPath, size }) => {
      assert.equal(size, 5 * MIB + 1536);
      for (const copy of ["first.raw", "second.raw"]) {
        await runChecked(local, ["qemu-img", "convert", "-O", "raw", "-f", "raw", qemuPath, join(folder, copy)]);
        assert.ok((await readFile(join(folder, copy))).equals(await readFile(disk)));
      }
    });
  });

  it("is read by libnbd over several connections at once, at any offset and length", async () => {
    await withDiskExport(local, disk, {}, async ({ uri }) => {
      const info = JSON.parse(await runChecked(local, ["nbdinfo", "--json", uri])) as NbdInfo;
      assert.deepEqual(
        info.exports.map((one) => [one["export-size"], one.is_read_only, one.can_multi_conn]),
        [[5 * MIB + 1536, true, true]],
      );
      const copy = join(folder, "copy.raw");
      const argv = ["nbdcopy", "--connections=4", "--request-size=262144", uri, copy];
      await runChecked(local, argv);
      assert.ok((await readFile(copy)).equals(await readFile(disk)));
    });
    await withDiskExport(local, disk, {}, async ({ socket }) => {
      const client = await nbdClient(socket);
      const whole = await readFile(disk);
      for (const [offset, length] of PLACES) {
        const { data } = await client.request(NBD.read, offset, length);
        assert.ok(data.equals(whole.subarray(offset, offset + length)), `${offset}`);
      }
      assert.notEqual((await client.request(NBD.read, 5 * MIB, 1537)).error, 0);
      client.close();
    });
  });

  it("cannot be written", async () => {
    const before = await readFile(disk);
    await withDiskExport(local, disk, {}, async ({ qemuPath, socket }) => {
      const written = await local.run(["qemu-io", "-f", "raw", "-c", "write -P 7 0 4096", qemuPath]);
      assert.match(written.stdout + written.stderr, /read-only|Permission denied|not permitted/i);
      // a client that does not care for the export's being read-only is refused, and can go on
      const client = await nbdClient(socket);
      assert.equal((await client.request(NBD.write, 0, 4096, noise(4096))).error, 1);
      assert.equal((await client.request(NBD.trim, 0, 4096)).error, 1);
      assert.equal((await client.request(NBD.flush, 0, 0)).error, 0);
      client.close();
    });
    assert.ok((await readFile(disk)).equals(before));
  });

  it("has its file system read by libguestfs", async function () {
    this.timeout(180_000);
    const tree = join(folder, "tree");
    await runChecked(local, ["mkdir", "-p", join(tree, "etc")]);
    await writeFile(join(tree, "etc/hostname"), "web1\n");
    const image = join(folder, "fs.raw");
    await runChecked(local, ["mke2fs", "-q", "-t", "ext4", "-d", tree, image, "16M"]);
    const before = await readFile(image);
    const text = await withDiskExport(local, image, {}, async ({ socket }) =>
      runChecked(local, ["guestfish"], {
        env: await libguestfsEnv(),
        input: `add "" protocol:nbd server:unix:${socket} readonly:true format:raw\nrun\nmount-ro /dev/sda /\ncat /etc/hostname\n`,
        timeoutMs: 170_000,
      }),
    );
    assert.equal(text.trim(), "web1");
    assert.ok((await readFile(image)).equals(before));
  });

  it("leaves nothing behind when it is closed, whoever is connected", async () => {
    const served = await exportDisk(local, disk);
    const client = connect(served.socket);
    await once(client, "data"); // the server's greeting
    client.on("error", () => undefined);
    await Promise.all([once(client, "close"), served.close()]);
    await assert.rejects(readdir(join(served.socket, "..")));
    const left = await local.run(["pgrep", "-f", `-- ${disk}|exec.f.read.*${disk}`]);
    assert.equal(left.stdout, "");
    assert.equal(served.failure(), undefined);
  });

  it("says which disk is not there, and what of it cannot be read", async () => {
    await rejects(exportDisk(local, join(folder, "gone")), "disk-missing");
    await rejects(exportDisk(local, folder), "source-read-failed");
    const served = withDiskExport(local, disk, {}, async ({ qemuPath }) => {
      await truncate(disk, MIB); // as a device that lost its end
      await runChecked(local, ["qemu-img", "convert", "-O", "raw", "-f", "raw", qemuPath, join(folder, "copy.raw")]);
    });
    await rejects(served, "source-read-failed", /byte \d+: .*the disk ends/);
  });

  it("says when there is no python, and stops when it is cancelled", async () => {
    await rejects(exportDisk(local, disk, { interpreters: ["no-such-python"] }), "source-tool-missing");
    const stop = new AbortController();
    const served = await exportDisk(local, disk, { signal: stop.signal });
    const client = connect(served.socket);
    client.on("error", () => undefined);
    await once(client, "data");
    stop.abort();
    await once(client, "close");
    assert.equal(served.failure()?.code, "cancelled");
    await served.close();
  });
});

describe("a disk that is served over ssh", () => {
  it("is read as it is, and its clients learn that the connection broke", async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    const sshd = await startSshd();
    const host = await connectSsh({ ...sshd.target }, { name: "dom0" });
    try {
      await readAndLose(sshd, host);
    } finally {
      await host.close();
      await sshd.stop();
    }
  });
});

async function readAndLose(sshd: TestSshd, host: Host): Promise<void> {
  const disk = join(sshd.folder, "disk.raw");
  const copy = join(sshd.folder, "copy.raw");
  await writeFile(disk, noise(9 * MIB + 512));
  await withDiskExport(host, disk, {}, async ({ uri }) => {
    await runChecked(local, ["nbdcopy", uri, copy]);
    assert.ok((await readFile(copy)).equals(await readFile(disk)));
  });
  const served = await exportDisk(host, disk);
  const client = connect(served.socket);
  client.on("error", () => undefined);
  await once(client, "data");
  const closed = once(client, "close");
  sshd.killConnections();
  await closed;
  assert.equal(served.failure()?.code, "connection-lost");
  await served.close();
}

interface NbdInfo {
  readonly exports: readonly {
    readonly "export-size": number;
    readonly is_read_only: boolean;
    readonly can_multi_conn: boolean;
  }[];
}

function noise(length: number): Buffer {
  const data = Buffer.alloc(length);
  for (let index = 0, word = 1; index < length; index += 1) {
    word = (word * 1103515245 + 12345) & 0x7fffffff;
    data[index] = word >> 16;
  }
  return data;
}

async function rejects(work: Promise<unknown>, code: string, output = /(?:)/): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof RehomeError, String(thrown));
    assert.equal(thrown.code, code);
    assert.match(thrown.output ?? "", output);
    return true;
  });
}
