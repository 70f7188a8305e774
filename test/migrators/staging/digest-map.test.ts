import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { DigestMap } from "../../../src/migrators/staging/digest-map.js";
import type { MapBinding } from "../../../src/migrators/staging/map-binding.js";
import { chunksIn } from "../../../src/migrators/staging/geometry.js";
import { DIGEST_SIZE, REGION_SIZE } from "../../../src/migrators/staging/types.js";

const REGIONS = 4;
const binding: MapBinding = {
  version: 1,
  disk: { size: REGIONS * REGION_SIZE - 512, serial: "S1", tableId: "1f2e3d4c" },
  volume: "volume-1",
  fresh: true,
};

describe("a digest map", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-map-"));
    path = join(folder, "sda.map");
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function reopen(change: Partial<MapBinding> = {}): Promise<Awaited<ReturnType<typeof DigestMap.open>>> {
    return DigestMap.open(path, { ...binding, fresh: false, ...change });
  }

  it("knows a fresh volume as zeros, and a used one without a map not at all", async () => {
    const { map } = await DigestMap.open(path, binding);
    assert.deepEqual(await map.digests(3), Buffer.alloc(chunksIn(map.geometry, 3) * DIGEST_SIZE));
    await map.close();
    await rm(path);
    const { map: other, distrust } = await reopen();
    assert.equal(await other.digests(0), undefined);
    assert.match(distrust ?? "", /no digest map/);
    await other.close();
  });

  it("refuses another disk by size, serial and table id, and believes nothing of another volume", async () => {
    await (await DigestMap.open(path, binding)).map.close();
    for (const change of [{ size: binding.disk.size + 512 }, { serial: "S2" }, { tableId: "0badcafe" }]) {
      await assert.rejects(reopen({ disk: { ...binding.disk, ...change } }), { code: "disk-changed" });
    }
    const { map, distrust } = await reopen({ volume: "volume-2" });
    assert.match(distrust ?? "", /another volume/);
    assert.equal(await map.digests(0), undefined);
    await map.close();
  });

  it("goes on with a pass only under the same boot id, and never when it must look at everything", async () => {
    let { map } = await DigestMap.open(path, binding);
    await map.beginPass("boot-1", true);
    map.seen(0);
    await record(map, 1);
    await map.close();
    ({ map } = await reopen());
    assert.equal(await map.beginPass("boot-1", true), "resumed");
    assert.deepEqual(
      [0, 1, 2].map((region) => map.isDone(region)),
      [true, true, false],
    );
    assert.equal(await map.beginPass("boot-2", true), "begun");
    assert.equal(map.isDone(0), false);
    assert.equal(await map.beginPass("boot-2", false), "begun");
    await map.endPass();
    assert.equal(await map.beginPass("boot-2", true), "begun");
    await map.close();
  });

  it("stays small however often regions change, and loses nothing by that", async () => {
    const { map } = await DigestMap.open(path, binding);
    let last: Buffer = Buffer.alloc(0);
    for (let time = 0; time < 200; time += 1) last = await record(map, 2);
    await map.close();
    const before = (await stat(path)).size;
    const { map: again } = await reopen();
    assert.ok((await stat(path)).size < before / 10);
    assert.deepEqual(await again.digests(2), last);
    assert.deepEqual(await again.digests(1), Buffer.alloc(last.length));
    await again.close();
    const { map: third } = await reopen();
    assert.deepEqual(await third.digests(2), last);
    await third.close();
  });

  it("cut off or spoilt anywhere, never says more than what was last durably noted", async () => {
    const operation = fc.record({
      kind: fc.constantFrom("invalidate", "record", "seen", "verified"),
      region: fc.nat(REGIONS - 1),
    });
    const property = fc.asyncProperty(
      fc.array(operation, { minLength: 1, maxLength: 12 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom("cut", "garbage", "flip"),
      async (operations, place, damage) => {
        await rm(path, { force: true });
        const { map } = await DigestMap.open(path, binding);
        await map.beginPass("boot", true);
        const history: { size: number; state: (Buffer | undefined)[] }[] = [];
        const state: (Buffer | undefined)[] = [0, 1, 2, 3].map((region) =>
          Buffer.alloc(chunksIn(map.geometry, region) * DIGEST_SIZE),
        );
        history.push({ size: (await stat(path)).size, state: [...state] });
        for (const { kind, region } of operations) {
          if (kind === "invalidate") {
            await map.invalidate(region);
            state[region] = undefined;
          } else if (kind === "record") state[region] = await record(map, region);
          else if (kind === "seen") map.seen(region);
          else if (map.verified(region).length > 0 && state[region]) map.setVerified(region, Buffer.alloc(128, 0xff));
          await map.sync();
          history.push({ size: (await stat(path)).size, state: [...state] });
        }
        await map.close();
        await spoil(path, place, damage, history[0]!.size);
        const at = (await spoiltFrom(path)) ?? Infinity;
        const { map: after } = await reopen();
        for (const region of [0, 1, 2, 3]) {
          const found = await after.digests(region);
          if (found === undefined) continue; // unknown is always safe
          // A file that was cut short says what was noted up to there; one that was spoilt, what was noted at last.
          const noted = damage === "cut" ? history.findLast(({ size }) => size <= at) : history.at(-1);
          assert.ok(noted?.state[region]?.equals(found), `region ${region} says what is not so`);
        }
        await after.close();
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  let original: Buffer;
  async function spoil(file: string, place: number, damage: string, from: number): Promise<void> {
    const data = await readFile(file);
    original = data;
    const at = Math.min(data.length - 1, from + Math.floor(place * (data.length - from)));
    if (damage === "cut") await writeFile(file, data.subarray(0, at));
    if (damage === "garbage")
      await writeFile(file, Buffer.concat([data.subarray(0, at), randomBytes(data.length - at)]));
    if (damage === "flip") {
      const flipped = Buffer.from(data);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await writeFile(file, flipped);
    }
  }
  async function spoiltFrom(file: string): Promise<number | undefined> {
    const now = await readFile(file);
    const different = original.findIndex((byte, index) => now[index] !== byte);
    return different === -1 ? undefined : different;
  }
});

async function record(map: DigestMap, region: number): Promise<Buffer> {
  const digests = randomBytes(chunksIn(map.geometry, region) * DIGEST_SIZE);
  await map.record(region, digests, Buffer.alloc(Math.ceil(chunksIn(map.geometry, region) / 8)), true);
  return digests;
}
