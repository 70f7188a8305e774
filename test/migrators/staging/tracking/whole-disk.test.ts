import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { trackingOf } from "../../../../src/migrators/guest-store.js";
import { verifyTarget } from "../../../../src/migrators/staging/index.js";
import type { Kernel, VolumeGroup } from "../../../../src/migrators/types.js";
import { device } from "../../plan/good-server.js";
import { FOLLOWED, LAYOUT, random, ServerGuest, SIZE } from "../../../helpers/server-guest.js";

const MIB = 1024 * 1024;
const EVENTS = ["root", "root", "data", "raw", "pass", "pass", "cut", "lose", "reboot", "move", "cut at rest"] as const;

describe("a disk with logical volumes among other things", function () {
  this.timeout(240_000);
  let machine: ServerGuest;
  afterEach(() => machine.remove());

  it("has its linear volumes followed, and the rest compared: little is read, and all of it arrives", async () => {
    machine = await ServerGuest.make();
    assert.equal((await machine.stage()).tracker, "hash");
    assert.deepEqual(
      machine.server.snapshots,
      ["rehome-web1-root-1", "rehome-web1-data-1"],
      "neither swap nor stripes",
    );
    assert.deepEqual(
      [...trackingOf(await machine.guest.context.store.records()).keys()],
      ["sda/vg0/root", "sda/vg0/data"],
    );
    await machine.assertCopy();
    await machine.server.write("root", 10 * MIB - 4096, random(6, 8192)); // over the end of its first piece
    await machine.server.write("data", 65_536, random(7, 4096));
    await machine.server.writeRaw(2 * MIB + 4096, random(8, 4096));
    await machine.server.write("swap", 0, random(9, 4096));
    const pass = await machine.stage();
    assert.equal(pass.tracker, "snapshot");
    assert.equal(machine.warnings(), "");
    const metadata = 4096; // the names of the new snapshots
    assert.ok(pass.writtenBytes >= 5 * 4096 && pass.writtenBytes <= 5 * 4096 + metadata, `${pass.writtenBytes}`);
    assert.ok((pass.readBytes ?? 0) < SIZE - FOLLOWED, `${pass.readBytes} bytes were read`);
    await machine.assertCopy();
  });

  it("copies no byte of what its snapshots keep, which are empty ones in the copy", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    await machine.server.write("root", 0, random(10, 6 * MIB)); // saved in the snapshot's extents
    await machine.server.write("root", 0, random(11, 4096));
    const pass = await machine.stage();
    assert.ok(pass.writtenBytes < 7 * MIB, `${pass.writtenBytes}`);
    const copy = await readFile(machine.volume);
    for (const name of machine.server.snapshots) {
      for (const extent of machine.server.volume(name).extents) {
        const at = machine.server.place(extent);
        assert.ok(copy.subarray(at, at + MIB).equals(Buffer.alloc(MIB)), `extent ${extent} of ${name} was copied`);
      }
    }
    await machine.assertCopy();
  });

  it("keeps a write that comes between the snapshot and the reading for the next pass (rule 3)", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    machine.server.onSnapshot = async () => {
      machine.server.onSnapshot = () => Promise.resolve();
      await machine.server.write("root", 8192, random(12, 4096));
    };
    await machine.stage();
    await machine.stage();
    assert.equal(machine.warnings(), "");
    await machine.assertCopy();
  });

  it("at rest reads the last tables, then removes its snapshots, and copies metadata without them", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    await machine.server.write("root", 17 * MIB, random(13, 8192));
    await machine.server.write("data", 0, random(14, 4096));
    const pass = await machine.atRest();
    assert.equal(pass.tracker, "snapshot");
    assert.equal(machine.warnings(), "");
    assert.deepEqual(
      machine.server.log.filter((line) => line !== "read disk"),
      [
        "read vg0-rehome--web1--root--1-cow",
        "read vg0-rehome--web1--data--1-cow",
        "remove rehome-web1-root-1",
        "remove rehome-web1-data-1",
      ],
    );
    const copy = await readFile(machine.volume);
    const metadata = copy.subarray(LAYOUT.partition, LAYOUT.partition + LAYOUT.peStart).toString("latin1");
    assert.match(metadata, /root 0,1,2/);
    assert.doesNotMatch(metadata, /rehome/);
    assert.ok(pass.writtenBytes <= 8192 + 4096 + 4096, `${pass.writtenBytes}`);
    assert.ok((pass.readBytes ?? 0) < SIZE - FOLLOWED, `${pass.readBytes}`);
    await machine.assertCopy();
    assert.ok((await machine.leftOut()).length > 0, "what the snapshots wrote to is left out still");
    await verifyTarget({ ...machine.guest.context, options: {}, mode: "full" });
    assert.equal(trackingOf(await machine.guest.context.store.records()).size, 0);
  });

  it("compares everything in a pass at rest that follows one at rest: nothing follows it any more", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    await machine.atRest();
    await machine.server.write("root", 0, random(15, 4096)); // whoever let it go on
    assert.equal((await machine.atRest()).tracker, "hash");
    await machine.assertCopy();
  });

  it("notices at rest that something writes to a volume, and compares it", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    machine.server.onRemoval = async () => {
      machine.server.onRemoval = () => Promise.resolve();
      await machine.server.write("root", 4 * MIB, random(16, 4096)); // the table was read before
    };
    await machine.atRest();
    assert.match(machine.warnings(), /\/dev\/vg0\/root: something wrote to it although it is at rest/);
    await machine.assertCopy();
  });

  it("refuses to go on at rest with a snapshot that stays, whose name would be in the guest", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    machine.server.removes = false;
    await assert.rejects(machine.atRest(), { code: "command-failed", message: /rehome-web1-root-1 is still there/ });
    machine.server.removes = true;
    assert.equal((await machine.atRest()).tracker, "hash", "the journal believes nothing any more");
    assert.deepEqual(machine.server.snapshots, []);
    await machine.assertCopy();
  });

  it("compares a volume that is made where a snapshot was, with everything else that is new", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    const [place = 0] = machine.server.volume("rehome-web1-root-1").extents;
    await machine.stage();
    assert.ok(!machine.server.snapshots.includes("rehome-web1-root-1"));
    machine.server.add("new", "linear", [place]);
    await machine.server.write("new", 0, random(18, MIB));
    await machine.stage();
    await machine.assertCopy();
    await machine.atRest();
    await machine.assertCopy();
  });

  it("follows volumes on a partition whose chunks are not the disk's", async () => {
    machine = await ServerGuest.make({ ...LAYOUT, partition: 4 * MIB + 63 * 512, extents: LAYOUT.extents - 1 });
    await machine.stage();
    await machine.server.write("root", 10 * MIB - 4096, random(19, 8192));
    await machine.server.write("data", 0, random(20, 4096));
    const pass = await machine.stage();
    assert.equal(pass.tracker, "snapshot");
    assert.ok((pass.readBytes ?? 0) < SIZE - FOLLOWED + MIB, `${pass.readBytes}`);
    await machine.assertCopy();
    await machine.atRest();
    await machine.assertCopy();
  });

  it("leaves alone what a hypervisor's host sees on the disk of its guest, which writes past it (rule 4)", async () => {
    machine = await ServerGuest.make(LAYOUT, { backend: "phy" });
    await machine.stage();
    assert.deepEqual(machine.server.snapshots, []);
    assert.equal((await machine.stage()).tracker, "hash");
    await machine.assertCopy();
  });

  it("makes no snapshot of what the source's own kernel, LVM or udev would find twice", async () => {
    for (const format of ["btrfs", "LVM2_member", "linux_raid_member", "oracleasm", "ceph_bluestore"]) {
      machine = await ServerGuest.make(LAYOUT, {
        contents: [device("vg0-swap", { format: "swap" }), device("vg0-data", { format })],
      });
      await machine.stage();
      assert.deepEqual(machine.server.snapshots, ["rehome-web1-root-1"], format);
      await machine.remove();
    }
    machine = await ServerGuest.make();
  });

  it("compares a file system that other machines write to, past this one's kernel (rule 4)", async () => {
    machine = await ServerGuest.make(LAYOUT, {
      contents: [device("vg0-swap", { format: "swap" }), device("vg0-data", { format: "ocfs2" })],
    });
    await machine.stage();
    await machine.server.writeRaw(machine.server.place(25), random(22, 4096)); // an extent of data
    await machine.atRest();
    await machine.assertCopy();
  });

  it("makes no snapshot of what the source's initramfs could not find then, and removes one that is there", async () => {
    const root = device("vg0-root", {
      format: "crypto_LUKS",
      contents: [device("root_crypt", { format: "ext4", mountPoint: "/" })],
    });
    machine = await ServerGuest.make(LAYOUT, {
      contents: [device("sda2", { format: "LVM2_member", contents: [root] }), device("vg0-swap", { format: "swap" })],
    });
    const followed = async (physicalVolumes: readonly string[], hasSnapshots?: boolean): Promise<readonly string[]> => {
      const kernels: readonly Kernel[] = [
        { release: "6.1.0-9-amd64", running: true, hasVirtio: true, hasSnapshots: true },
        {
          release: "6.1.0-10-amd64",
          running: false,
          hasVirtio: true,
          ...(hasSnapshots !== undefined && { hasSnapshots }),
        },
        { release: "6.1.0-8-amd64", running: false, hasVirtio: undefined, modulesOnly: true },
      ];
      const sizes = { uuid: "", size: 0, free: 0, extentSize: 0, logicalVolumes: [] };
      const volumeGroups: readonly VolumeGroup[] = [{ name: "vg0", ...sizes, physicalVolumes }];
      Object.assign(machine.guest.context.machine, { kernels, volumeGroups });
      await machine.stage();
      await machine.assertCopy();
      return machine.server.volumes.map(({ origin }) => origin).filter((origin) => origin !== "");
    };
    for (const [physicalVolumes, known, why] of [
      [["sda2"], false, /known to have dm-snapshot/],
      [["sda2"], undefined, /known to have dm-snapshot/],
      [["sda2", "sdb"], true, /may lie on another disk/],
    ] as const) {
      assert.deepEqual((await followed(["sda2"], true)).toSorted(), ["data", "root"]);
      assert.deepEqual(await followed(physicalVolumes, known), ["data"]);
      assert.match(machine.warnings(), /all of \/dev\/vg0\/root is compared: .*might not start again/);
      assert.match(machine.warnings(), why);
    }
  });

  it("makes no snapshot that could not be removed at rest, because LVM's locks would be read-only", async () => {
    machine = await ServerGuest.make();
    machine.server.locks = "ext2/ext3";
    await machine.stage();
    assert.deepEqual(machine.server.snapshots, []);
    assert.match(machine.warnings(), /all of .*sda is compared: LVM keeps its locks on a disk/);
    await machine.assertCopy();
  });

  it("removes its snapshots also where LVM cannot select them (before 2.02.117)", async () => {
    machine = await ServerGuest.make();
    machine.server.selects = false;
    await machine.stage();
    await machine.stage();
    assert.equal(machine.warnings(), "");
    assert.deepEqual(machine.server.snapshots, ["rehome-web1-root-2", "rehome-web1-data-2"]);
    await machine.atRest();
    assert.deepEqual(machine.server.snapshots, []);
    await machine.assertCopy();
  });

  it("compares a volume at rest when nobody counts what is written to it", async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    machine.server.counts = false;
    await machine.server.write("root", 0, random(21, 4096));
    assert.equal((await machine.atRest()).tracker, "hash");
    assert.match(machine.warnings(), /\/dev\/vg0\/root .*the kernel does not count what is written to it/);
    await machine.assertCopy();
  });

  it("any writes, passes, crashes, losses and moves: at rest the copy is the disk", async () => {
    const event = fc.record({
      do: fc.constantFrom(...EVENTS),
      at: fc.nat(15 * MIB),
      n: fc.nat(50_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 4, maxLength: 9 }), async (events) => {
        machine = await ServerGuest.make();
        for (const { do: what, at, n } of events) {
          if (what === "root" || what === "data") await machine.server.write(what, at, random(at, n));
          if (what === "raw") await machine.server.writeRaw(at % (3 * MIB), random(at, n));
          if (what === "pass") await machine.stage();
          if (what === "reboot") machine.server.bootId = `boot-${at}`;
          if (what === "lose")
            for (const { snapshot } of machine.server.volumes) if (snapshot) snapshot.state = "Invalid";
          if (what === "move" && mayMove()) await machine.moveData(at % 2 === 0 ? 110 : 130);
          if (what.startsWith("cut")) await machine.cutAfter(n / 50, what !== "cut");
        }
        await machine.atRest();
        assert.deepEqual(machine.server.snapshots, []);
        await machine.assertCopy();
        await verifyTarget({ ...machine.guest.context, options: {}, mode: "full" });
        await machine.remove();
      }),
      { numRuns: 4 },
    );
  });

  /** LVM moves no volume that has snapshots. */
  function mayMove(): boolean {
    return !machine.server.volumes.some(({ origin }) => origin === "data");
  }
});
