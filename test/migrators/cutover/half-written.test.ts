import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileVolumes } from "../../../src/cluster/volumes/file-volume.js";
import type { VolumeStore } from "../../../src/cluster/volumes/types.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { overlayState, prepareOverlays, setOverlayState } from "../../../src/migrators/conversion/overlays.js";
import { runSteps, statusOf, currentSteps, undoSteps } from "../../../src/migrators/cutover/sequence.js";
import { convertStep, writeConversionStep } from "../../../src/migrators/cutover/steps/convert.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import { guestStore } from "../../../src/migrators/guest-store.js";
import { conversionTarget } from "../../../src/migrators/landing/images.js";
import { guestPlan } from "../conversion/fixtures.js";

const SIZE = 16 * 1024 * 1024;

describe("a conversion that was half written to the volumes (real qemu-img)", () => {
  let folder: string;

  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "rehome-half-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("can be gone back from: the volumes are to be compared again, and the overlays are gone", async () => {
    const path = join(folder, "web1-vda.raw");
    const first = guestPlan([path]);
    const plan = { ...first, volumes: first.volumes.map((volume) => ({ ...volume, size: SIZE })) };
    const volume = await fileVolumes.open({ path, guest: "web1", disk: "sda", size: SIZE });
    await volume.close();
    const store = guestStore(folder, "web1");
    await store.append({ type: "state", at: 0, state: "cutting-over" });
    let volumes: VolumeStore = {
      ...fileVolumes,
      open: () => Promise.reject(new RehomeError("connection-lost", "the host of the volume is gone")),
    };
    const context = {
      session: { target: localHost(), store },
      plan,
      volumes: { use: (work: (volumes: VolumeStore) => Promise<unknown>) => work(volumes) },
      report: silentReport,
    } as unknown as CutoverContext;
    const target = conversionTarget(context);
    const converted = {
      ...convertStep,
      run: async () => {
        await prepareOverlays(target);
        await setOverlayState(target, "converted");
        return { detail: "done" };
      },
    };
    const steps = [converted, writeConversionStep];
    await assert.rejects(runSteps(steps, context, store, silentReport), { code: "connection-lost" });
    assert.equal(await overlayState(target), "committing");

    volumes = fileVolumes;
    assert.deepEqual(await undoSteps(steps, context, store, silentReport), ["write-conversion", "convert"]);
    assert.equal((await fileVolumes.mark(path))?.diverged, undefined);
    assert.equal(await overlayState(target), "none");
    assert.deepEqual(await readdir(target.workFolder), []);
    assert.equal(statusOf(currentSteps(await store.records()), "convert"), "undone");
  });

  it("does not keep the source down when the host that has it is lost, and the other one's copy is older", async () => {
    const notes: string[] = [];
    let code: "volume-stale" | "volume-busy" = "volume-stale";
    const context = {
      session: { guest: "web1", target: localHost(), store: guestStore(folder, "web1") },
      plan: guestPlan([join(folder, "web1-vda.raw")]),
      volumes: { use: () => Promise.reject(new RehomeError(code, "the volume web1 is Inconsistent here")) },
      report: { ...silentReport, note: ({ text }: Note) => void notes.push(text) },
    } as unknown as CutoverContext;
    assert.match((await writeConversionStep.undo?.(context)) ?? "", /no more passes/);
    assert.match(notes.join("\n"), /Inconsistent.*before web1 is staged again, run rehome volume remove web1/);
    code = "volume-busy"; // something has it open, and may be the guest
    await assert.rejects(writeConversionStep.undo?.(context) ?? Promise.resolve(), { code });
  });
});
