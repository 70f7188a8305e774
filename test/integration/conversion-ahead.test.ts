import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { silentReport } from "../../src/lib/report.js";
import { convertGuest } from "../../src/migrators/conversion/convert.js";
import { startAppliance } from "../../src/migrators/conversion/guestfs/appliance.js";
import { startWaiting, type WaitingAppliance } from "../../src/migrators/conversion/guestfs/waiting.js";
import { overlaysOf, prepareOverlays } from "../../src/migrators/conversion/overlays.js";
import type { ConversionReport, ConversionTarget } from "../../src/migrators/conversion/types.js";
import { lvmGuest } from "../helpers/lvm-guest.js";
import { raidGuest } from "../helpers/raid-guest.js";
import { TINY_DEBIAN, tinyGuest, type TinyTree } from "../helpers/tiny-guest.js";
import { guestPlan, machine } from "../migrators/conversion/fixtures.js";

const LVM_DEBIAN: TinyTree = {
  ...TINY_DEBIAN,
  "/etc/fstab": "/dev/mapper/vg0-root / ext4 errors=remount-ro 0 1\n",
  "/boot/grub/grub.cfg": "menuentry 'x' {\n\tlinux /vmlinuz root=/dev/mapper/vg0-root ro quiet\n}\n",
};

describe("conversion with an appliance that was started ahead (real libguestfs)", function () {
  this.timeout(600_000);
  let folder: string;
  let volume: string;
  let target: ConversionTarget;
  let waiting: WaitingAppliance | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-conversion-"));
    volume = join(folder, "volume.raw");
    target = { plan: guestPlan([volume]), host: localHost(), workFolder: join(folder, "work") };
  });
  afterEach(async () => {
    await waiting?.kill();
    waiting = undefined;
    await rm(folder, { recursive: true });
  });

  async function convert(ahead: WaitingAppliance | undefined): Promise<ConversionReport> {
    const disks = await prepareOverlays(target);
    return convertGuest({
      ...target,
      machine: machine(),
      disks,
      hypervisor: "qemu",
      report: silentReport,
      waiting: ahead,
    });
  }

  /** What the conversion changes when the volume becomes something else while the appliance waits; and without waiting. */
  async function bothWays(make: () => Promise<void>, look?: () => Promise<void>): Promise<void> {
    await tinyGuest(volume, { ...TINY_DEBIAN, "/etc/os-release": "ID=gentoo\nPRETTY_NAME=Gentoo\n" });
    waiting = await startWaiting({ host: localHost(), kvm: false });
    await make();
    const ahead = await convert(waiting);
    await look?.();
    const anew = await convert(undefined);
    assert.ok(ahead.changes.length > 0);
    assert.deepEqual(
      { changes: ahead.changes, warnings: ahead.warnings },
      { changes: anew.changes, warnings: anew.warnings },
    );
    const spent = ({ phases: [first] }: ConversionReport): number => first?.durationMs ?? 0;
    console.log(`      ${spent(ahead)} ms until its disks were there; started with them ${spent(anew)} ms`);
    assert.ok(spent(ahead) < spent(anew));
  }

  it("sees the disk as it is when it is plugged in, whatever it was before", async () => {
    const make = (): Promise<void> =>
      tinyGuest(volume, { ...TINY_DEBIAN, "/etc/crypttab": "swap /dev/sda5 /dev/urandom swap\n" });
    await bothWays(make, async () => {
      const disks = overlaysOf(target);
      for (const { overlayPath } of disks) execFileSync("qemu-img", ["check", "-q", overlayPath]);
      const appliance = await startAppliance({ ...target, kvm: false, machine: machine(), disks });
      try {
        const { files } = await appliance.mount();
        assert.match((await files.read("/etc/fstab"))?.toString() ?? "", /^UUID=[0-9a-f-]{36} \/ ext4/);
      } finally {
        await appliance.kill();
      }
    });
  });

  it("finds partitions and LVM's volumes, and takes rehome's own snapshots away", async () => {
    await bothWays(() =>
      lvmGuest(volume, LVM_DEBIAN, [{ name: "rehome-web1-root-3", of: "root", tags: ["rehome", "rehome.guest.web1"] }]),
    );
  });

  it("assembles a mirror below LVM", async () => {
    const volumes = [volume, join(folder, "second.raw")] as const;
    target = { ...target, plan: guestPlan(volumes) };
    await bothWays(() => raidGuest(volumes, LVM_DEBIAN));
  });

  it("fails when the appliance has died meanwhile, and leaves nothing", async () => {
    const before = await leftovers();
    waiting = await startWaiting({ host: localHost(), kvm: false });
    assert.deepEqual(await leftovers(), before, "the monitor's folder is gone once there is a connection");
    const pid = (await waiting.session.run("get-pid")).toString().trim();
    process.kill(Number(pid), "SIGKILL");
    await tinyGuest(volume, TINY_DEBIAN);
    await assert.rejects(convert(waiting), /QEMU's monitor|guestfish|appliance/);
    await convert(undefined);
  });

  it("ends with the one that started it, also by kill -9", async () => {
    const program = join(import.meta.dirname, "../helpers/appliance-child.ts");
    const child = spawn(process.execPath, ["--import", "tsx", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [output] = (await Promise.race([once(child.stdout, "data"), once(child, "exit")])) as [Buffer | number];
    const pid = output.toString().trim();
    assert.ok(isRunning(pid), `QEMU ${pid} runs`);
    child.kill("SIGKILL");
    for (const end = Date.now() + 10_000; isRunning(pid) && Date.now() < end;) await sleep(200);
    assert.ok(!isRunning(pid), "QEMU was left behind");
  });
});

function isRunning(pid: string): boolean {
  try {
    return execFileSync("ps", ["-o", "stat=,comm=", "-p", pid], { encoding: "utf8" }).includes("qemu");
  } catch {
    return false;
  }
}

async function leftovers(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith("rehome-appliance-"));
}
