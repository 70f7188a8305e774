import { strict as assert } from "node:assert";
import { expectedBytes } from "../../../src/migrators/staging/expected-bytes.js";
import type { Rehearsal } from "../../../src/migrators/rehearsal/types.js";
import { factsOf } from "../../../src/migrators/staging/facts.js";
import { groupFlush } from "../../../src/migrators/staging/group-flush.js";
import { headHasId } from "../../../src/migrators/staging/identity.js";
import { decideStop, DOWNTIME_DEFAULTS, predictDowntime } from "../../../src/migrators/staging/index.js";
import { throttle } from "../../../src/lib/throttle.js";
import type { BlockDevice, Pass } from "../../../src/migrators/types.js";
import { stagingFixture } from "../../helpers/staging.js";

const MIB = 1024 * 1024;

describe("when to stop copying", () => {
  const outcomes = (...downtimes: readonly number[]) =>
    downtimes.map((downtimeMs, index) => ({ downtimeMs, writtenBytes: (10 - index) * MIB }));
  const limits = { passes: 10 };

  it("goes on while it helps", () => {
    assert.equal(decideStop(outcomes(100), limits), undefined);
    assert.equal(decideStop(outcomes(100, 99), limits), undefined);
    assert.equal(decideStop(outcomes(100, 80, 60), limits), undefined);
  });
  it("stops when two passes improved the downtime by less than 15 %", () => {
    assert.equal(decideStop(outcomes(100, 95, 86), limits)?.rule, "no-improvement");
    assert.equal(decideStop(outcomes(100, 95, 85), limits), undefined);
  });
  it("stops when the downtime fits, when little changed, and at the limit, and says which", () => {
    assert.equal(decideStop(outcomes(100), { passes: 1, maxDowntimeMs: 100 })?.rule, "fits-budget");
    assert.equal(decideStop(outcomes(100), { passes: 1, untilDirty: 10 * MIB })?.rule, "dirty-below");
    assert.match(decideStop(outcomes(100), { passes: 1 })?.text ?? "", /limit of 1 pass$/);
  });
});

describe("predicted downtime", () => {
  const facts = {
    dirtyBytes: 100 * MIB,
    dirtyMeasured: true,
    bandwidth: 50 * MIB,
    scanMs: 1500,
    scanMeasured: true,
  };

  it("adds up all steps, and says where each comes from", () => {
    const { totalMs, parts } = predictDowntime({ ...facts, readBackRate: 200 * MIB, bootMs: 12_000 });
    const ms = Object.fromEntries(parts.map((part) => [part.step, part.ms]));
    assert.deepEqual(ms, {
      shutdown: DOWNTIME_DEFAULTS.shutdownMs,
      scan: 1500,
      transfer: 500, // 2 s of sending, of which 1.5 s are behind the scan
      verify: 500,
      convert: DOWNTIME_DEFAULTS.convertMs,
      define: DOWNTIME_DEFAULTS.defineMs,
      boot: 12_000,
    });
    assert.equal(
      totalMs,
      Object.values(ms).reduce((sum, one) => sum + one, 0),
    );
    assert.deepEqual(
      parts.filter(({ basis }) => basis === "default").map(({ step }) => step),
      ["shutdown", "convert", "define"],
    );
  });

  it("counts the start of the conversion's appliance only from when it is waited for", () => {
    const converted = (applianceMs: number): number | undefined =>
      predictDowntime({
        ...facts,
        shutdownMs: 10_000,
        convertMs: 5000,
        readBackRate: 200 * MIB,
        applianceMs,
      }).parts.find(({ step }) => step === "convert")?.ms;
    assert.equal(converted(12_000), 5000); // 10 s of shutdown, 2 s of copying, half a second of reading back
    assert.equal(converted(15_500), 8000);
  });

  it("takes the dirty rate from the last two passes, and measured steps from an earlier cutover", () => {
    const pass = (number: number, startedAt: number, durationMs: number, writtenBytes: number): Pass => ({
      disk: "sda",
      number,
      startedAt,
      durationMs,
      totalBytes: 1000 * MIB,
      zeroBytes: 0,
      unchangedBytes: 0,
      writtenBytes,
      wireBytes: 0,
      tracker: "hash",
      quiesced: false,
    });
    const first = [pass(1, 0, 60_000, 600 * MIB)];
    assert.equal(factsOf(first, []).dirtyMeasured, false);
    const both = [...first, pass(2, 60_000, 10_000, 30 * MIB)];
    const step = { type: "step", at: 0, event: "done" } as const;
    const found = factsOf(both, [
      { ...step, step: "start", durationMs: 2000 },
      { ...step, step: "answers", durationMs: 30_000 },
      { ...step, step: "convert", durationMs: 9000 },
    ]);
    assert.equal(found.dirtyBytes, 5 * MIB); // 30 MiB in the minute since pass 1 began, for another 10 s
    assert.equal(found.bandwidth, 10 * MIB);
    assert.equal(found.scanMs, 10_000);
    assert.equal(found.bootMs, 32_000);
    assert.equal(found.convertMs, undefined, "one of its two steps was not measured");
  });

  it("takes what a rehearsal measured, unless the guest was started later, or will run on other machines", () => {
    const rehearsed = (changes: Partial<Rehearsal>): Parameters<typeof factsOf>[1][number] => {
      const given = { outcome: "boots", because: "login prompt", emulated: false } as const;
      return { type: "rehearsal", at: 5, rehearsal: { at: 5, ...given, ...changes } };
    };
    const times = { convertMs: 20_000, applianceMs: 9000, bootMs: 40_000 };
    const measured = rehearsed(times);
    const steps = (at: number) =>
      (["start", "answers"] as const).map(
        (step) => ({ type: "step", at, step, event: "done", durationMs: 1000 }) as const,
      );
    const known = (...records: Parameters<typeof factsOf>[1]): unknown => {
      const { convertMs, applianceMs, bootMs } = factsOf([], records);
      return { convertMs, applianceMs, bootMs };
    };
    assert.deepEqual(known(...steps(1), measured), times);
    assert.deepEqual(known(measured, ...steps(9)), { convertMs: undefined, applianceMs: undefined, bootMs: 2000 });
    const placed = { type: "placed", at: 0, host: "alpha", because: "" } as const;
    assert.deepEqual(known(placed, measured), times);
    assert.deepEqual(known(placed, rehearsed({ ...times, emulated: true })), { ...times, bootMs: undefined });
    assert.deepEqual(known(rehearsed({ outcome: "fails" })), {
      convertMs: undefined,
      applianceMs: undefined,
      bootMs: undefined,
    });
  });
});

describe("the bandwidth limit", () => {
  it("lets through what it should, over everything that shares it", () => {
    let now = 0;
    const limit = throttle(1000, () => now);
    let sent = 0;
    while (now < 20_000) {
      const wait = limit.take(300);
      sent += 300;
      now += wait;
    }
    assert.ok(sent > 20_000 * 0.95 && sent < 20_000 * 1.05 + 550, `${sent} bytes in 20 s at 1000 a second`);
    assert.equal(throttle(undefined).take(1e12), 0);
  });
});

describe("a disk's id in its first bytes", () => {
  it("is found for dos, gpt, a file system and LVM, and not where it is not", () => {
    const head = Buffer.alloc(69_632);
    assert.equal(headHasId(head, "1f2e3d4c"), false);
    head.writeUInt32LE(0x1f2e3d4c, 440);
    assert.equal(headHasId(head, "1f2e3d4c"), true);
    const guid = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
    assert.equal(headHasId(head, guid), false);
    Buffer.from("28732ac11ff8d211ba4b00a0c93ec93b", "hex").copy(head, 512 + 56); // UEFI 2.10, 5.3.2
    assert.equal(headHasId(head, guid), true);
    Buffer.from("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "hex").copy(head, 1024 + 104); // ext4's s_uuid
    assert.equal(headHasId(head, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"), true);
    const lvm = "Wc9mvT-3dPq-Jw4d-9xYZ-aBcD-eFgH-iJkLmN";
    assert.equal(headHasId(head, lvm), false);
    Buffer.from(lvm.replaceAll("-", "")).copy(head, 512 + 32);
    assert.equal(headHasId(head, lvm), true);
  });
});

describe("the space that a disk will take", () => {
  it("counts used space of file systems, and all of what nobody can look into", async () => {
    const guest = await stagingFixture({ sizes: [MIB] });
    await guest.remove();
    const [disk] = guest.context.machine.disks;
    assert.ok(disk);
    const device = (change: Partial<BlockDevice>): BlockDevice => ({
      name: "",
      path: "",
      type: "partition",
      size: 400,
      format: "ext4",
      uuid: undefined,
      label: undefined,
      mountPoint: undefined,
      contents: [],
      ...change,
    });
    const lv = device({ type: "lvm", usedBytes: 30 });
    const contents = [
      device({ usedBytes: 100 }),
      device({ format: "swap" }),
      device({ format: "LVM2_member", contents: [lv] }),
      device({ format: "ntfs" }),
    ];
    assert.equal(expectedBytes({ ...disk, contents }, 10_000), 530);
    assert.equal(expectedBytes({ ...disk, partitionTable: "gpt" }, 10_000), 10_000);
  });
});

describe("joined flushes", () => {
  it("cover everything that was written before they were asked for", async () => {
    let written = 0;
    let durable = 0;
    let flushes = 0;
    const flush = groupFlush(async () => {
      const covers = written;
      flushes += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
      durable = Math.max(durable, covers);
    });
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index % 7));
        written += 1;
        const mine = written;
        await flush();
        assert.ok(durable >= mine, "a flush that began earlier was taken for one that covers this");
      }),
    );
    assert.ok(flushes < 30, `${flushes} flushes`);
  });
});
