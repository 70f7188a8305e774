import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { connectSsh } from "../../../src/lib/host/ssh/index.js";
import { silentReport } from "../../../src/lib/report.js";
import { runFinalPass, sessionKeeper, stageGuest, verifyTarget } from "../../../src/migrators/staging/index.js";
import { firstDifference } from "../../helpers/random-disk.js";
import { hasSshd, startSshd, type TestSshd } from "../../helpers/sshd.js";
import { stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";
import { startTcpProxy, type TcpProxy } from "../../helpers/tcp-proxy.js";

const MIB = 1024 * 1024;

describe("staging over a real sshd", function () {
  this.timeout(120_000);
  let server: TestSshd;
  let proxy: TcpProxy | undefined;
  let guest: StagingFixture;
  before(async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    server = await startSshd();
  });
  after(async () => {
    if (hasSshd()) await server.stop();
  });
  afterEach(async () => {
    await guest.remove();
    await proxy?.stop();
    proxy = undefined;
  });

  async function prepare(size: number, bytesPerSecond?: number): Promise<void> {
    proxy = await startTcpProxy({ targetPort: server.port, ...(bytesPerSecond && { bytesPerSecond }) });
    const { port } = proxy;
    const knownHosts = server.knownHosts;
    guest = await stagingFixture({
      sizes: [size],
      connect: () => connectSsh({ ...server.target, port, knownHosts }, { acceptNewHostKey: true }),
    });
  }
  const assertSame = async (): Promise<void> =>
    assert.equal(await firstDifference(guest.disks[0] ?? "", guest.volumes[0] ?? ""), undefined);

  it("a connection that is cut in the middle of a pass: says so, and goes on", async () => {
    await prepare(80 * MIB);
    await writeAt(guest.disks[0] ?? "", 0, randomBytes(80 * MIB));
    proxy?.cutAfter(70 * MIB);
    await assert.rejects(stageGuest({ ...guest.context, options: { passes: 1 } }), { code: "connection-lost" });
    const { passes } = await stageGuest({ ...guest.context, options: { passes: 1 } });
    assert.ok((passes[0]?.wireBytes ?? Infinity) < 40 * MIB, "what had arrived was sent again");
    await assertSame();
  });

  for (const [breaks, expected] of [
    [false, 0],
    [true, 1],
  ] as const) {
    it(`a last pass ${breaks ? "logs in once more when its connection broke while nothing used it" : "does not log in again"}`, async () => {
      await prepare(8 * MIB);
      await writeAt(guest.disks[0] ?? "", 0, randomBytes(8 * MIB));
      await stageGuest({ ...guest.context, options: { passes: 1 } });
      const sessions = sessionKeeper();
      let logins = 0;
      const connect = (): ReturnType<typeof guest.context.connect> => {
        logins += 1;
        return guest.context.connect();
      };
      const context = { ...guest.context, sessions, connect };
      await runFinalPass({ ...context, options: { parallel: 1 }, quiesced: false });
      await writeAt(guest.disks[0] ?? "", 4096, randomBytes(MIB));
      if (breaks) proxy?.cut();
      logins = 0;
      await runFinalPass({ ...context, options: { parallel: 1 }, quiesced: true });
      await verifyTarget({ ...context, options: {}, mode: "full" });
      await sessions.release();
      assert.equal(logins, expected);
      await assertSame();
    });
  }

  it("compresses when the link is slower than that", async () => {
    // The first MiBs go into the buffers of the connection, as fast as memory is: what they are not, measures the link.
    await prepare(48 * MIB, 8 * MIB);
    const text = Buffer.alloc(48 * MIB, "the quick brown fox jumps over the lazy dog, and then again; ");
    for (let at = 0; at < text.length; at += 4096) text.writeUInt32LE(at, at);
    await writeAt(guest.disks[0] ?? "", 0, text);
    const { passes } = await stageGuest({ ...guest.context, options: { passes: 1 } });
    assert.ok((passes[0]?.wireBytes ?? Infinity) < 24 * MIB, `${passes[0]?.wireBytes} bytes travelled`);
    await assertSame();
  });

  it("keeps to the bandwidth limit", async () => {
    await prepare(12 * MIB);
    await writeAt(guest.disks[0] ?? "", 0, randomBytes(12 * MIB));
    const begun = performance.now();
    await stageGuest({ ...guest.context, options: { passes: 1, bwlimit: 4 * MIB } });
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 2.5, `12 MiB took ${seconds.toFixed(1)} s at 4 MiB/s`);
    await assertSame();
  });

  it("changes travel for little more than their own size, protocol included", async () => {
    await prepare(256 * MIB);
    const [disk = ""] = guest.disks;
    await writeAt(disk, 0, randomBytes(200 * MIB));
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    const blocks = new Set<number>();
    while (blocks.size < 655) blocks.add(Math.floor(Math.random() * 65_536)); // 1 %
    for (const block of blocks) await writeAt(disk, block * 4096, randomBytes(4096));
    const before = (proxy?.bytes.up ?? 0) + (proxy?.bytes.down ?? 0);
    const progress: number[] = [];
    const report = {
      ...silentReport,
      progress: (_: string, { doneBytes }: { doneBytes: number }) => progress.push(doneBytes),
    };
    const { passes } = await runFinalPass({ ...guest.context, report, options: { parallel: 1 }, quiesced: true });
    const travelled = (proxy?.bytes.up ?? 0) + (proxy?.bytes.down ?? 0) - before;
    const changed = blocks.size * 4096;
    assert.equal(passes[0]?.writtenBytes, changed);
    // The reader itself and the login cost about 20 KiB once, which is much only on so small a disk.
    assert.ok(travelled < 1.15 * changed + 30_000, `${(travelled / changed).toFixed(3)} × what changed`);
    assert.ok(progress.length > 2);
    await assertSame();
  });
});
