import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { runFinalPass, stageGuest, verifyTarget } from "../../../src/migrators/staging/index.js";
import { allocated, stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";

const MIB = 1024 * 1024;

describe("staging a guest", () => {
  let guest: StagingFixture;
  afterEach(() => guest.remove());

  for (const [agent, interpreters] of [
    ["python", undefined],
    ["sh", []],
  ] as const) {
    const options = { parallel: 2, ...(interpreters && { interpreters }) };
    it(`${agent}: copies disks, keeps holes, and sends only what changed in the next pass`, async () => {
      guest = await stagingFixture({ sizes: [130 * MIB + 5 * 512, 3 * MIB] });
      const [sda = "", sdb = ""] = guest.disks;
      await writeAt(sda, 0, randomBytes(MIB));
      await writeAt(sda, 100 * MIB + 4096, randomBytes(300_000));
      await writeAt(sda, 130 * MIB, randomBytes(5 * 512));
      await writeAt(sdb, MIB, randomBytes(2 * MIB));
      const first = await stageGuest({ ...guest.context, options: { ...options, passes: 1 } });
      assert.equal(first.agent.kind, agent);
      await assertSame(guest);
      assert.ok((await allocated(guest.volumes[0] ?? "")) < 3 * MIB, "the volume is not sparse");
      assert.equal(first.stop.rule, "pass-limit");

      await writeAt(sda, 8192, randomBytes(4096));
      await writeAt(sda, 100 * MIB, Buffer.alloc(MIB));
      await writeAt(sda, 50 * MIB + 77, randomBytes(10));
      const final = await runFinalPass({ ...guest.context, options, quiesced: true });
      await assertSame(guest);
      const [pass] = final.passes;
      assert.ok(pass);
      assert.equal(pass.number, 2);
      assert.equal(pass.zeroBytes + pass.unchangedBytes < pass.totalBytes, true);
      if (agent === "python") {
        assert.equal(pass.writtenBytes, 8192);
        assert.ok(pass.wireBytes < 100_000, `${pass.wireBytes} bytes travelled`);
      }
      const sent = await verifyTarget({ ...guest.context, options, mode: "sent" });
      // The other disk did not change since staging read it back.
      assert.deepEqual(
        sent.disks.map(({ comparedBytes }) => comparedBytes > 0),
        [true, false],
      );
      const full = await verifyTarget({ ...guest.context, options, mode: "full" });
      assert.equal(full.disks[0]?.comparedBytes, pass.totalBytes);
    });
  }
});

async function assertSame(guest: StagingFixture): Promise<void> {
  for (const [index, disk] of guest.disks.entries()) {
    const [source, target] = [await readFile(disk), await readFile(guest.volumes[index] ?? "")];
    assert.ok(source.equals(target), `${disk} and its volume differ`);
  }
}
