import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { copyFile, open, readFile, readdir, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { fileVolumes } from "../../../src/cluster/volumes/file-volume.js";
import type { Volume, VolumeStore } from "../../../src/cluster/volumes/types.js";
import { DIGEST_SIZE } from "../../../src/lib/digest.js";
import { DigestMap } from "../../../src/migrators/staging/digest-map.js";
import { runFinalPass, stageGuest } from "../../../src/migrators/staging/index.js";
import { detachLoop, loopDevice } from "../../helpers/loop-device.js";
import { firstDifference } from "../../helpers/random-disk.js";
import { stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";

const MIB = 1024 * 1024;

describe("a device whose page cache is not what is on the disk (rule 1)", () => {
  let guest: StagingFixture | undefined;
  let file: StagingFixture;
  let loop = "";
  let opened: FileHandle | undefined;

  before(async function () {
    file = await stagingFixture({ sizes: [8 * MIB] });
    loop = await loopDevice(this, file.disks[0] ?? "");
    opened = await open(loop, "r"); // the cache of a device that nobody has open is dropped
  });
  after(async () => {
    await opened?.close();
    if (loop !== "") await detachLoop(loop);
    await file.remove();
  });
  afterEach(() => guest?.remove());

  for (const interpreters of [undefined, []]) {
    it(`is read past it (${interpreters === undefined ? "python" : "sh"})`, async () => {
      guest = await stagingFixture({ sizes: [8 * MIB], sourcePaths: [loop] });
      const options = { passes: 1, ...(interpreters && { interpreters }) };
      const [disk = ""] = file.disks;
      await writeAt(disk, 0, randomBytes(4 * MIB));
      await stageGuest({ ...guest.context, options });
      await readFile(loop); // now the device's cache has all of it
      const change = randomBytes(100_000);
      await writeAt(disk, MIB, change);
      const cached = (await readFile(loop)).subarray(MIB, MIB + change.length);
      assert.ok(!cached.equals(change), "the cache of the device is not stale: this proves nothing");
      await runFinalPass({ ...guest.context, options, quiesced: true });
      assert.equal(await firstDifference(disk, guest.volumes[0] ?? ""), undefined);
    });
  }
});

describe("a device that could be read past its page cache at first (rule 1)", () => {
  it("is never read through it later, when that is refused for a moment", async function () {
    const file = await stagingFixture({ sizes: [4 * MIB] });
    const [disk = ""] = file.disks;
    const loop = await loopDevice(this, disk);
    const guest = await stagingFixture({ sizes: [4 * MIB], sourcePaths: [loop] });
    const path = process.env["PATH"];
    const opened = await open(loop, "r");
    try {
      // as on a machine that is short of memory: some of what tries O_DIRECT fails once the first look is over
      await writeFile(join(file.folder, "looks"), "");
      const dd = `#!/bin/sh
case "$*" in
*of=/dev/null*)
  echo >>${file.folder}/looks
  [ "$(wc -l <${file.folder}/looks)" -le 1 ] || exit 1
  ;;
esac
exec /usr/bin/dd "$@"
`;
      await writeFile(join(file.folder, "dd"), dd, { mode: 0o755 });
      await writeAt(disk, 0, randomBytes(2 * MIB));
      await readFile(loop);
      const change = randomBytes(100_000);
      await writeAt(disk, MIB, change);
      assert.ok(!(await readFile(loop)).subarray(MIB, MIB + change.length).equals(change), "this proves nothing");
      process.env["PATH"] = `${file.folder}:${path}`;
      await stageGuest({ ...guest.context, options: { passes: 1, interpreters: [] } });
      assert.equal(await firstDifference(disk, guest.volumes[0] ?? ""), undefined);
    } finally {
      process.env["PATH"] = path;
      await opened.close();
      await detachLoop(loop);
      await guest.remove();
      await file.remove();
    }
  });
});

describe("the order of writing (rule 7)", () => {
  let guest: StagingFixture;
  beforeEach(async () => void (guest = await stagingFixture({ sizes: [3 * MIB] })));
  afterEach(() => guest.remove());

  it("is: digests withdrawn, data, flush, digests; each on the disk before the next begins", async () => {
    const seen: string[] = [];
    const known = async (volume: Volume): Promise<string> => {
      const copy = join(guest.folder, "copy.map"); // what a machine that loses its power now would find
      await copyFile(join(guest.context.store.disksFolder, "sda.map"), copy);
      const disk = { size: 3 * MIB, serial: undefined, tableId: undefined };
      const { map } = await DigestMap.open(copy, {
        version: 1,
        disk,
        volume: volume.mark.uuid,
        offset: 0,
        fresh: false,
      });
      try {
        return map.isUnknown(0) ? "unknown" : "known";
      } finally {
        await map.close();
      }
    };
    const volumes: VolumeStore = {
      ...fileVolumes,
      async open(request) {
        const volume = await fileVolumes.open(request);
        return {
          ...volume,
          async write(buffers, offset) {
            seen.push(`write: ${await known(volume)}`);
            await volume.write(buffers, offset);
          },
          async flush() {
            seen.push(`flush: ${await known(volume)}`);
            await volume.flush();
            seen.push(`flushed: ${await known(volume)}`);
          },
        };
      },
    };
    const [disk = ""] = guest.disks;
    await writeAt(disk, 0, randomBytes(2 * MIB));
    await stageGuest({ ...guest.context, volumes, options: { passes: 1 } });
    await writeAt(disk, MIB, randomBytes(70_000));
    await stageGuest({ ...guest.context, volumes, options: { passes: 1 } });
    assert.ok(seen.includes("write: unknown") && seen.includes("flush: unknown"), seen.join("\n"));
    assert.deepEqual(
      seen.filter((line) => line.endsWith(": known")),
      [],
    );
    const flushes = seen.flatMap((line, index) => (line.startsWith("flushed") ? [index] : []));
    assert.ok(flushes.length >= 2, "each pass flushes");
    assert.ok((flushes.at(-1) ?? 0) > seen.lastIndexOf("write: unknown"), "nothing is written after the last flush");
    const volume = await fileVolumes.open({ path: guest.volumes[0] ?? "", guest: "web1", disk: "sda", size: 3 * MIB });
    assert.equal(await known(volume), "known", "in the end they are there");
    await volume.close();
  });

  it("rests on digests that do not collide", () => {
    assert.ok(DIGEST_SIZE * 8 >= 64);
  });
});

describe("freezing a file system (rule 9)", () => {
  it("is nothing that rehome does: there is no watchdog that would have to thaw it", async () => {
    const words = /fsfreeze|xfs_freeze|FIFREEZE|guest-fsfreeze/i;
    for (const folder of ["src", "templates"]) {
      const files = await readdir(folder, { recursive: true, withFileTypes: true });
      for (const entry of files.filter((one) => one.isFile())) {
        const path = join(entry.parentPath, entry.name);
        assert.doesNotMatch(await readFile(path, "utf8"), words, path);
      }
    }
  });
});
