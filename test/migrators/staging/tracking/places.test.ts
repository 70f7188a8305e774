import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { runChecked } from "../../../../src/lib/host/run.js";
import { parseVolumes } from "../../../../src/migrators/staging/tracking/lvm.js";
import {
  isSound,
  isWhole,
  parseSegments,
  parseTables,
  placeOf,
  piecesOf,
  SEGMENTS,
  type Layout,
  type Piece,
} from "../../../../src/migrators/staging/tracking/places.js";
import { leftOutOn, stretchesOn, wholeChunks } from "../../../../src/migrators/staging/tracking/project.js";
import { detachLoop, loopDevice } from "../../../helpers/loop-device.js";

const MIB = 1024 * 1024;
const CHUNK = 65_536;

const piece = (fields: Partial<Piece>): Piece => ({
  ...{ physicalVolume: "/dev/sda2", group: "vg0", volume: "root", kind: "linear", device: "8:2" },
  ...{ start: MIB, length: 4 * MIB, volumeStart: 0, offset: 2 * MIB },
  ...fields,
});

describe("what LVM has where on a disk", () => {
  it("is read as the real pvs prints it: pieces of one volume in two places, a snapshot's room, what is free", async function () {
    const host = localHost();
    const folder = await mkdtemp(join(tmpdir(), "rehome-places-"));
    const env = { LVM_SYSTEM_DIR: folder, LVM_SUPPRESS_FD_WARNINGS: "1" };
    const lvm = (...argv: readonly string[]): Promise<string> => {
      const [program = "", ...rest] = argv;
      return runChecked(host, [program, "--driverloaded", "n", ...rest], { env }); // no device-mapper is needed
    };
    const image = join(folder, "disk");
    await writeFile(image, "");
    await truncate(image, 128 * MIB);
    let loop = "";
    try {
      loop = await loopDevice(this, image);
      await writeFile(join(folder, "lvm.conf"), config(folder));
      await lvm("vgcreate", "--quiet", "rehome-test", loop);
      for (const [name, size] of Object.entries({ root: "20M", swap: "8M" })) {
        await lvm("lvcreate", "--yes", "-an", "-Zn", "-Wn", "-L", size, "-n", name, "rehome-test");
      }
      await lvm("lvextend", "-L", "+12M", "rehome-test/root");
      const backup = join(folder, "metadata");
      await lvm("vgcfgbackup", "--file", backup, "rehome-test");
      const text = await readFile(backup, "utf8");
      await writeFile(backup, text.replace("\t\tswap {", `${SNAPSHOT}\t\tswap {`));
      await lvm("vgcfgrestore", "--file", backup, "rehome-test");

      const segments = parseSegments(await lvm(...SEGMENTS));
      assert.deepEqual(
        segments.map(({ volume, kind, start, length, volumeStart }) =>
          [volume || kind, start / MIB, length / MIB, volumeStart / MIB].join(" "),
        ),
        ["root 1 20 0", "swap 21 8 0", "root 29 12 20", "free 41 72 0", "rehome-web1-root-1 113 8 0", "free 121 4 0"],
      );
      assert.deepEqual([...new Set(segments.map(({ physicalVolume }) => physicalVolume))], [loop]);
    } finally {
      if (loop !== "") await detachLoop(loop);
      await rm(folder, { recursive: true });
    }
  });

  it("is nothing where a line is not understood", () => {
    const good = "  /dev/sda2|vg0|1048576|4194304|0|5|root|linear|0";
    assert.equal(parseSegments(good).length, 1);
    for (const bad of [
      "",
      "  /dev/sdb||0|0|0|0|||0",
      good.replace("|5|", "|x|"),
      good.replace("1048576", "-1"),
      `${good}|x`,
    ]) {
      assert.deepEqual(parseSegments(bad), []);
    }
  });

  it("is believed only where the kernel says just the same", () => {
    const [volume] = parseVolumes("vg0|u|root|uuid|8388608|linear|||254|0|/dev/mapper/vg0-root||");
    assert.ok(volume);
    const pieces = [piece({}), piece({ volumeStart: 4 * MIB, start: 9 * MIB, offset: 10 * MIB })];
    const layout = (text: string): Layout => ({ pieces, tables: parseTables(text) });
    const good = "vg0-root: 0 8192 linear 8:2 2048\nvg0-root: 8192 8192 linear 8:2 18432\nvg0-x: 0 1 crypt a 8:2 0\n";
    assert.ok(isWhole(layout(good), pieces, volume));
    const withSnapshot = `vg0-root: 0 16384 snapshot-origin 254:3\n${good.replaceAll("vg0-root:", "vg0-root-real:")}`;
    assert.ok(isWhole(layout(withSnapshot), pieces, volume));
    for (const bad of [
      "",
      good.replace("8:2 2048", "8:18 2048"),
      good.replace("18432", "18440"),
      good.replace("vg0-root: 8192 8192 linear 8:2 18432\n", ""),
      good.replace("linear", "striped 2 128"),
      `${good}vg0-root-real: 0 16384 linear 8:2 4096\n`, // what is below counts
    ]) {
      assert.equal(isWhole(layout(bad), pieces, volume), false, bad);
    }
    assert.equal(isWhole(layout(good), pieces.slice(1), volume), false, "a part of it is elsewhere");
    const mirrored = pieces.map((one) => ({ ...one, kind: "raid1" }));
    assert.equal(isWhole(layout(good), mirrored, volume), false);
    assert.notEqual(placeOf(pieces), placeOf(pieces.map((one) => ({ ...one, offset: one.offset + MIB }))));
    assert.deepEqual(piecesOf({ ...layout(good), pieces: pieces.toReversed() }, "vg0", "root"), pieces);
  });

  it("is sound when nothing overlaps and all of it is on the disk", () => {
    const tables = new Map();
    const two = [piece({}), piece({ offset: 6 * MIB })];
    assert.ok(isSound({ pieces: two, tables }, 10 * MIB));
    assert.equal(isSound({ pieces: two, tables }, 9 * MIB), false);
    assert.equal(isSound({ pieces: [piece({}), piece({ offset: 5 * MIB })], tables }, 10 * MIB), false);
  });
});

describe("changes of volumes on the disk that they lie on", () => {
  const disk = { path: "/dev/sda", size: 20 * MIB + 512 };

  it("cover all of the disk once, each part from where it is read", () => {
    const pieces = [piece({ offset: 8 * MIB, volumeStart: 4 * MIB }), piece({ offset: 2 * MIB })];
    const changed = [
      { offset: 0, length: 4096 },
      { offset: 4 * MIB - 4096, length: 8192 },
    ];
    const leftOut = [{ offset: 16 * MIB, length: MIB }];
    const found = stretchesOn(disk, [{ pieces, device: "/dev/mapper/snap", changed }], leftOut);
    assert.deepEqual(
      found.map(({ offset, length, device, deviceOffset }) => [offset / MIB, length / MIB, device, deviceOffset / MIB]),
      [
        [0, 2, "/dev/sda", 0],
        [2, 4, "/dev/mapper/snap", 0],
        [6, 2, "/dev/sda", 6],
        [8, 4, "/dev/mapper/snap", 4],
        [12, 4, "/dev/sda", 12],
        [17, 3 + 512 / MIB, "/dev/sda", 17],
      ],
    );
    assert.deepEqual(
      found.map((one) => one.changed),
      [
        "unknown",
        [
          { offset: 2 * MIB, length: 4096 },
          { offset: 6 * MIB - 4096, length: 4096 },
        ],
        "unknown",
        [{ offset: 8 * MIB, length: 4096 }],
        "unknown",
        "unknown",
      ],
    );
  });

  it("are read from the disk, and its edges compared, where the volume's chunks are not the disk's", () => {
    const start = 2 * MIB + 63 * 512;
    const found = stretchesOn(
      disk,
      [{ pieces: [piece({ offset: start })], device: "/dev/mapper/snap", changed: [{ offset: 0, length: 8 * CHUNK }] }],
      [],
    );
    const inner = { offset: 2 * MIB + CHUNK, length: 4 * MIB - CHUNK };
    assert.deepEqual(found, [
      { offset: 0, length: inner.offset, device: "/dev/sda", deviceOffset: 0, changed: "unknown" },
      {
        ...inner,
        device: "/dev/sda",
        deviceOffset: inner.offset,
        changed: [{ offset: inner.offset, length: start + 8 * CHUNK - inner.offset }],
      },
      {
        offset: 6 * MIB,
        length: 14 * MIB + 512,
        device: "/dev/sda",
        deviceOffset: 6 * MIB,
        changed: "unknown",
      },
    ]);
  });

  it("leave out what snapshots have and had, as long as LVM calls that free, in whole chunks", () => {
    const free = piece({ volume: "", kind: "free", offset: 10 * MIB });
    const ours = piece({ volume: "rehome-web1-root-2", offset: 6 * MIB, length: MIB });
    const before = [{ offset: 9 * MIB, length: 2 * MIB }];
    const root = piece({});
    assert.deepEqual(leftOutOn([root, ours, free], [ours], before), [
      { offset: 6 * MIB, length: MIB },
      { offset: 10 * MIB, length: MIB },
    ]);
    assert.deepEqual(leftOutOn([root, { ...free, volume: "new" }], [], before), []);
    assert.deepEqual(leftOutOn([root], [], before), [], "nobody says that it is free");
    assert.deepEqual(wholeChunks([{ offset: 1, length: 2 * CHUNK }]), [{ offset: CHUNK, length: CHUNK }]);
    assert.deepEqual(wholeChunks([{ offset: 1, length: CHUNK }]), []);
  });
});

function config(folder: string): string {
  return `devices { use_devicesfile=0 scan=["/dev"] }
backup { backup=0 archive=0 }
global { event_activation=0 locking_dir="${folder}/locks" }
`;
}

/** A snapshot as LVM's metadata have it, in extents that nobody else has. */
const SNAPSHOT = `		rehome-web1-root-1 {
			id = "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg"
			status = ["READ", "WRITE", "VISIBLE"]
			tags = ["rehome", "rehome.guest.web1"]
			segment_count = 1
			segment1 {
				start_extent = 0
				extent_count = 2
				type = "striped"
				stripe_count = 1
				stripes = ["pv0", 28]
			}
		}
		snapshot0 {
			id = "aaaaaa-bbbb-cccc-dddd-eeee-ffff-hhhhhh"
			status = ["READ", "WRITE"]
			segment_count = 1
			segment1 {
				start_extent = 0
				extent_count = 8
				type = "snapshot"
				chunk_size = 8
				origin = "root"
				cow_store = "rehome-web1-root-1"
			}
		}
`;
