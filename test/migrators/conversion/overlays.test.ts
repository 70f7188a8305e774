import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { fileVolumes } from "../../../src/cluster/volumes/file-volume.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { withDiskExport } from "../../../src/lib/nbd/disk-export.js";
import type { Host } from "../../../src/lib/host/types.js";
import {
  commitOverlays,
  discardOverlays,
  overlayState,
  prepareOverlays,
  setOverlayState,
} from "../../../src/migrators/conversion/overlays.js";
import type { ConversionTarget } from "../../../src/migrators/conversion/types.js";
import { deviceVolumes } from "../../helpers/device-volumes.js";
import { withFullDisk } from "../../helpers/full-disk.js";
import { guestPlan } from "./fixtures.js";

const MiB = 1024 * 1024;

const store = deviceVolumes(() => Promise.resolve(localHost("alpha")));

describe("conversion: overlays (real qemu-img)", () => {
  let folder: string;
  let volumes: string[];
  let target: ConversionTarget;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-overlays-"));
    volumes = [join(folder, "web 'x'.raw"), join(folder, "data.raw")];
    for (const path of volumes) {
      await writeFile(path, Buffer.alloc(MiB, path.length));
      await truncate(path, 16 * MiB);
    }
    const plan = guestPlan(volumes);
    const sized = plan.volumes.map((volume) => ({ ...volume, size: 16 * MiB }));
    target = { plan: { ...plan, volumes: sized }, host: localHost(), workFolder: join(folder, "work") };
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("leaves the volumes untouched when discarded", async () => {
    const before = await digests(volumes);
    const overlays = await prepareOverlays(target);
    await writeInto(overlays[0]!.overlayPath, 0x42);
    await discardOverlays(target);
    assert.deepEqual(await digests(volumes), before);
    assert.equal(await overlayState(target), "none");
    await assert.rejects(readFile(overlays[0]!.overlayPath), { code: "ENOENT" });
  });

  it("does not commit what was not converted", async () => {
    const before = await digests(volumes);
    const overlays = await prepareOverlays(target);
    await writeInto(overlays[0]!.overlayPath, 0x42);
    await assert.rejects(commitOverlays(target, store), hasCode("conversion-unfinished"));
    assert.deepEqual(await digests(volumes), before);
  });

  it("commits, and finishes a commit that was cut off after any program", async function () {
    this.timeout(120_000);
    const before = await readFile(volumes[1]!);
    for (let cut = 0; ; cut += 1) {
      const overlays = await prepareOverlays(target);
      await writeInto(overlays[0]!.overlayPath, cut + 1);
      await setOverlayState(target, "converted");
      const broken: ConversionTarget = { ...target, host: dyingHost(cut) };
      const finished = await commitOverlays(broken, store).then(
        () => true,
        () => false,
      );
      if (!finished && (await overlayState(target)) === "committing") {
        await assert.rejects(discardOverlays(target), hasCode("conversion-committing"));
        await assert.rejects(prepareOverlays(target), hasCode("conversion-committing"));
      }
      await commitOverlays(target, store);
      const first = await readFile(volumes[0]!);
      assert.ok(first.subarray(2 * MiB, 3 * MiB).equals(Buffer.alloc(MiB, cut + 1)));
      assert.ok(first.subarray(0, MiB).equals(Buffer.alloc(MiB, volumes[0]!.length)));
      assert.ok((await readFile(volumes[1]!)).equals(before));
      await commitOverlays(target, store); // again, when all is done: nothing happens
      await discardOverlays(target);
      assert.equal(await overlayState(target), "committed");
      if (finished) {
        assert.ok(cut >= 6, `only ${cut} programs ran`);
        return;
      }
    }
  });

  it("commits into the volume that staging made, though what QEMU read it by is gone", async () => {
    const [plan] = target.plan.volumes;
    assert.ok(plan);
    const path = join(folder, "staged", "vda.raw");
    const staged = { ...target, plan: { ...target.plan, volumes: [{ ...plan, path }] } };
    const { name: guest } = staged.plan;
    const volume = await fileVolumes.open({ path, guest, disk: plan.disk, size: 16 * MiB });
    await volume.write([Buffer.alloc(16 * MiB, 9)], 0);
    await volume.close();
    await withDiskExport(localHost("alpha"), path, {}, async ({ qemuPath }) => {
      const [overlay] = await prepareOverlays(staged, [qemuPath]);
      assert.ok(overlay);
      await writeInto(overlay.overlayPath, 0x42);
      await zeroIn(overlay.overlayPath);
    });
    await setOverlayState(staged, "converted");
    await commitOverlays(staged, fileVolumes);
    const expected = Buffer.alloc(16 * MiB, 9);
    expected.fill(0x42, 2 * MiB, 3 * MiB);
    expected.fill(0, 8 * MiB, 10 * MiB);
    assert.ok((await readFile(path)).equals(expected));
  });

  it("refuses to begin without space", async () => {
    const full = { ...target, host: withFullDisk(localHost()) };
    await assert.rejects(prepareOverlays(full), hasCode("conversion-no-space"));
  });
});

/** A host that dies after so many programs, as when the machine is switched off. */
function dyingHost(programs: number): Host {
  const host = localHost();
  let left = programs;
  return {
    ...host,
    run(argv, options) {
      if (left === 0) return Promise.reject(new Error("the power is off"));
      left -= 1;
      return host.run(argv, options);
    },
  };
}

async function writeInto(overlay: string, byte: number): Promise<void> {
  const result = await localHost().run(["qemu-io", "-f", "qcow2", "-c", `write -P ${byte} 2M 1M`, overlay]);
  assert.equal(result.exitCode, 0, result.stderr);
}

async function zeroIn(overlay: string): Promise<void> {
  const result = await localHost().run(["qemu-io", "-f", "qcow2", "-c", "write -z 8M 2M", overlay]);
  assert.equal(result.exitCode, 0, result.stderr);
}

async function digests(paths: readonly string[]): Promise<string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const file = await open(path);
      try {
        return createHash("sha256")
          .update(await file.readFile())
          .digest("hex");
      } finally {
        await file.close();
      }
    }),
  );
}

function hasCode(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof RehomeError && thrown.code === code;
}
