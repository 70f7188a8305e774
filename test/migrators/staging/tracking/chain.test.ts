import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import fc from "fast-check";
import { silentReport } from "../../../../src/lib/report.js";
import { trackingOf } from "../../../../src/migrators/guest-store.js";
import { runFinalPass, stageGuest } from "../../../../src/migrators/staging/index.js";
import type { Pass } from "../../../../src/migrators/types.js";
import { FakeLvm } from "../../../helpers/fake-lvm.js";
import { stagingFixture, type StagingFixture } from "../../../helpers/staging.js";

const MIB = 1024 * 1024;
const SIZE = 66 * MIB + 3 * 4096 + 512;
const FIRST = "rehome-web1-web-1";
const SECOND = "rehome-web1-web-2";

describe("a chain of snapshots", () => {
  let guest: StagingFixture;
  let lvm: FakeLvm;
  const notes: string[] = [];

  beforeEach(async () => {
    notes.length = 0;
    const connect = { now: (): ReturnType<FakeLvm["connect"]> => Promise.reject(new Error("not yet")) };
    guest = await stagingFixture({
      sizes: [SIZE],
      connect: () => connect.now(),
      report: { ...silentReport, note: ({ text }) => notes.push(text) },
    });
    lvm = new FakeLvm(guest.folder, guest.disks[0] ?? "", SIZE);
    connect.now = lvm.connect;
    await lvm.write(0, random(1, 300_000));
    await lvm.write(20 * MIB, random(2, 300_000));
  });
  afterEach(() => guest.remove());

  async function stage(): Promise<Pass> {
    notes.length = 0;
    lvm.log.length = 0;
    const { passes } = await stageGuest({ ...guest.context, options: { passes: 1 } });
    const [pass] = passes;
    assert.ok(pass);
    return pass;
  }

  async function atRest(): Promise<Pass> {
    notes.length = 0;
    lvm.log.length = 0;
    const [pass] = (await runFinalPass({ ...guest.context, options: {}, quiesced: true })).passes;
    assert.ok(pass);
    return pass;
  }

  async function assertCopyOf(path: string): Promise<void> {
    const [one, other] = [await readFile(path), await readFile(guest.volumes[0] ?? "")];
    assert.ok(one.equals(other), `the copy differs from ${path}`);
  }

  it("reads the snapshot, not the live disk, and only what the last one's table has", async () => {
    assert.equal((await stage()).tracker, "hash");
    await lvm.write(5 * 4096, random(3, 4096));
    await lvm.write(65 * MIB + 100, random(4, 10));
    lvm.onSnapshot = () => lvm.write(60 * MIB, random(5, 4096)); // after the instant that is copied
    const pass = await stage();
    assert.equal(pass.tracker, "snapshot");
    assert.equal(pass.writtenBytes, 2 * 4096);
    assert.equal(pass.readBytes, 2 * 4096 + 2 * 4096 + 4096); // header and area, and a write that was in flight
    await assertCopyOf(lvm.fileOf(SECOND));
    assert.deepEqual(notes, []);
  });

  it("begins the next map before it reads the last one (rule 3)", async () => {
    await stage();
    await stage();
    const readsStore = `read vg0-${FIRST.replaceAll("-", "--")}-cow`;
    assert.deepEqual(lvm.log, ["read disk", `create ${SECOND}`, readsStore, `remove ${FIRST}`]);
  });

  it("keeps a write that comes between the snapshot and the reading for the next pass (rule 3)", async () => {
    await stage();
    lvm.onSnapshot = async () => {
      lvm.onSnapshot = () => Promise.resolve();
      await lvm.write(8192, random(6, 4096));
    };
    await stage();
    assert.equal((await stage()).writtenBytes, 4096);
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("sees zeros that were written like any other write (rule 2)", async () => {
    await stage();
    await lvm.write(20 * MIB + 8192, Buffer.alloc(65_536));
    const pass = await stage();
    assert.equal(pass.readBytes, 65_536 + 2 * 4096);
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("is armed before the first byte is read (rule 3)", async () => {
    let written = false;
    lvm.onSnapshot = async () => {
      if (!written) await lvm.write(20 * MIB, random(7, 4096));
      written = true;
    };
    await stage();
    await assertCopyOf(guest.disks[0] ?? ""); // all of it is read from the volume itself, after the snapshot was made
    assert.equal((await stage()).readBytes, 4096 + 2 * 4096); // whenever it came, it is in the table
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("copies nothing when nothing was written, and says so by reading nothing but the table", async () => {
    await stage();
    const pass = await stage();
    assert.equal(pass.writtenBytes, 0);
    assert.equal(pass.readBytes, 2 * 4096);
  });

  const doubts: Readonly<Record<string, (text: RegExp) => Promise<RegExp>>> = {
    "the machine was restarted": (text) => ((lvm.bootId = "boot-2"), Promise.resolve(text)),
    "the logical volume was made anew": () => ((lvm.originUuid = "another"), Promise.resolve(/another one/)),
    "the snapshot ran full": () => {
      for (const one of lvm.snapshots) one.state = "Invalid";
      return Promise.resolve(/ran full and is invalid/);
    },
    "the snapshot's table overflowed": () => {
      for (const one of lvm.snapshots) one.state = "Overflow";
      return Promise.resolve(/ran full/);
    },
    "the snapshot vanished": () => (lvm.snapshots.splice(0), Promise.resolve(/is gone/)),
    "the snapshot was made anew": () => {
      const [old] = lvm.snapshots.splice(0);
      assert.ok(old);
      lvm.snapshots.push({ ...old, uuid: "uuid-of-another", changed: new Set() });
      return Promise.resolve(/replaced by another/);
    },
  };
  for (const [when, happen] of Object.entries(doubts)) {
    it(`compares everything, and says why, when ${when} (rules 5 and 6)`, async () => {
      await stage();
      await writeUnseen(50 * MIB);
      const expected = await happen(/restarted/);
      const pass = await stage();
      assert.equal(pass.tracker, "hash");
      assert.match(notes.join("\n"), expected);
      await assertCopyOf(guest.disks[0] ?? "");
      await lvm.write(0, random(9, 4096));
      assert.equal((await stage()).tracker, "snapshot", "it follows changes again");
      await assertCopyOf(guest.disks[0] ?? "");
    });
  }

  it("compares everything when the copy is not the one of the last pass (rule 5)", async () => {
    await stage();
    for (const path of guest.volumes) {
      await rm(path);
      await rm(`${path}.rehome.json`);
    }
    const pass = await stage();
    assert.equal(pass.tracker, "hash");
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("follows nothing but the very device that is copied (rule 4)", async () => {
    lvm.diskNumber = "8|0"; // a disk below the volume, of which the volume's snapshots tell nothing
    assert.equal((await stage()).tracker, "hash");
    assert.deepEqual(lvm.snapshots, []);
    lvm.diskNumber = "fe|0";
    await stage();
    await lvm.write(0, random(12, 4096));
    lvm.diskNumber = "8|0";
    assert.equal((await stage()).tracker, "hash");
    assert.match(notes.join("\n"), /no logical volume of that kind any more/);
    assert.deepEqual(lvm.snapshots, []);
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("compares everything in every pass, and says so, where there is no room for snapshots", async () => {
    lvm.free = MIB;
    assert.equal((await stage()).tracker, "hash");
    assert.match(notes.join("\n"), /has no room for a snapshot/);
    assert.deepEqual(lvm.snapshots, []);
  });

  it("passes over the disk again when the snapshot runs full during the pass (rule 6)", async () => {
    await stage();
    await lvm.write(0, random(10, 4096));
    lvm.onRemoval = () => lvm.snapshots.forEach((one) => (one.state = "Invalid")); // its table was read: now it is copied
    const last = await stage();
    assert.equal(last.tracker, "hash");
    assert.match(notes.join("\n"), /passed over again and compared completely: .*invalid|ran full/);
    await assertCopyOf(guest.disks[0] ?? "");
  });

  it("at rest reads the last table and the disk itself, and notices a write that should not have been", async () => {
    await stage();
    await lvm.write(4096, random(11, 8192));
    const pass = await atRest();
    assert.equal(pass.tracker, "snapshot");
    assert.equal(pass.writtenBytes, 8192);
    assert.deepEqual(
      lvm.log.filter((line) => !line.startsWith("read")),
      [],
    );
    await assertCopyOf(guest.disks[0] ?? "");
    assert.equal((await atRest()).writtenBytes, 0);
  });

  /** A write of which no snapshot knows. */
  async function writeUnseen(offset: number): Promise<void> {
    const known = lvm.snapshots.splice(0);
    await lvm.write(offset, random(8, 5000));
    lvm.snapshots.push(...known);
  }

  it("any writes, passes, crashes and losses: each pass copies the instant that it says", async () => {
    const event = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("write" as const), at: fc.nat(SIZE - 1), n: fc.nat(50_000) }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), at: fc.nat(), n: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), at: fc.nat(), n: fc.nat(300) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("lose", "reboot", "rest"), at: fc.nat(), n: fc.nat() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 8 }), async (events) => {
        for (const { do: what, at, n } of events) {
          if (what === "write") await lvm.write(at, random(at, Math.min(n, SIZE - at)));
          if (what === "reboot") lvm.bootId = `boot-${at}`;
          if (what === "lose") for (const one of lvm.snapshots) one.state = "Invalid";
          if (what === "cut") await cutAfter(n);
          if (what === "pass") {
            await stage();
            const tracking = trackingOf(await guest.context.store.records()).get("sda");
            await assertCopyOf(lvm.fileOf(tracking?.snapshot.name ?? ""));
          }
          if (what === "rest") {
            await atRest();
            await assertCopyOf(guest.disks[0] ?? "");
          }
        }
        await atRest();
        await assertCopyOf(guest.disks[0] ?? "");
      }),
      { numRuns: 8 },
    );
  });

  /** A run that is stopped after so many ms. */
  async function cutAfter(ms: number): Promise<void> {
    const signal = AbortSignal.timeout(ms);
    await stageGuest({ ...guest.context, signal, options: { passes: 1 } }).catch(() => undefined);
  }
});

function random(seed: number, length: number): Buffer {
  return createHash("shake128", { outputLength: Math.max(1, length) })
    .update(`${seed}`)
    .digest();
}
