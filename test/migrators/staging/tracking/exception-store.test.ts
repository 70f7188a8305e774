import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  BadStore,
  readExceptions,
  type ReadStore,
} from "../../../../src/migrators/staging/tracking/exception-store.js";
import { realStore, storeOf } from "../../../helpers/exception-store.js";
import type { Extent } from "../../../../src/migrators/staging/types.js";

const MIB = 1024 * 1024;

/** Reads from memory, and counts what it read. */
function memoryReader(store: Buffer): { read: ReadStore; bytes: () => number } {
  let bytes = 0;
  return {
    read: (extents) => {
      for (const { length } of extents) bytes += length;
      return Promise.resolve(extents.map(({ offset, length }) => store.subarray(offset, offset + length)));
    },
    bytes: () => bytes,
  };
}

function blocksOf(extents: readonly Extent[], unit: number): readonly number[] {
  return extents.flatMap(({ offset, length }) =>
    Array.from({ length: Math.ceil(length / unit) }, (_, index) => offset / unit + index),
  );
}

describe("the exception table of a snapshot", () => {
  it("gives exactly the chunks that were written to, whatever their number, order and size", async () => {
    const chunkSizes = fc.constantFrom(4096, 8192, 16_384, 65_536);
    const chunks = fc.uniqueArray(fc.nat(20_000), { maxLength: 1500 });
    await fc.assert(
      fc.asyncProperty(chunkSizes, chunks, fc.nat(3), async (chunkSize, changed, areas) => {
        const originSize = 20_001 * chunkSize - 512;
        const { store } = storeOf(chunkSize, changed);
        const { read } = memoryReader(store);
        const found = await readExceptions(read, {
          chunkSize,
          originSize,
          storeSize: store.length,
          metadata: (1 + areas) * chunkSize,
        });
        const sorted = changed.toSorted((one, other) => one - other);
        assert.deepEqual(blocksOf(found, chunkSize), sorted);
        for (const { offset, length } of found) assert.ok(length > 0 && offset + length <= originSize);
        for (const [index, extent] of found.entries()) {
          const next = found[index + 1];
          assert.ok(next === undefined || extent.offset + extent.length < next.offset, "extents touch");
        }
      }),
      { numRuns: 60 },
    );
  });

  it("reads metadata only: no byte of the data that was saved", async () => {
    const changed = Array.from({ length: 3000 }, (_, index) => index * 3);
    const { store, areas } = storeOf(4096, changed);
    const { read, bytes } = memoryReader(store);
    await readExceptions(read, {
      chunkSize: 4096,
      originSize: 40 * MIB,
      storeSize: store.length,
      metadata: (1 + areas) * 4096,
    });
    assert.equal(bytes(), (1 + areas) * 4096);
  });

  it("goes on to areas that were added after the status was asked for", async () => {
    const changed = Array.from({ length: 700 }, (_, index) => index);
    const { store } = storeOf(4096, changed);
    const { read } = memoryReader(store);
    const found = await readExceptions(read, {
      chunkSize: 4096,
      originSize: 40 * MIB,
      storeSize: store.length,
      metadata: 8192,
    });
    assert.deepEqual(found, [{ offset: 0, length: 700 * 4096 }]);
  });

  it("ends where the store ends with a full area", async () => {
    const { store } = storeOf(
      4096,
      Array.from({ length: 256 }, (_, index) => index),
    );
    const cut = store.subarray(0, 258 * 4096);
    const { read } = memoryReader(cut);
    const found = await readExceptions(read, {
      chunkSize: 4096,
      originSize: 40 * MIB,
      storeSize: cut.length,
      metadata: 3 * 4096,
    });
    assert.deepEqual(found, [{ offset: 0, length: MIB }]);
  });

  it("is refused when anything about it cannot be true", async () => {
    const cases: Readonly<Record<string, (store: Buffer) => void>> = {
      "no magic number": (store) => store.writeUInt32LE(0, 0),
      "says that it is invalid": (store) => store.writeUInt32LE(0, 4),
      "has version 2": (store) => store.writeUInt32LE(2, 8),
      "its header says 1536": (store) => store.writeUInt32LE(3, 12),
      "an entry of the snapshot is 99999 → 2": (store) => store.writeBigUInt64LE(99_999n, 4096),
      "an entry of the snapshot is 7 → 1": (store) => store.writeBigUInt64LE(1n, 4096 + 8), // the area itself
      "an entry of the snapshot is 7 → 88888": (store) => store.writeBigUInt64LE(88_888n, 4096 + 8),
    };
    for (const [text, damage] of Object.entries(cases)) {
      const { store } = storeOf(4096, [7, 8]);
      damage(store);
      const { read } = memoryReader(store);
      await assert.rejects(
        readExceptions(read, { chunkSize: 4096, originSize: 40 * MIB, storeSize: store.length, metadata: 8192 }),
        (thrown) => thrown instanceof BadStore && thrown.message.includes(text),
        text,
      );
    }
  });

  it("is refused with any damage to its header, so that no chunk is left out", async () => {
    const { store } = storeOf(4096, [3, 5, 9]);
    for (let place = 0; place < 16; place += 1) {
      for (let xor = 1; xor < 256; xor += 1) {
        const damaged = Buffer.from(store);
        damaged[place] = (damaged[place] ?? 0) ^ xor;
        const { read } = memoryReader(damaged);
        const bounds = { chunkSize: 4096, originSize: MIB, storeSize: store.length, metadata: 8192 };
        await assert.rejects(readExceptions(read, bounds), BadStore, `byte ${place} xor ${xor}`);
      }
    }
  });

  it("is understood as a real kernel wrote it", async () => {
    const { read } = memoryReader(realStore());
    const found = await readExceptions(read, {
      chunkSize: 4096,
      originSize: 64 * MIB,
      storeSize: 16 * MIB,
      metadata: 8192,
    });
    assert.deepEqual(found, [
      { offset: 7 * 4096, length: 4096 },
      { offset: 100 * 4096, length: 3 * 4096 },
      { offset: MIB, length: 65_536 },
    ]);
  });
});
