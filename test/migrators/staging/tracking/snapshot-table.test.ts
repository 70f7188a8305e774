import assert from "node:assert/strict";
import { chunkSizeOf } from "../../../../src/migrators/staging/tracking/snapshot-table.js";

describe("the chunks of a snapshot, by the kernel's own table", () => {
  const cases: readonly [string, number | undefined][] = [
    ["0 131072 snapshot 254:5 254:6 P 8\n", 4096],
    ["0 131072 snapshot 254:5 254:6 PO 128 1 discard_zeroes_cow\n", 65_536],
    ["0 131072 snapshot 254:5 254:6 P 1\n", undefined],
    ["0 131072 snapshot 254:5 254:6 P 0\n", undefined],
    ["0 131072 snapshot 254:5 254:6 N 8\n", undefined],
    ["0 131072 snapshot-origin 254:5\n", undefined],
    ["0 131072 linear 8:2 2048\n", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of cases) {
    it(`are of ${expected ?? "no known number of"} bytes: ${line.trim() || "nothing said"}`, () => {
      assert.equal(chunkSizeOf(line), expected);
    });
  }
});
