import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import {
  copiesOf,
  markDiverged,
  markStaged,
  runFinalPass,
  stageGuest,
  verifyTarget,
} from "../../../src/migrators/staging/index.js";
import { frameOf, verifyFrame } from "../../../src/migrators/staging/frame.js";
import type { GuestPlan } from "../../../src/migrators/types.js";
import { allocated, stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";
import { firstDifference } from "../../helpers/random-disk.js";

const MIB = 1024 * 1024;
const SIZES = [66 * MIB + 512, 3 * MIB, 5 * MIB];

describe("staging partitions into one volume", () => {
  let guest: StagingFixture;
  afterEach(() => guest.remove());

  async function assertSame(plan: GuestPlan = guest.context.plan): Promise<void> {
    for (const { sourcePath, path, offset, size } of copiesOf(plan)) {
      assert.equal(await firstDifference(sourcePath, path, { offset, size }), undefined, `${sourcePath} differs`);
    }
  }

  async function start(): Promise<string> {
    guest = await stagingFixture({ sizes: SIZES, wrap: true });
    for (const disk of guest.disks) await writeAt(disk, 4096, randomBytes(200_000));
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    return guest.volumes[0] ?? "";
  }

  it("writes the partition table and each disk at its place; deltas land there too, and are proven", async () => {
    const path = await start();
    await assertSame();
    const dump = await runChecked(localHost(), ["sfdisk", "--dump", path]);
    assert.match(dump, /^label: dos$/m);
    assert.match(dump, new RegExp(`1 : start= +2048, size= +${(66 * MIB) / 512 + 1}, type=83, bootable$`, "m"));
    assert.match(dump, new RegExp(`3 : start= +${(71 * MIB) / 512}, size= +${(5 * MIB) / 512}, type=83$`, "m"));
    assert.ok((await allocated(path)) < 2 * MIB, "the volume is not sparse");

    const [xvda1 = "", , xvda3 = ""] = guest.disks;
    await writeAt(xvda1, 66 * MIB, randomBytes(512)); // the last, odd sector
    await writeAt(xvda3, 0, randomBytes(4096));
    const { passes } = await runFinalPass({ ...guest.context, options: {}, quiesced: true });
    assert.deepEqual(
      passes.map(({ disk, writtenBytes }) => [disk, writtenBytes]),
      [
        ["xvda1", 512],
        ["xvda2", 0],
        ["xvda3", 4096],
      ],
    );
    await assertSame();
    const full = await verifyTarget({ ...guest.context, options: {}, mode: "full" });
    assert.deepEqual(
      full.disks.map(({ comparedBytes }) => comparedBytes),
      SIZES,
    );
  });

  it("reads the partition table back as well", async () => {
    const path = await start();
    const [plan] = guest.context.plan.volumes;
    assert.ok(plan);
    const volume = await guest.context.volumes.open({ ...plan, guest: guest.context.plan.name });
    try {
      await verifyFrame(volume, plan);
      await writeAt(path, 450, Buffer.from([0x07]));
      await assert.rejects(verifyFrame(volume, plan), { code: "verify-mismatch" });
    } finally {
      await volume.close();
    }
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await assertFrame();
  });

  async function assertFrame(): Promise<void> {
    const [volume] = guest.context.plan.volumes;
    assert.ok(volume);
    const file = await open(volume.path, "r");
    for (const { offset, data } of frameOf(volume)) {
      const found = Buffer.alloc(data.length);
      await file.read(found, 0, found.length, offset);
      assert.ok(found.equals(data), `the frame at ${offset} is wrong`);
    }
    await file.close();
  }

  it("refuses passes once it has diverged, and compares all of it, table included, after going back", async () => {
    const path = await start();
    await markDiverged(guest.context.volumes, guest.context.plan, "converted");
    await writeAt(path, 512, randomBytes(100_000)); // a boot loader
    await writeAt(path, 2 * MIB, randomBytes(5000)); // the guest ran
    await assert.rejects(stageGuest({ ...guest.context, options: {} }), { code: "volume-diverged" });
    await assert.rejects(verifyTarget({ ...guest.context, options: {}, mode: "sent" }), { code: "volume-diverged" });

    await markStaged(guest.context.volumes, guest.context.plan);
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await assertSame();
    await assertFrame();
  });

  it("believes nothing of a disk whose place in the volume is another one", async () => {
    await start();
    const { plan } = guest.context;
    const [volume] = plan.volumes;
    assert.ok(volume?.wrapping);
    const [xvda1, xvda2, xvda3] = volume.wrapping.parts;
    assert.ok(xvda1 && xvda2 && xvda3);
    const parts = [xvda1, { ...xvda3, offset: xvda2.offset }, { ...xvda2, offset: xvda2.offset + 5 * MIB }];
    const moved = { ...plan, volumes: [{ ...volume, wrapping: { ...volume.wrapping, parts } }] };
    const notes: Note[] = [];
    const report = { ...silentReport, note: (note: Note) => notes.push(note) };
    await stageGuest({ ...guest.context, plan: moved, report, options: { passes: 1 } });
    await assertSame(moved);
    assert.equal(notes.filter(({ text }) => /another place in the volume/.test(text)).length, 2);
  });

  it("has one mark for all: a volume of another layout is not taken for it", async () => {
    const path = await start();
    assert.equal((await guest.context.volumes.mark(path))?.disk, "xvda");
    const { plan } = guest.context;
    const volumes = plan.volumes.map((volume) => ({ ...volume, size: volume.size + MIB }));
    await assert.rejects(stageGuest({ ...guest.context, plan: { ...plan, volumes }, options: {} }), {
      code: "volume-foreign",
    });
  });
});
