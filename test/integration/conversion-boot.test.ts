import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { silentReport } from "../../src/lib/report.js";
import { convertGuest } from "../../src/migrators/conversion/convert.js";
import { commitOverlays, prepareOverlays } from "../../src/migrators/conversion/overlays.js";
import { deviceVolumes } from "../helpers/device-volumes.js";
import { accelerator } from "../helpers/accelerator.js";
import { SERVER_ADDRESS, SERVER_GATEWAY, SERVER_NIC, serverImage, type ServerImage } from "../helpers/server-image.js";
import { guestPlan, machine } from "../migrators/conversion/fixtures.js";

const MAC = "52:54:00:12:34:56";

describe("conversion of a real Debian without virtio drivers", function () {
  this.timeout(25 * 60_000); // the image is built first, where it is not cached
  const host = localHost();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-conversion-boot-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("boots from virtio disks to a login on the serial console, with its address on a virtio card", async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can build the image");
      this.skip();
    }
    const image = await serverImage({ virtio: false });
    const volumes = [join(folder, "vda.raw"), join(folder, "vdb.raw")] as const;
    await runChecked(host, ["cp", "--sparse=always", image.rootDisk, volumes[0]]);
    await runChecked(host, ["cp", "--sparse=always", image.dataDisk, volumes[1]]);

    const nics = [{ name: SERVER_NIC, mac: MAC, bridge: "br0" }];
    const target = { plan: guestPlan(volumes, { nics }), host, workFolder: join(folder, "work") };
    const disks = await prepareOverlays(target);
    const hypervisor = (await accelerator()) === "kvm" ? "kvm" : "qemu";
    const options = { ...target, machine: machine(), disks, hypervisor, report: silentReport } as const;
    const report = await convertGuest(options);
    console.log(`      ${report.phases.map((phase) => `${phase.name} ${phase.durationMs} ms`).join(", ")}`);
    assert.deepEqual(report.warnings, []);
    assert.ok(report.changes.some((change) => change.step === "initramfs"));
    for (const [path, original] of [
      [volumes[0], image.rootDisk],
      [volumes[1], image.dataDisk],
    ] as const) {
      await runChecked(host, ["cmp", "--", path, original]);
    }
    await commitOverlays(
      target,
      deviceVolumes(() => Promise.resolve(host)),
    );

    // the parameter that tells a kernel from the converted menu, the NIC by its old name, and nothing that failed
    const seen = await boot(volumes, image);
    assert.match(seen.console, /web1 login:/);
    assert.match(seen.answer, /console=ttyS0,115200n8/);
    assert.match(seen.answer, new RegExp(`${SERVER_NIC} +UP +${SERVER_ADDRESS}/24`));
    assert.match(seen.answer, /^virtio_blk /m);
    assert.match(seen.answer, /^running$/m);
  });

  /** Starts the guest with virtio only, waits for its login, and asks it over SSH on loopback. */
  async function boot(volumes: readonly string[], image: ServerImage): Promise<{ console: string; answer: string }> {
    const log = join(folder, "console.log");
    const port = 20_000 + (process.pid % 10_000);
    const net = `user,id=net,net=192.0.2.0/24,host=${SERVER_GATEWAY},restrict=on`;
    const qemu = await host.start([
      ...["qemu-system-x86_64", "-accel", await accelerator(), "-machine", "pc", "-cpu", "max", "-m", "768"],
      ...["-nodefaults", "-display", "none", "-serial", `file:${log}`],
      ...volumes.flatMap((path) => ["-drive", `if=virtio,format=raw,cache=unsafe,file=${path}`]),
      ...["-netdev", `${net},hostfwd=tcp:127.0.0.1:${port}-${SERVER_ADDRESS}:22`],
      ...["-device", `virtio-net-pci,netdev=net,mac=${MAC}`],
    ]);
    let errors = "";
    qemu.stderr.on("data", (data: Buffer) => (errors += data.toString()));
    qemu.stdout.resume();
    try {
      const started = Date.now();
      const text = (): Promise<string> => readFile(log, "latin1").catch(() => "");
      while (!(await text()).includes("login:")) {
        assert.ok(
          Date.now() - started < 5 * 60_000,
          `no login within 5 min\n${errors}\n${(await text()).slice(-3000)}`,
        );
        await sleep(500);
      }
      console.log(`      login after ${((Date.now() - started) / 1000).toFixed(1)} s`);
      const question = "cat /proc/cmdline; ip -br address; lsmod; systemctl is-system-running --wait";
      return { console: await text(), answer: await ask(port, image, question) };
    } finally {
      qemu.kill();
      await qemu.exited;
    }
  }

  async function ask(port: number, image: ServerImage, question: string): Promise<string> {
    const argv = [
      ...["ssh", "-p", `${port}`, "-i", image.identity, "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1", question],
    ];
    for (let attempt = 1; ; attempt += 1) {
      const result = await host.run(argv, { timeoutMs: 180_000 });
      if (result.exitCode !== 255 || attempt === 10) return `${result.stdout}${result.stderr}`;
      await sleep(3000);
    }
  }
});
