import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import { silentReport } from "../../src/lib/report.js";
import { convertGuest } from "../../src/migrators/conversion/convert.js";
import { startGuestfish } from "../../src/migrators/conversion/guestfs/session.js";
import { prepareOverlays } from "../../src/migrators/conversion/overlays.js";
import type { ConversionReport, ConversionTarget } from "../../src/migrators/conversion/types.js";
import { lvmGuest } from "../helpers/lvm-guest.js";
import { TINY_DEBIAN, type TinyTree } from "../helpers/tiny-guest.js";
import { guestPlan, machine } from "../migrators/conversion/fixtures.js";

const LVM_DEBIAN: TinyTree = {
  ...TINY_DEBIAN,
  "/etc/fstab": "/dev/mapper/vg0-root / ext4 errors=remount-ro 0 1\n",
  "/boot/grub/grub.cfg": "menuentry 'x' {\n\tlinux /vmlinuz root=/dev/mapper/vg0-root ro quiet\n}\n",
};

describe("conversion of a copy that was made between two passes (real libguestfs)", function () {
  this.timeout(600_000);
  let folder: string;
  let volume: string;
  let target: ConversionTarget;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-conversion-"));
    volume = join(folder, "volume.raw");
    target = { plan: guestPlan([volume]), host: localHost(), workFolder: join(folder, "work") };
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function convert(): Promise<ConversionReport> {
    const disks = await prepareOverlays(target);
    return convertGuest({ ...target, machine: machine(), disks, hypervisor: "qemu", report: silentReport });
  }

  it("sees the guest as it will be at rest: without rehome's snapshots of it, with everybody else's", async () => {
    const ours = ["rehome", "rehome.guest.web1"];
    const others = ["rehome-web1-data-4", "rehome-web2-data-3"];
    await lvmGuest(volume, LVM_DEBIAN, [
      { name: "rehome-web1-root-3", of: "root", tags: ours },
      { name: "rehome-web1-data-3", of: "data", tags: ours },
      { name: "rehome-web1-data-4", of: "data", tags: [] }, // the name alone proves nothing
      { name: "rehome-web2-data-3", of: "data", tags: ["rehome", "rehome.guest.web2"] },
    ]);
    const before = await readFile(volume);
    const { changes } = await convert();
    assert.ok(changes.some(({ step }) => step === "grub defaults"));
    assert.deepEqual(await volumesIn(join(target.workFolder, "vda.qcow2")), ["data", ...others, "root"]);
    assert.ok(before.equals(await readFile(volume)), "the copy is as it was");
    assert.deepEqual(await volumesIn(volume), [
      "data",
      "rehome-web1-data-3",
      others[0],
      "rehome-web1-root-3",
      others[1],
      "root",
    ]);
  });

  it("does not choose between a root and somebody else's snapshot of it", async () => {
    await lvmGuest(volume, LVM_DEBIAN, [{ name: "rehome-web1-root-3", of: "root", tags: ["rehome"] }]);
    await assert.rejects(convert(), {
      code: "guest-unsupported",
      message: /several operating systems \(.*rehome--web1--root--3/,
    });
  });
});

/** Names of the logical volumes in an image, sorted, as LVM in the appliance lists them. */
async function volumesIn(image: string): Promise<readonly string[]> {
  const session = await startGuestfish({ host: localHost(), kvm: false });
  try {
    await session.run("add-ro", [image]);
    await session.run("run", [], 180_000);
    const paths = (await session.run("lvs")).toString().trim().split("\n");
    return paths.map((path) => path.replace("/dev/vg0/", "")).sort();
  } finally {
    await session.kill();
  }
}
