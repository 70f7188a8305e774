import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VolumeAgent } from "../../../src/cluster/volumes/device/agent.js";
import { openDeviceVolume } from "../../../src/cluster/volumes/device/device-volume.js";
import { REQUEST } from "../../../src/cluster/volumes/device/protocol.js";
import type { Volume } from "../../../src/cluster/volumes/types.js";
import { DIGEST_SIZE, digestOf, markOf, ZERO_MARK } from "../../../src/lib/digest.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { stageGuest } from "../../../src/migrators/staging/index.js";
import { cutHost } from "../../helpers/cut-host.js";
import { deviceVolumes } from "../../helpers/device-volumes.js";
import { detachLoop, loopDevice } from "../../helpers/loop-device.js";
import { firstDifference } from "../../helpers/random-disk.js";
import { hasSshd, startSshd } from "../../helpers/sshd.js";
import { stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";
import { connectSsh } from "../../../src/lib/host/ssh/index.js";

const MIB = 1024 * 1024;
const CHUNK = 65_536;

describe("a volume on another machine", function () {
  this.timeout(60_000);
  let folder: string;
  let opened: Volume[];
  let loops: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-volume-"));
    opened = [];
    loops = [];
  });
  afterEach(async () => {
    for (const volume of opened) await volume.close();
    for (const loop of loops) await detachLoop(loop);
    await rm(folder, { recursive: true });
  });

  async function file(size: number, content = Buffer.alloc(0)): Promise<string> {
    const path = join(folder, "volume");
    const handle = await open(path, "w");
    await handle.write(content);
    await handle.truncate(size);
    await handle.close();
    return path;
  }
  async function openAt(device: string, size: number): Promise<Volume> {
    const mark = { uuid: "u", guest: "web1", disk: "sda", size };
    const volume = await openDeviceVolume({ host: localHost("alpha"), device, path: device, mark, unmarked: false });
    opened.push(volume);
    return volume;
  }
  async function deviceOf(test: Mocha.Context, path: string): Promise<string> {
    const device = await loopDevice(test, path);
    loops.push(device);
    return device;
  }

  for (const kind of ["file", "device"] as const) {
    it(`holds what was written, to the last byte: a ${kind}`, async function () {
      const size = 24 * MIB + 512; // the end is no whole block
      const expected = randomBytes(size);
      const path = await file(size, randomBytes(size));
      const volume = await openAt(kind === "file" ? path : await deviceOf(this, path), size);
      await volume.write([expected.subarray(0, 5 * MIB + 4096), expected.subarray(5 * MIB + 4096)], 0);
      expected.fill(0, MIB, 3 * MIB + 4096);
      await volume.zero(MIB, 2 * MIB + 4096);
      expected.fill(0, size - 512);
      await volume.zero(size - 512, 512);
      const piece = randomBytes(4096);
      piece.copy(expected, 20 * MIB);
      await volume.write([piece], 20 * MIB);
      await volume.flush();
      const found = Buffer.alloc(size);
      await volume.read(found, 0);
      assert.ok(found.equals(expected), "read");
      const readBack = await volume.openReadBack();
      for (const digests of [await volume.digests(0, size, CHUNK), await readBack.digests(0, size, CHUNK)]) {
        const right = Buffer.concat(
          Array.from({ length: Math.ceil(size / CHUNK) }, (_, chunk) =>
            markOf(expected.subarray(chunk * CHUNK, (chunk + 1) * CHUNK)),
          ),
        );
        assert.ok(digests.equals(right), "digests");
      }
      const blocks = await volume.digests(3 * MIB, 8192, 4096);
      assert.ok(blocks.subarray(0, DIGEST_SIZE).equals(ZERO_MARK));
      assert.ok(blocks.subarray(DIGEST_SIZE).equals(digestOf(expected.subarray(3 * MIB + 4096, 3 * MIB + 8192))));
      await volume.close();
      assert.ok((await readFile(path)).equals(expected), "the file");
    });
  }

  it("gives space back for zeros, and leaves what is beside them", async () => {
    const content = randomBytes(8 * MIB);
    const path = await file(8 * MIB, content);
    const volume = await openAt(path, 8 * MIB);
    await volume.zero(MIB, 6 * MIB);
    await volume.flush();
    content.fill(0, MIB, 7 * MIB);
    assert.ok((await readFile(path)).equals(content));
    assert.ok((await stat(path)).blocks * 512 <= 2 * MIB + CHUNK, "the zeros take space");
  });

  it("is refused while something else has it, when it is gone, and when it is too small", async function () {
    const path = await file(4 * MIB);
    await assert.rejects(openAt(path, 5 * MIB), { code: "volume-foreign", message: /4194304 bytes/ });
    await assert.rejects(openAt(`${path}.away`, MIB), { code: "volume-missing" });
    const device = await deviceOf(this, path);
    await openAt(device, 4 * MIB);
    await assert.rejects(openAt(device, 4 * MIB), { code: "volume-busy" });
  });

  it("says that it is full", async () => {
    const { agent } = await VolumeAgent.open(localHost("alpha"), "/dev/full");
    const write = agent.ask({ type: REQUEST.write, offset: 0, length: 4096 }, [Buffer.alloc(4096, 1)]);
    await assert.rejects(write, { code: "target-full" });
    await agent.close();
  });

  it("an end in the middle of a write fails all that is under way, and writes no half of it", async () => {
    const path = await file(64 * MIB);
    const mark = { uuid: "u", guest: "web1", disk: "sda", size: 64 * MIB };
    const host = cutHost(localHost("alpha"), 300);
    const volume = await openDeviceVolume({ host, device: path, path, mark, unmarked: false });
    const writes = Array.from({ length: 64 }, (_, at) => volume.write([Buffer.alloc(MIB, 7)], at * MIB));
    const results = await Promise.allSettled(writes);
    const failed = results.filter((result) => result.status === "rejected");
    assert.ok(failed.length > 30, `${failed.length} failed`);
    for (const { reason } of failed) assert.equal((reason as { code: string }).code, "connection-lost");
    await assert.rejects(volume.flush(), { code: "connection-lost" });
    await volume.close();
    const content = await readFile(path);
    for (const [at, { status }] of results.entries()) {
      const piece = content.subarray(at * MIB, (at + 1) * MIB);
      if (status === "fulfilled") assert.ok(piece.equals(Buffer.alloc(MIB, 7)), `MiB ${at} was confirmed`);
    }
  });
});

describe("staging to a volume on another machine", function () {
  this.timeout(120_000);
  let guest: StagingFixture;
  const size = 80 * MIB + 512;
  beforeEach(async () => {
    guest = await stagingFixture({ sizes: [size] });
    await writeAt(guest.disks[0] ?? "", 0, randomBytes(70 * MIB));
  });
  afterEach(() => guest.remove());
  const assertSame = async (): Promise<void> =>
    assert.equal(await firstDifference(guest.disks[0] ?? "", guest.volumes[0] ?? ""), undefined);

  it("copies, sends changes only, and proves what was written", async () => {
    const context = { ...guest.context, volumes: deviceVolumes(() => Promise.resolve(localHost("alpha"))) };
    const first = await stageGuest({ ...context, options: { passes: 1 } });
    assert.deepEqual(
      first.verified.disks.map(({ readBack }) => readBack),
      ["direct"],
    );
    await assertSame();
    await writeAt(guest.disks[0] ?? "", 3 * MIB, randomBytes(4096));
    await writeAt(guest.disks[0] ?? "", 30 * MIB, Buffer.alloc(MIB));
    const { passes } = await stageGuest({ ...context, options: { passes: 1 } });
    assert.equal(passes[0]?.writtenBytes, 4096);
    await assertSame();
  });

  it("believes nothing of a volume that holds something already", async () => {
    await writeAt(await emptyVolume(), 75 * MIB, randomBytes(MIB)); // where the disk has zeros
    const context = { ...guest.context, volumes: deviceVolumes(() => Promise.resolve(localHost("alpha"))) };
    await stageGuest({ ...context, options: { passes: 1 } });
    await assertSame();
  });

  it("calls a new volume new, and warns only where something was known that is not believed", async () => {
    const notes: Note[] = [];
    const volumes = deviceVolumes(() => Promise.resolve(localHost("alpha")));
    const report = { ...silentReport, note: (note: Note) => notes.push(note) };
    const noted = async (): Promise<readonly Note[]> => {
      notes.length = 0;
      await stageGuest({ ...guest.context, volumes, report, options: { passes: 1 } });
      return notes.filter(({ text }) => text.includes("volume"));
    };
    const [fresh, ...more] = await noted();
    assert.deepEqual([fresh?.severity, more.length], ["info", 0]);
    assert.match(fresh?.text ?? "", /is new/);
    assert.deepEqual(await noted(), []);
    await rm(join(guest.context.store.disksFolder, "sda.map")); // the volume was staged to, and nobody knows what
    const [lost] = await noted();
    assert.ok(lost);
    assert.equal(lost.severity, "warning");
    assert.match(lost.text, /nothing is known of volume .* no digest map/);
    const path = guest.volumes[0] ?? "";
    const mark = await volumes.mark(path);
    assert.ok(mark);
    await volumes.remark(path, { ...mark, uuid: "of the other host's data" });
    const [other] = await noted();
    assert.ok(other);
    assert.equal(other.severity, "warning");
    assert.match(other.text, /belongs to another volume/);
    await assertSame();
  });

  it("warns when a volume is new, but an earlier one's digests are known", async () => {
    const notes: Note[] = [];
    const report = { ...silentReport, note: (note: Note) => notes.push(note) };
    for (const volumes of [1, 2].map(() => deviceVolumes(() => Promise.resolve(localHost("alpha"))))) {
      notes.length = 0;
      await stageGuest({ ...guest.context, volumes, report, options: { passes: 1 } });
    }
    assert.match(notes.map(({ severity, text }) => `${severity}: ${text}`).join("\n"), /warning: .*another volume/);
  });

  async function emptyVolume(): Promise<string> {
    const volumes = deviceVolumes(() => Promise.resolve(localHost("alpha")));
    const [plan] = guest.context.plan.volumes;
    assert.ok(plan);
    await (await volumes.open({ ...plan, guest: "web1" })).close();
    return plan.path;
  }

  it("goes on where it stopped when the connection to it was lost", async () => {
    let cut = true;
    const volumes = deviceVolumes(() =>
      Promise.resolve(cut ? cutHost(localHost("alpha"), 20_000 + 500) : localHost("alpha")),
    );
    const context = { ...guest.context, volumes };
    await assert.rejects(stageGuest({ ...context, options: { passes: 1 } }), { code: "connection-lost" });
    cut = false;
    await stageGuest({ ...context, options: { passes: 1 } });
    await assertSame();
  });

  it("works over a real sshd", async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    const server = await startSshd();
    try {
      const volumes = deviceVolumes(() => connectSsh(server.target));
      await stageGuest({ ...guest.context, volumes, options: { passes: 1 } });
      await assertSame();
    } finally {
      await server.stop();
    }
  });
});
