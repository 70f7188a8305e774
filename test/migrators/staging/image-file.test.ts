import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { runFinalPass, stageGuest, verifyTarget } from "../../../src/migrators/staging/index.js";
import { detachLoop, loopDevice } from "../../helpers/loop-device.js";
import { allocated, stagingFixture, type StagingFixture } from "../../helpers/staging.js";

const MIB = 1024 * 1024;

/** A raw image as a Xen host keeps it for a domain (`file:`): a sparse file, in use through a loop device. */
describe("a raw image that is in use through a loop device", () => {
  const host = localHost();
  let guest: StagingFixture;
  let loop = "";

  before(async function () {
    guest = await stagingFixture({ sizes: [80 * MIB] });
    loop = await loopDevice(this, guest.disks[0] ?? "");
  });
  after(async () => {
    if (loop !== "") await detachLoop(loop);
    await guest.remove();
  });

  /** As the block backend of the domain does: past the page cache of the loop device, and no flush follows. */
  async function write(offset: number, data: Buffer): Promise<void> {
    const place = ["bs=4096", `seek=${offset / 4096}`, "iflag=fullblock", "oflag=direct", "conv=notrunc"];
    await runChecked(host, ["dd", `of=${loop}`, ...place], { input: data });
  }

  for (const interpreters of [undefined, []]) {
    const options = { passes: 1, ...(interpreters && { interpreters }) };
    it(`is read as the domain wrote it, holes and all (${interpreters === undefined ? "python" : "sh"})`, async () => {
      await write(0, randomBytes(MIB));
      await write(70 * MIB, randomBytes(2 * MIB));
      await stageGuest({ ...guest.context, options });
      await assertSame();
      assert.ok((await allocated(guest.volumes[0] ?? "")) < 8 * MIB, "holes became zeros that take room");
      await write(70 * MIB + 65_536, randomBytes(8192)); // still in the page cache of the file when it is read
      const { passes } = await runFinalPass({ ...guest.context, options, quiesced: true });
      assert.ok((passes[0]?.writtenBytes ?? 0) >= 8192);
      await assertSame();
      await verifyTarget({ ...guest.context, options, mode: "full" });
    });
  }

  async function assertSame(): Promise<void> {
    const [source, target] = [await readFile(loop), await readFile(guest.volumes[0] ?? "")];
    assert.ok(source.equals(target), "the volume differs from what the domain sees");
  }
});
