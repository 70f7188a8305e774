import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Host, RunResult } from "../../../../src/lib/host/types.js";
import { silentReport } from "../../../../src/lib/report.js";
import { needsRoom, reserveOf, roomFor, roomToAdd } from "../../../../src/migrators/staging/tracking/room.js";
import type { SourceVolume } from "../../../../src/migrators/staging/tracking/lvm.js";
import { extendIfNeeded } from "../../../../src/migrators/staging/tracking/watch.js";
import { answerSeveral } from "../../../helpers/several.js";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const EXTENT = 4 * MIB;

describe("room for snapshots", () => {
  const space = fc.record({ free: fc.nat(2000).map((count) => count * EXTENT), extentSize: fc.constant(EXTENT) });
  const origin = fc.integer({ min: 1, max: 5000 }).map((count) => count * EXTENT);
  const rate = fc.double({ min: 0, max: 1e9, noNaN: true });

  it("is whole extents, leaves the reserve, and leaves as much again for the next snapshot", () => {
    fc.assert(
      fc.property(origin, rate, space, (size, writeRate, group) => {
        const room = roomFor(size, writeRate, group);
        if (room === undefined) return;
        assert.equal(room.size % EXTENT, 0);
        assert.ok(room.size >= 16 * MIB && 2 * room.size + reserveOf(group) <= group.free);
      }),
    );
  });

  it("is what is written in a day when there is that much, and more after experience", () => {
    const group = { free: 1000 * GIB, extentSize: EXTENT };
    assert.equal(roomFor(100 * GIB, MIB / 10, group)?.size, 8640 * MIB);
    assert.equal(roomFor(100 * GIB, 0, group, 50 * GIB)?.size, 50 * GIB);
    assert.ok((roomFor(100 * GIB, 1e9, group)?.size ?? Infinity) <= 102 * GIB + EXTENT, "more than everything");
  });

  it("has chunks as small as what travels, unless the table would be too large", () => {
    const group = { free: 1000 * GIB, extentSize: EXTENT };
    assert.equal(roomFor(100 * GIB, 0, group)?.chunkSize, 4096);
    assert.equal(roomFor(100 * GIB, 1e9, group)?.chunkSize, 65_536);
  });

  it("is there or not: nothing is made where there is too little", () => {
    assert.equal(roomFor(GIB, 0, { free: 60 * MIB, extentSize: EXTENT }), undefined);
    assert.equal(roomFor(GIB, 0, { free: 0, extentSize: 0 }), undefined);
  });

  it("is added in time, as far as the reserve", () => {
    assert.equal(needsRoom(59, 100, 1000), false);
    assert.equal(needsRoom(60, 100, 1000), true);
    assert.equal(roomToAdd(100 * MIB, { free: GIB, extentSize: EXTENT }), 52 * MIB);
    assert.equal(roomToAdd(100 * MIB, { free: 48 * MIB, extentSize: EXTENT }), 16 * MIB);
    assert.equal(roomToAdd(100 * MIB, { free: 34 * MIB, extentSize: EXTENT }), undefined);
  });
});

describe("a snapshot that is watched", () => {
  const snapshot: SourceVolume = {
    group: "vg0",
    groupUuid: "gg",
    name: "rehome-web1-web-1",
    uuid: "uu",
    size: 100 * MIB,
    kinds: ["linear"],
    origin: "web",
    tags: ["rehome"],
    device: "254:3",
    dmName: "vg0-rehome--web1--web--1",
    pool: "",
    thinId: undefined,
  };

  /** @param used sectors of 204,800 */
  async function look(used: number, free: number): Promise<{ ran: readonly string[]; said: readonly string[] }> {
    const ran: string[] = [];
    const said: string[] = [];
    const run = (argv: readonly string[]): Promise<RunResult> => {
      const line = argv.join(" ");
      if (argv[0] === "lvextend") ran.push(line);
      const stdout = line.startsWith("dmsetup info")
        ? "LVM-gguu\n"
        : line.startsWith("dmsetup status")
          ? `0 1 snapshot ${used}/204800 16\n`
          : `${free}|${EXTENT}\n`;
      return Promise.resolve({ argv, exitCode: 0, stdout, stderr: "" });
    };
    const host: Pick<Host, "run"> = { run: async (argv) => (await answerSeveral(argv, run)) ?? run(argv) };
    const note = ({ text }: { readonly text: string }): unknown => said.push(text);
    await extendIfNeeded(host as Host, snapshot, GIB, { ...silentReport, note }, (text) => said.push(text));
    return { ran, said };
  }

  it("is left alone while there is enough", async () => {
    assert.deepEqual(await look(100_000, GIB), { ran: [], said: [] });
  });
  it("gets more in time, and it is said", async () => {
    const { ran, said } = await look(150_000, GIB);
    assert.deepEqual(ran, [`lvextend --quiet --size +${52 * MIB}b vg0/rehome-web1-web-1`]);
    assert.match(said[0] ?? "", /^73 % of snapshot rehome-web1-web-1 is used: it got 52.0 MiB more$/);
  });
  it("is said to run full when the group has nothing left", async () => {
    const { ran, said } = await look(150_000, 0);
    assert.deepEqual(ran, []);
    assert.match(said[0] ?? "", /has no room for more: when it is full, everything is compared/);
  });
});
