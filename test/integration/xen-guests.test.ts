import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileVolumes } from "../../src/cluster/volumes/file-volume.js";
import { configSchema } from "../../src/lib/config/schema.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { silentReport } from "../../src/lib/report.js";
import { convertGuest } from "../../src/migrators/conversion/convert.js";
import { chooseKernel } from "../../src/migrators/conversion/kernel/choose.js";
import { prepareKernel } from "../../src/migrators/conversion/kernel/prepare.js";
import { commitOverlays, prepareOverlays } from "../../src/migrators/conversion/overlays.js";
import type { ConversionReport } from "../../src/migrators/conversion/types.js";
import { guestStore } from "../../src/migrators/guest-store.js";
import { landingOf } from "../../src/migrators/landing/landing.js";
import { draftGuest } from "../../src/migrators/plan/draft.js";
import { runFinalPass, stageGuest, verifyTarget } from "../../src/migrators/staging/index.js";
import type { GuestPlan, HostedBoot, Machine } from "../../src/migrators/types.js";
import { libguestfsEnv } from "../helpers/accelerator.js";
import { bootGuest, type BootedGuest } from "../helpers/boot-guest.js";
import { device } from "../migrators/plan/good-server.js";
import { xenDisk, xenGuests, xenMachine, type XenGuests } from "../helpers/xen-guests.js";

const NICS = {
  web1: { mac: "00:16:3e:1a:00:15", address: "192.0.2.21" },
  db1: { mac: "00:16:3e:1a:00:16", address: "192.0.2.22" },
} as const;

describe("paravirtual guests of Xen's, moved as far as one machine can", function () {
  this.timeout(40 * 60_000); // the image is built first, where it is not cached
  const host = localHost();
  let folder: string;
  let guests: XenGuests;

  before(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can build the images");
      this.skip();
    }
    folder = await mkdtemp(join(tmpdir(), "rehome-xen-guests-"));
    guests = await xenGuests(join(folder, "source"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Plan, stage, a last pass, convert, commit: everything but a cluster. */
  async function move(
    name: keyof typeof NICS,
    machine: Machine,
    packages: readonly string[] = [],
  ): Promise<{ plan: GuestPlan; report: ConversionReport }> {
    const work = await mkdtemp(join(folder, `${name}-`));
    const config = configSchema.parse({
      version: 1,
      sources: { [name]: { address: "root@192.0.2.1" } },
      target: { volumes: join(work, "volumes") },
      guests: { [name]: { source: name } },
    });
    const guest = config.guests[name];
    assert.ok(guest);
    const nic = { name: "eth0", mac: NICS[name].mac, addresses: [], up: true, physical: true };
    const found = { ...machine, network: { ...machine.network, nics: [nic] } };
    const plan = { ...draftGuest(name, guest, landingOf(config), found), concerns: [] };
    const context = {
      ...{ plan, machine: found, store: guestStore(join(work, "state"), name), volumes: fileVolumes },
      ...{ connect: () => Promise.resolve(localHost("source")), report: silentReport },
    };
    await stageGuest({ ...context, options: { passes: 1 } });
    await runFinalPass({ ...context, options: {}, quiesced: true });
    await verifyTarget({ ...context, options: {}, mode: "full" });
    const kernelFolder = join(work, "kernel");
    await prepareKernel(chooseKernel(found, packages), kernelFolder, () => Promise.resolve(localHost("dom0")));
    const target = { plan, host, workFolder: join(work, "conversion"), kernelFolder };
    const disks = await prepareOverlays(target);
    const report = await convertGuest({ ...target, machine: found, disks, hypervisor: "qemu", report: silentReport });
    console.log(`      ${report.phases.map((phase) => `${phase.name} ${phase.durationMs} ms`).join(", ")}`);
    for (const { step, what } of report.changes) console.log(`      ${step}: ${what}`);
    for (const warning of report.warnings) console.log(`      warning: ${warning}`);
    await commitOverlays(target, fileVolumes);
    return { plan, report };
  }

  function boot(name: keyof typeof NICS, plan: GuestPlan): Promise<BootedGuest> {
    return bootGuest({
      ...NICS[name],
      name,
      folder,
      volumes: plan.volumes.map(({ path }) => path),
      identity: guests.identity,
    });
  }

  it("web1: a file system straight on xvda1, the kernel outside", async () => {
    const root = await xenDisk("xvda1", guests.web1, { mountPoint: "/" });
    const { plan } = await move("web1", xenMachine("web1", outside(), [root], { kernels: [kernel] }));
    assert.equal(plan.volumes[0]?.wrapping?.table, "dos");
    await assertWorks(await boot("web1", plan), "web1", root.uuid);
  });

  it("web1 without anything in /boot: its dom0's kernel, and an initramfs of rehome's own", async () => {
    const image = await copyOf(guests.web1, "no-kernel.raw");
    const release = await emptyBoot(image);
    const root = await xenDisk("xvda1", image, { mountPoint: "/" });
    const kernels = [{ release, running: true, hasVirtio: undefined, modulesOnly: true }] as const;
    const hosted = { ...outside(), ramdisk: undefined, release } as const;
    const { plan, report } = await move("web1", xenMachine("web1", hosted, [root], { kernels }));
    const steps = report.changes.map(({ step }) => step);
    assert.ok(steps.includes("kernel") && steps.includes("own initramfs"), steps.join());
    await assertWorks(await boot("web1", plan), "web1", root.uuid);
  });

  it("web1 without a kernel or modules, with swap on xvda5: a package's kernel, and a GPT", async function () {
    const image = await copyOf(guests.web1, "no-modules.raw");
    const release = await emptyBoot(image);
    const deb = await download(`linux-image-${release}`, join(folder, "packages"));
    if (deb === undefined) {
      console.log(`      skipped: the archive has no package of linux ${release} any more`);
      this.skip();
    }
    const swap = join(folder, "source", "swap.raw");
    await runChecked(host, ["truncate", "-s", "16M", swap]);
    await runChecked(host, ["mkswap", "-q", swap]);
    const undress = [
      "rm-rf",
      `/usr/lib/modules/${release}`,
      ":",
      "write-append",
      "/etc/fstab",
      "/dev/xvda5 none swap sw 0 0\n",
    ];
    await runChecked(host, ["guestfish", "--format=raw", "-a", image, "-m", "/dev/sda", ...undress], {
      env: await libguestfsEnv(),
    });
    const disks = [await xenDisk("xvda1", image, { mountPoint: "/" }), await xenDisk("xvda5", swap)];
    const hosted = { ...outside(), release, hasModules: false };
    const { plan } = await move("web1", xenMachine("web1", hosted, disks), [deb]);
    assert.equal(plan.volumes[0]?.wrapping?.table, "gpt");
    await assertWorks(await boot("web1", plan), "web1", disks[0]?.uuid, "/dev/vda5");
  });

  /** A package of this machine's distribution; undefined where it cannot be had. */
  async function download(name: string, to: string): Promise<string | undefined> {
    await mkdir(to);
    const shell = 'cd "$1" && apt-get -q -o APT::Sandbox::User=root download "$2" && echo "$1"/*.deb';
    const result = await host.run(["sh", "-c", shell, "sh", to, name], { timeoutMs: 120_000 });
    return result.exitCode === 0 ? result.stdout.trim().split("\n").at(-1) : undefined;
  }

  const kernel = { release: "of-its-own", running: true, hasVirtio: undefined };

  function outside(): HostedBoot & { readonly how: "outside" } {
    const { kernel, ramdisk } = guests;
    const commandLine = "root=/dev/xvda1 ro console=hvc0";
    return { how: "outside", kernel, ramdisk, commandLine, release: undefined, hasModules: true };
  }

  async function copyOf(image: string, name: string): Promise<string> {
    const copy = join(folder, "source", name);
    await runChecked(host, ["cp", "--sparse=always", image, copy]);
    return copy;
  }

  /** Removes all that is in /boot of an ext4 image. @returns the release of the kernel that was there */
  async function emptyBoot(image: string): Promise<string> {
    const listed = await runChecked(host, ["debugfs", "-R", "ls -p /boot", image]);
    const names = listed.split("\n").flatMap((line) => /^\/\d+\/10\d+\/\d+\/\d+\/([^/]+)\//.exec(line)?.[1] ?? []);
    for (const name of names) await runChecked(host, ["debugfs", "-w", "-R", `rm /boot/${name}`, image]);
    const release = names.flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? [])[0];
    assert.ok(release !== undefined, listed);
    await host.run(["e2fsck", "-fy", image]); // debugfs leaves the counts of free blocks as they were
    return release;
  }

  it("db1: a whole disk that pygrub reads, without a boot loader", async () => {
    const whole = await xenDisk("xvda", guests.db1);
    const root = device("xvda1", { format: "ext4", mountPoint: "/", uuid: await partitionUuid(guests.db1) });
    const { plan } = await move(
      "db1",
      xenMachine("db1", { how: "menu" }, [{ ...whole, contents: [root] }], { kernels: [kernel] }),
    );
    assert.equal(plan.volumes[0]?.wrapping, undefined);
    await assertWorks(await boot("db1", plan), "db1", root.uuid);
  });

  async function partitionUuid(disk: string): Promise<string | undefined> {
    const probe = await host.run(["blkid", "-p", "-O", `${1024 ** 2}`, "-o", "value", "-s", "UUID", disk]);
    return probe.stdout.trim();
  }

  /** A login on ttyS0, the service and sshd answer over virtio, and the system has nothing to complain about. */
  async function assertWorks(guest: BootedGuest, name: string, uuid: string | undefined, swap = ""): Promise<void> {
    try {
      assert.match(await guest.console(), new RegExp(`${name} login:`));
      assert.match(await guest.ledger(), /^\d+\n$/);
      const answer = await guest.ask(
        "cat /proc/cmdline /proc/swaps; findmnt -no SOURCE /; lsmod; systemctl is-system-running --wait",
      );
      assert.match(answer, new RegExp(`root=UUID=${uuid}`));
      assert.match(answer, /console=ttyS0,115200n8/);
      assert.doesNotMatch(answer, /hvc0|^xen/m);
      assert.match(answer, /^\/dev\/vda1$/m);
      assert.match(answer, /^virtio_blk /m);
      assert.match(answer, new RegExp(`^${swap}`, "m"));
      assert.match(answer, /^running$/m, await guest.ask("systemctl --failed"));
    } finally {
      await guest.end();
    }
  }
});
