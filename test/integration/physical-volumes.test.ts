import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileVolumes } from "../../src/cluster/volumes/file-volume.js";
import { configSchema } from "../../src/lib/config/schema.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { connectSsh } from "../../src/lib/host/ssh/index.js";
import type { Host, HostProcess } from "../../src/lib/host/types.js";
import { silentReport } from "../../src/lib/report.js";
import { formatSize } from "../../src/lib/units.js";
import { guestStore, trackingOf } from "../../src/migrators/guest-store.js";
import { landingOf } from "../../src/migrators/landing/landing.js";
import { inspectMachine } from "../../src/migrators/physical/inspect.js";
import { quiesce } from "../../src/migrators/physical/quiesce.js";
import { draftGuest } from "../../src/migrators/plan/draft.js";
import { runFinalPass, stageGuest, verifyTarget, type StagingContext } from "../../src/migrators/staging/index.js";
import type { Pass } from "../../src/migrators/types.js";
import { accelerator } from "../helpers/accelerator.js";
import { volumeNamesIn, withLoop } from "../helpers/volume-names.js";
import { SERVER_ADDRESS, serverImage, type ServerImage } from "../helpers/server-image.js";

const MIB = 1024 * 1024;
const BOOT_MS = 20 * 60_000;
/** As in server-image/layout.guestfish: the partition with LVM, and the root volume, which is its first. */
const PARTITION = 256 * MIB;
const ROOT = { offset: PARTITION + MIB, size: 1280 * MIB };

describe("a physical server's logical volumes, by the snapshots of a real kernel", function () {
  this.timeout(60 * 60_000); // the image is built first, where it is not cached
  const local = localHost();
  let folder = "";
  let qemu: HostProcess | undefined;
  const opened: Host[] = [];
  let server: Host;
  let staging: StagingContext;
  const notes: string[] = [];

  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // only root can build the image, and have loop devices
    folder = await mkdtemp(join(tmpdir(), "rehome-physical-"));
    const image = await serverImage();
    const port = 20_000 + (process.pid % 10_000);
    qemu = await switchOn(image, port);
    const knownHosts = join(folder, "known_hosts");
    await writeFile(knownHosts, `[127.0.0.1]:${port} ${image.hostKey}\n`);
    const { identity } = image;
    const target = { user: "root", host: "127.0.0.1", port, identity, knownHosts };
    const connect = (): Promise<Host> => connectSsh(target, { name: "web1" });
    server = await patiently(connect);
    opened.push(server);
    staging = await planned(connect);
  });
  after(async () => {
    for (const host of opened) await host.close();
    qemu?.kill();
    await qemu?.exited;
    if (folder !== "") await rm(folder, { recursive: true });
  });

  async function switchOn(image: ServerImage, port: number): Promise<HostProcess> {
    const disk = join(folder, "root.qcow2");
    await runChecked(local, ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.rootDisk, disk]);
    const data = join(folder, "data.qcow2");
    await runChecked(local, ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.dataDisk, data]);
    const forward = `hostfwd=tcp:127.0.0.1:${port}-${SERVER_ADDRESS}:22`;
    const process = await local.start([
      ...["qemu-system-x86_64", "-machine", "q35", "-accel", await accelerator(), "-cpu", "max", "-m", "640"],
      ...["-nodefaults", "-display", "none", "-vga", "std", "-serial", `file:${join(folder, "console.log")}`],
      ...["-drive", `if=none,id=root,format=qcow2,cache=unsafe,file=${disk}`, "-device", "ide-hd,bus=ide.0,drive=root"],
      ...["-drive", `if=none,id=data,format=qcow2,cache=unsafe,file=${data}`, "-device", "ide-hd,bus=ide.1,drive=data"],
      ...["-netdev", `user,id=nic,net=192.0.2.0/24,host=192.0.2.1,restrict=on,${forward}`],
      ...["-device", "e1000,netdev=nic,mac=52:54:00:c0:00:0a,bus=pcie.0,addr=0x3"],
    ]);
    process.stdout.resume();
    process.stderr.resume();
    return process;
  }

  async function patiently(connect: () => Promise<Host>): Promise<Host> {
    const started = Date.now();
    for (;;) {
      try {
        return await connect();
      } catch (thrown) {
        const console = await readFile(join(folder, "console.log"), "latin1").catch(() => "");
        if (Date.now() - started > BOOT_MS)
          throw new Error(`no ssh in time\n${console.slice(-3000)}`, { cause: thrown });
        await sleep(2000);
      }
    }
  }

  async function planned(connect: () => Promise<Host>): Promise<StagingContext> {
    const machine = await inspectMachine(server);
    const config = configSchema.parse({
      version: 1,
      sources: { web1: { address: "root@192.0.2.10" } },
      target: { volumes: join(folder, "volumes") },
      guests: { web1: { source: "web1", excludeDisks: ["sdb"] } },
    });
    const guest = config.guests["web1"];
    assert.ok(guest);
    const plan = { ...draftGuest("web1", guest, landingOf(config), machine), concerns: [] };
    const note = ({ severity, text }: { severity: string; text: string }): unknown =>
      notes.push(`${severity}: ${text}`);
    const store = guestStore(join(folder, "state"), "web1");
    return { plan, machine, store, volumes: fileVolumes, connect, report: { ...silentReport, note } };
  }

  async function pass(work: () => Promise<{ readonly passes: readonly Pass[] }>): Promise<Pass> {
    notes.length = 0;
    const { passes } = await work();
    const [one] = passes;
    assert.ok(one);
    const { number, tracker, durationMs, readBytes = 0, writtenBytes } = one;
    const figures = `${formatSize(readBytes)} read, ${formatSize(writtenBytes)} written`;
    console.log(`      pass ${number} (${tracker}): ${figures}, ${(durationMs / 1000).toFixed(1)} s`);
    return one;
  }
  const stage = (): Promise<Pass> => pass(() => stageGuest({ ...staging, options: { passes: 1 } }));
  const warnings = (): string => notes.filter((note) => note.startsWith("warning")).join("\n");

  /** Names of the logical volumes on the server. */
  const volumes = async (): Promise<string> =>
    (await runChecked(server, ["lvs", "--noheadings", "-o", "lv_name"])).trim().split(/\s+/).sort().join(" ");

  const copy = (): string => staging.plan.volumes[0]?.path ?? "";
  const copied = (): Promise<string> => volumeNamesIn(copy(), PARTITION, folder);

  it("follows the root volume, and compares the rest", async () => {
    assert.equal((await stage()).tracker, "hash");
    assert.equal(await volumes(), "rehome-web1-root-1 root swap");
    assert.equal(warnings(), "");
    await runChecked(server, ["dd", "if=/dev/urandom", "of=/root/changed", "bs=1M", "count=8", "conv=fsync"]);
    await runChecked(server, ["dd", "if=/dev/urandom", "of=/boot/changed", "bs=1M", "count=2", "conv=fsync"]);
    const second = await stage();
    assert.equal(warnings(), "");
    assert.equal(second.tracker, "snapshot");
    assert.ok(
      (second.readBytes ?? 0) < second.totalBytes - ROOT.size + 128 * MIB,
      `${second.readBytes} bytes were read`,
    );
    assert.ok(second.writtenBytes >= 10 * MIB && second.writtenBytes < 64 * MIB, `${second.writtenBytes}`);
    assert.equal(await volumes(), "rehome-web1-root-2 root swap");
    assert.equal(await copied(), "rehome-web1-root-2 root swap", "a copy between two passes has the snapshot's name");
  });

  it("at rest leaves no trace of its snapshots, in no time that matters, and the copy is the source", async () => {
    await runChecked(server, ["dd", "if=/dev/urandom", "of=/root/last", "bs=1M", "count=4", "conv=fsync"]);
    const done = await quiesce(server, []);
    assert.deepEqual(done.warnings, []);
    const last = await pass(() => runFinalPass({ ...staging, options: {}, quiesced: true }));
    assert.equal(warnings(), "");
    assert.equal(last.tracker, "snapshot");
    assert.ok((last.readBytes ?? 0) < last.totalBytes - ROOT.size + 128 * MIB, `${last.readBytes} bytes were read`);
    assert.equal(await volumes(), "root swap");
    assert.equal(await copied(), "root swap");
    assert.equal(trackingOf(await staging.store.records()).size, 0);
    await verifyTarget({ ...staging, options: {}, mode: "full" });
    await withLoop(copy(), ROOT.offset, ROOT.size, (device) => runChecked(local, ["e2fsck", "-f", "-n", device]));
  });
});
