import { strict as assert } from "node:assert";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileVolumes } from "../../../src/cluster/volumes/file-volume.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import {
  markDiverged,
  markStaged,
  runFinalPass,
  stageGuest,
  verifyTarget,
  type StagingContext,
} from "../../../src/migrators/staging/index.js";
import { stateOf } from "../../../src/migrators/guest-store.js";
import type { GuestState, VolumePlan } from "../../../src/migrators/types.js";
import { cutHost } from "../../helpers/cut-host.js";
import { firstDifference } from "../../helpers/random-disk.js";
import { stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";

const MIB = 1024 * 1024;
const ONE_PASS = { options: { passes: 1 } } as const;

describe("staging when something is wrong", function () {
  this.timeout(120_000);
  let guest: StagingFixture;
  let disk: string;
  let volume: string;
  beforeEach(async () => {
    guest = await stagingFixture({ sizes: [8 * MIB] });
    [disk = "", volume = ""] = [guest.disks[0], guest.volumes[0]];
    await writeAt(disk, 0, randomBytes(4 * MIB));
  });
  afterEach(() => guest.remove());

  const stage = (context: Partial<StagingContext> = {}): ReturnType<typeof stageGuest> =>
    stageGuest({ ...guest.context, ...context, ...ONE_PASS });
  const withVolume = (change: Partial<VolumePlan>): Partial<StagingContext> => {
    const [first, ...others] = guest.context.plan.volumes;
    return { plan: { ...guest.context.plan, volumes: [{ ...first!, ...change }, ...others] } };
  };
  const assertSame = async (): Promise<void> => assert.equal(await firstDifference(disk, volume), undefined);

  it("refuses a disk that changed its size", async () => {
    await stage();
    await truncate(disk, 9 * MIB);
    await assert.rejects(stage(), { code: "disk-changed", message: /9437184 bytes instead of 8388608/ });
  });

  it("refuses a disk with another partition table", async () => {
    const signature = Buffer.alloc(4);
    signature.writeUInt32LE(0x1f2e3d4c);
    await writeAt(disk, 440, signature);
    const identity = { size: 8 * MIB, serial: undefined, tableId: "1f2e3d4c" };
    await stage(withVolume({ identity }));
    await writeAt(disk, 440, Buffer.from("othr"));
    await assert.rejects(stage(withVolume({ identity })), { code: "disk-changed", message: /1f2e3d4c/ });
    const other = withVolume({ identity: { ...identity, tableId: undefined } });
    await assert.rejects(stage(other), { code: "disk-changed", message: /staged from another disk/ });
  });

  it("says that a disk is gone", async () => {
    await rm(disk);
    for (const interpreters of [undefined, []]) {
      const options = { passes: 1, ...(interpreters && { interpreters }) };
      await assert.rejects(stageGuest({ ...guest.context, options }), { code: "disk-missing" });
    }
  });

  it("never writes to a file that rehome did not make, nor to one put in a volume's place", async () => {
    await mkdir(join(guest.folder, "volumes"), { recursive: true });
    await writeFile(volume, "precious");
    await assert.rejects(stage(), { code: "volume-foreign" });
    assert.equal(await readFile(volume, "utf8"), "precious");
    await rm(volume);
    await stage();
    await rename(volume, `${volume}.away`);
    await writeFile(volume, Buffer.alloc(8 * MIB, 1));
    await assert.rejects(stage(), { code: "volume-foreign" });
    assert.ok((await readFile(volume)).equals(Buffer.alloc(8 * MIB, 1)));
  });

  it("makes a volume again that somebody removed", async () => {
    await stage();
    await rm(volume);
    await stage();
    await assertSame();
  });

  it("calls nothing staged that lacks a disk, or a volume that somebody removed, until a pass has ended", async () => {
    const state = async (): Promise<GuestState> => stateOf(await guest.context.store.records());
    await stage();
    assert.equal(await state(), "staged");
    const second = { ...guest.context.plan.volumes[0]!, disk: "sdb", device: "vdb", path: `${volume}.second` };
    const plan = { ...guest.context.plan, volumes: [...guest.context.plan.volumes, second] };
    const away = { ...second, sourcePath: join(guest.folder, "away") };
    await assert.rejects(stage({ plan: { ...plan, volumes: [plan.volumes[0]!, away] } }), { code: "disk-missing" });
    assert.equal(await state(), "staging");
    await stage({ plan });
    assert.equal(await state(), "staged");
    await rm(volume);
    await assert.rejects(stage({ plan, connect: () => Promise.resolve(cutHost(localHost("source"), 1_000_000)) }), {
      code: "connection-lost",
    });
    assert.equal(await state(), "staging");
    await stage({ plan });
    assert.equal(await state(), "staged");
  });

  it("refuses passes onto a volume that diverged, and believes nothing of it after a rollback", async () => {
    await stage();
    await markDiverged(fileVolumes, guest.context.plan, "converted");
    await assert.rejects(stage(), { code: "volume-diverged", message: /converted/ });
    await assert.rejects(runFinalPass({ ...guest.context, options: {}, quiesced: true }), { code: "volume-diverged" });
    await writeAt(volume, MIB, randomBytes(70_000)); // what a conversion would do
    await markStaged(fileVolumes, guest.context.plan);
    const notes: Note[] = [];
    await stage({ report: { ...silentReport, note: (note) => notes.push(note) } });
    assert.match(notes[0]?.text ?? "", /nothing is known of volume/);
    await assertSame();
  });

  for (const state of ["cutting-over", "cut-over", "committed"] satisfies GuestState[]) {
    it(`refuses to stage a guest that is ${state}`, async () => {
      await stage();
      await guest.context.store.append({ type: "state", at: 0, state });
      await assert.rejects(stage(), { code: "volume-diverged", message: new RegExp(state) });
    });
  }

  it("refuses a second run with the holder's name", async () => {
    const lock = await guest.context.store.lock("stage web1 in another window");
    await assert.rejects(stage(), { code: "locked", message: /stage web1 in another window/ });
    await lock.release();
  });

  it("finds a volume whose bytes are not what was sent, and where", async () => {
    await stage();
    await verifyTarget({ ...guest.context, options: {}, mode: "full" });
    await writeAt(volume, 3 * MIB + 17, Buffer.from("rotten"));
    const verify = (mode: "sent" | "full"): Promise<unknown> => verifyTarget({ ...guest.context, options: {}, mode });
    await assert.rejects(verify("full"), { code: "verify-mismatch", message: /disk sda at byte 3145728/ });
    await stage(); // the same bytes on the source: this pass finds nothing to do
    await writeAt(disk, 3 * MIB, randomBytes(10));
    await runFinalPass({ ...guest.context, options: {}, quiesced: true });
    await writeAt(volume, 3 * MIB + 4096, Buffer.from("rotten again"));
    await assert.rejects(verify("sent"), { code: "verify-mismatch", message: /disk sda at byte 3145728/ });
  });

  it("full verification finds a source that went on writing", async () => {
    await stage();
    await writeAt(disk, 6 * MIB, Buffer.from("one more byte"));
    await verifyTarget({ ...guest.context, options: {}, mode: "sent" });
    const verify = verifyTarget({ ...guest.context, options: {}, mode: "full" });
    await assert.rejects(verify, { code: "verify-mismatch", message: /source and volume differ.*6291456/ });
  });

  it("does not call it a success when a disk with partitions arrives as zeros", async () => {
    await writeAt(disk, 0, Buffer.alloc(4 * MIB));
    const { machine } = guest.context;
    const disks = machine.disks.map((found) => ({ ...found, partitionTable: "gpt" as const }));
    await assert.rejects(stage({ machine: { ...machine, disks } }), { code: "nothing-copied" });
  });

  it("refuses when the target has not the space, before anything is copied", async () => {
    const size = 2 ** 50;
    const { machine } = guest.context;
    const contents = [
      {
        name: "sda1",
        path: "",
        type: "partition",
        size,
        format: "ext4",
        uuid: undefined,
        label: undefined,
        mountPoint: "/",
        usedBytes: size,
        contents: [],
      },
    ] as const;
    const disks = machine.disks.map((found) => ({ ...found, size, contents }));
    await assert.rejects(stage({ ...withVolume({ size }), machine: { ...machine, disks } }), { code: "target-full" });
    assert.equal(existsSync(volume), false);
  });

  it("does not send again what an interrupted pass had sent", async () => {
    await guest.remove();
    const big = 140 * MIB;
    let cutAfter: number | undefined = 80 * MIB;
    const connect = (): Promise<ReturnType<typeof localHost>> =>
      Promise.resolve(cutAfter === undefined ? localHost("source") : cutHost(localHost("source"), cutAfter));
    guest = await stagingFixture({ sizes: [big], connect });
    [disk = "", volume = ""] = [guest.disks[0], guest.volumes[0]];
    await writeAt(disk, 0, randomBytes(big));
    await assert.rejects(stageGuest({ ...guest.context, options: { passes: 1, parallel: 1 } }), {
      code: "connection-lost",
    });
    cutAfter = undefined;
    const { passes } = await stage();
    await assertSame();
    const [pass] = passes;
    assert.ok(pass);
    assert.ok(pass.wireBytes < big - 75 * MIB, `${pass.wireBytes} bytes travelled again`);
  });

  it("can be stopped, and goes on", async () => {
    const abort = new AbortController();
    const report = { ...silentReport, progress: () => abort.abort() };
    await assert.rejects(stage({ signal: abort.signal, report }), { code: "cancelled" });
    await stage();
    await assertSame();
  });

  it("target full in the middle: says so, keeps what it has, and goes on when there is room", async function () {
    const place = join(guest.folder, "volumes");
    await mkdir(place, { recursive: true });
    if (!mounted(place, 3 * MIB)) {
      console.log("      skipped: mounting a small tmpfs takes root");
      this.skip();
    }
    try {
      await assert.rejects(stage(), { code: "target-full", message: /no space left/ });
      execFileSync("mount", ["-o", `remount,size=${20 * MIB}`, place]);
      await stage();
      await assertSame();
      await verifyTarget({ ...guest.context, options: {}, mode: "full" });
    } finally {
      execFileSync("umount", [place]);
    }
  });

  it("a source disk with a bad sector: names the disk and the byte, and goes on when it can be read", async function () {
    const bad = join(guest.folder, "bad");
    const shown = join(guest.folder, "shown");
    await writeFile(shown, "");
    const pread = `if [ -e "$bad" ] && [ $(($4 + $3)) -gt 3145728 ] && [ $4 -lt 3149824 ]; then echo EIO >&2; exit 1; fi
      dd if="$disk" skip=$4 count=$3 iflag=skip_bytes,count_bytes bs=1M status=none`;
    const server = ["nbdkit", "--exit-with-parent", "eval", `get_size=echo ${8 * MIB}`, `pread=${pread}`];
    const env = { ...process.env, disk, bad };
    const fuse = spawn("nbdfuse", [shown, "[", ...server, "]"], { stdio: "ignore", env });
    const ended = once(fuse, "exit").catch(() => undefined);
    try {
      if (!(await hasSize(shown))) {
        console.log("      skipped: nbdfuse with nbdkit's eval plugin does not work here");
        this.skip();
      }
      const context = withVolume({ sourcePath: shown });
      await writeFile(bad, "");
      for (const interpreters of [undefined, []]) {
        const run = stageGuest({
          ...guest.context,
          ...context,
          options: { passes: 1, ...(interpreters && { interpreters }) },
        });
        // sh knows the chunks that it asked for, python finds the block
        const message = interpreters === undefined ? /at byte 3145728 \(EIO\)/ : /at byte \d+ \(EIO\)/;
        await assert.rejects(run, { code: "source-read-failed", message });
      }
      await rm(bad);
      await stage(context);
      await assertSame();
    } finally {
      execFileSync("sh", ["-c", 'fusermount3 -u "$1" 2>/dev/null || umount "$1" 2>/dev/null || true', "sh", shown]);
      fuse.kill();
      await ended;
    }
  });
});

function mounted(place: string, size: number): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", place], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function hasSize(path: string): Promise<boolean> {
  for (let time = 0; time < 100; time += 1) {
    if ((await readFile(path)).length > 0) return true;
    await sleep(50);
  }
  return false;
}
