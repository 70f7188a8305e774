import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { connectSsh } from "../../../src/lib/host/ssh/index.js";
import type { Report } from "../../../src/lib/report.js";
import { silentReport } from "../../../src/lib/report.js";
import { formatSize } from "../../../src/lib/units.js";
import { runFinalPass, stageGuest, verifyTarget } from "../../../src/migrators/staging/index.js";
import type { Pass } from "../../../src/migrators/types.js";
import { rehome } from "../../helpers/rehome.js";
import { stagingFixture, type StagingFixture } from "../../helpers/staging.js";
import { volumeNamesIn } from "../../helpers/volume-names.js";
import { Lab } from "../lab.js";
import type { Machine } from "../machine/machine.js";
import { PartitionedDisk } from "./tracking/partitioned-disk.js";
import { TrackedDisk } from "./tracking/tracked-disk.js";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const SIZE = GIB;

describe("changes on logical volumes are followed by snapshots", () => {
  let lab: Lab;
  let disk: TrackedDisk;
  let guest: StagingFixture;
  const notes: string[] = [];
  const made: { remove(): Promise<void> }[] = [];

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("phys");
    const machine = lab.machine("phys");
    disk = await TrackedDisk.make(machine, SIZE, 256 * MIB);
    made.push(disk);
    const { identity, knownHosts } = machine;
    const report: Report = { ...silentReport, note: ({ text }) => notes.push(text) };
    guest = await stagingFixture({
      sizes: [SIZE],
      sourcePaths: [disk.path],
      connect: () =>
        connectSsh({ user: "root", host: machine.address(), port: 22, identity, knownHosts }, { name: "phys" }),
      report,
    });
    made.push(guest);
    await disk.write("random", 1, 2000);
    await disk.write("run", 512 * MIB, 20 * MIB);
  });
  after(async () => {
    for (const one of made) await one.remove();
    await lab.close();
  });

  async function stage(passes = 1): Promise<readonly Pass[]> {
    notes.length = 0;
    return (await stageGuest({ ...guest.context, options: { passes } })).passes;
  }

  async function stageOnce(): Promise<Pass> {
    const [pass] = await stage();
    assert.ok(pass);
    return pass;
  }

  async function atRest(): Promise<Pass> {
    notes.length = 0;
    const [pass] = (await runFinalPass({ ...guest.context, options: {}, quiesced: true })).passes;
    assert.ok(pass);
    return pass;
  }

  async function assertSame(): Promise<void> {
    const hash = createHash("sha256");
    const [path = ""] = guest.volumes;
    await pipeline(createReadStream(path, { highWaterMark: 4 * MIB }), hash);
    assert.equal(hash.digest("hex"), await disk.digest(), "source and target differ");
  }

  it("compares everything in the first pass, from a snapshot that was made before it and is told of once", async () => {
    const pass = await stageOnce();
    assert.equal(pass.tracker, "hash");
    assert.deepEqual(await disk.snapshots(), ["rehome-web1-web-disk-1"]);
    assert.equal(notes.length, 1, notes.join("\n"));
    assert.match(notes[0] ?? "", /snapshot tracked\/rehome-web1-web-disk-1 follows what changes/);
  });

  it("reads and sends what changed and hardly more, however large the disk is", async () => {
    const random = await disk.write("random", 2, 4800);
    const zeroed = await disk.write("zero", 3, 20);
    const changed = random + zeroed;
    const before = await disk.bytesReadBelow();
    const pass = await stageOnce();
    const below = (await disk.bytesReadBelow()) - before;
    // LVM and udev look at devices that come and go: that is not less where less changed.
    const withoutProbing = Math.max(0, below - 12 * MIB);
    const figures = { "source reads": pass.readBytes ?? 0, "without probing": withoutProbing, wire: pass.wireBytes };
    console.log(
      `      changed: ${formatSize(changed)}; the kernel counted ${formatSize(below)} of reads below the volume`,
    );
    for (const [name, bytes] of Object.entries(figures)) {
      console.log(`      ${name}: ${formatSize(bytes)} (${(bytes / changed).toFixed(3)} × changed)`);
    }
    console.log(`      pass over ${formatSize(SIZE)} in ${Math.round(pass.durationMs)} ms`);
    assert.equal(pass.tracker, "snapshot");
    assert.deepEqual(notes, []);
    for (const bytes of Object.values(figures)) assert.ok(bytes <= 1.15 * changed, `${bytes} for ${changed}`);
    assert.deepEqual(await disk.snapshots(), ["rehome-web1-web-disk-2"]);
    await assertSame();
  });

  it("misses nothing of what is written during the passes", async () => {
    const writer = await disk.busy(4);
    try {
      const passes = await stage(3);
      assert.deepEqual([...new Set(passes.map(({ tracker }) => tracker))], ["snapshot"]);
    } finally {
      await disk.machine.run(["pkill", "-f", "disk.py busy"]);
      await writer.exited;
    }
    const last = await atRest();
    assert.ok(last.writtenBytes > 0, "the writer wrote nothing after the last pass began");
    await assertSame();
  });

  it("copies nothing when nothing changed, and proves it", async () => {
    const pass = await atRest();
    assert.equal(pass.tracker, "snapshot");
    assert.equal(pass.writtenBytes, 0);
    await disk.write("random", 5, 10);
    assert.equal((await atRest()).writtenBytes, 10 * 4096);
    await assertSame();
  });

  it("lets the disk be when a snapshot runs full, says it, and compares everything", async () => {
    await disk.machine.check(["lvcreate", "--quiet", "--yes", "-l", "100%FREE", "-n", "full", disk.group]);
    await disk.write("run", 256 * MIB, 160 * MIB);
    assert.match(await disk.machine.check(["dmsetup", "status"]), /: 0 \d+ snapshot (Invalid|Overflow)/);
    const pass = await stageOnce();
    assert.equal(pass.tracker, "hash");
    assert.match(notes.join("\n"), /ran full/);
    await assertSame();
  });

  it("cleans up what it made, and nothing else", async () => {
    const own = await disk.snapshots();
    assert.equal(own.length, 1, "a snapshot is there");
    await disk.machine.check(["lvremove", "--quiet", "--yes", "tracked/full"]);
    const alien = ["lvcreate", "--quiet", "--yes", "-s", "-L", "16M", "-n", "rehome-web1-web-disk-99"];
    await disk.machine.check([...alien, "tracked/web-disk"]); // the name alone proves nothing
    const config = join(guest.folder, "rehome.yaml");
    await writeFile(config, JSON.stringify(configOf(disk.machine, guest.folder)));
    const run = async (...argv: readonly string[]): Promise<string> => {
      const { status, stdout, stderr } = await rehome("cleanup", "web1", "--config", config, ...argv);
      assert.equal(status, 0, stdout + stderr);
      return stdout;
    };
    assert.match(await run("--dry-run"), new RegExp(`would be removed[^]*tracked/${own[0] ?? ""}`));
    assert.deepEqual(await disk.snapshots(), own);
    assert.match(await run(), /left alone: tracked\/rehome-web1-web-disk-99 \(it has rehome's name, but not its tag\)/);
    assert.deepEqual(await disk.snapshots(), []);
    const left = await disk.machine.check(["lvs", "--noheadings", "-o", "lv_name", disk.group]);
    assert.deepEqual(left.trim().split(/\s+/), ["rehome-web1-web-disk-99", "web-disk"]);
    assert.match(await run(), /nothing of rehome's is on its source/);
  });
});

/** rehome.yaml for the machine, in JSON. */
function configOf(machine: Machine, folder: string): object {
  const { identity, knownHosts } = machine;
  return {
    version: 1,
    target: { state: join(folder, "state") },
    sources: { phys: { kind: "physical", address: `root@${machine.address()}`, identity, knownHosts } },
    guests: { web1: { source: "phys" } },
  };
}

describe("changes of logical volumes on a physical server's disk", () => {
  const size = 768 * MIB;
  let lab: Lab;
  let disk: PartitionedDisk;
  let guest: StagingFixture;
  const notes: string[] = [];
  const made: { remove(): Promise<void> }[] = [];

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("phys");
    const machine = lab.machine("phys");
    disk = await PartitionedDisk.make(machine, size);
    made.push(disk);
    const { identity, knownHosts } = machine;
    guest = await stagingFixture({
      sizes: [size],
      sourcePaths: [disk.path],
      connect: () =>
        connectSsh({ user: "root", host: machine.address(), port: 22, identity, knownHosts }, { name: "phys" }),
      report: { ...silentReport, note: ({ severity, text }) => severity === "warning" && notes.push(text) },
    });
    made.push(guest);
    await disk.write("first", "run", 200 * MIB, 100 * MIB); // over the end of its first piece
    await disk.write("second", "random", 1, 2000);
  });
  after(async () => {
    for (const one of made.toReversed()) await one.remove();
    await lab.close();
  });

  const stage = async (): Promise<Pass | undefined> =>
    (await stageGuest({ ...guest.context, options: { passes: 1 } })).passes[0];
  const copied = (): Promise<string> => volumeNamesIn(guest.volumes[0] ?? "", disk.partition, guest.folder);

  it("are read from snapshots, and little else is", async () => {
    assert.equal((await stage())?.tracker, "hash");
    assert.equal(await disk.volumes(), "first rehome-web1-first-1 rehome-web1-second-1 second");
    const changed = (await disk.write("first", "random", 2, 500)) + (await disk.write("second", "random", 3, 500));
    const pass = await stage();
    assert.deepEqual(notes, []);
    assert.ok(pass);
    assert.equal(pass.tracker, "snapshot");
    const compared = size - (256 + 64 + 128) * MIB;
    console.log(
      `      ${formatSize(changed)} changed, ${formatSize(pass.readBytes ?? 0)} read, of ${formatSize(size)}`,
    );
    assert.ok((pass.readBytes ?? 0) <= compared + 1.15 * changed + MIB, `${pass.readBytes}`);
    assert.ok(pass.writtenBytes >= changed && pass.writtenBytes <= changed + MIB, `${pass.writtenBytes}`);
    assert.equal(await copied(), "first rehome-web1-first-2 rehome-web1-second-2 second");
  });

  it("reach the copy at rest without a trace of the snapshots", async () => {
    await disk.write("first", "random", 4, 300);
    const [pass] = (await runFinalPass({ ...guest.context, options: {}, quiesced: true })).passes;
    assert.deepEqual(notes, []);
    assert.equal(pass?.tracker, "snapshot");
    console.log(`      pass at rest: ${Math.round(pass.durationMs)} ms, ${formatSize(pass.readBytes ?? 0)} read`);
    assert.equal(await disk.volumes(), "first second");
    assert.equal(await copied(), "first second");
    await verifyTarget({ ...guest.context, options: {}, mode: "full" });
  });
});
