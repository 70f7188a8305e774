import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runFinalPass, stageGuest } from "../../../src/migrators/staging/index.js";
import { cutHost } from "../../helpers/cut-host.js";
import { firstDifference } from "../../helpers/random-disk.js";
import { stagingFixture, writeAt } from "../../helpers/staging.js";

const MIB = 1024 * 1024;

describe("a chunk that an interrupted pass overwrote", () => {
  it("is not taken for what it was before", async () => {
    let cutAfter: number | undefined;
    const guest = await stagingFixture({
      sizes: [8 * MIB],
      connect: () =>
        Promise.resolve(cutAfter === undefined ? localHost("source") : cutHost(localHost("source"), cutAfter)),
    });
    try {
      const [disk = ""] = guest.disks;
      const [before, after] = [randomBytes(4 * MIB), randomBytes(4 * MIB)];
      await writeAt(disk, 0, before);
      await stageGuest({ ...guest.context, options: { passes: 1 } });
      await writeAt(disk, 0, after);
      cutAfter = 3 * MIB;
      let changed: number | undefined = 0;
      // The cut may be noticed before the first block was written: then nothing happened, and it is cut once more.
      for (let attempt = 0; changed === 0 && attempt < 20; attempt++) {
        await assert.rejects(stageGuest({ ...guest.context, options: { passes: 1 } }), { code: "connection-lost" });
        changed = await firstDifference(disk, guest.volumes[0] ?? "");
      }
      assert.ok(changed !== undefined && changed > 0, "the cut came too early or too late to show anything");
      await writeAt(disk, 0, before);
      cutAfter = undefined;
      await runFinalPass({ ...guest.context, options: {}, quiesced: true });
      assert.equal(await firstDifference(disk, guest.volumes[0] ?? ""), undefined);
    } finally {
      await guest.remove();
    }
  });
});
