import assert from "node:assert/strict";
import fc from "fast-check";
import { RehomeError } from "../../src/lib/errors.js";
import { formatAge, formatDuration, formatRate, formatSize, parseDuration, parseSize } from "../../src/lib/units.js";

function isUsage(error: unknown): boolean {
  return error instanceof RehomeError && error.code === "usage" && error.remedy !== undefined;
}

describe("sizes", () => {
  const sizes: Readonly<Record<string, number>> = {
    "0": 0,
    "4096": 4096,
    "512B": 512,
    "64K": 65_536,
    "64k": 65_536,
    "10M": 10_485_760,
    "10 MiB": 10_485_760,
    "1.5GiB": 1_610_612_736,
    "2T": 2_199_023_255_552,
  };
  for (const [text, bytes] of Object.entries(sizes)) it(`reads ${text}`, () => assert.equal(parseSize(text), bytes));

  for (const text of ["", "K", "-1", "1e3", "1,5G", "10X", "10 M B", "0x10", "1.G", "99999999P"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseSize(text), isUsage));
  }

  it("are written with three digits at the most, and read back to within their last digit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
        const text = formatSize(bytes);
        assert.match(text, /^(?:\d{1,4} (?:B|PiB)|\d{1,2}\.\d{1,2} \w+|\d{3} \w+|1000 \w+|10[012]\d \w+)$/);
        const back = parseSize(text);
        assert.ok(Math.abs(back - bytes) <= Math.max(bytes * 0.006, 0), `${bytes} became ${text}`);
      }),
    );
  });

  it("change the unit rather than reach 1024", () => {
    assert.equal(formatSize(1023), "1023 B");
    assert.equal(formatSize(1024 * 1024 - 1), "1.00 MiB");
    assert.equal(formatSize(9.999 * 1024), "10.0 KiB");
    assert.equal(formatSize(99.99 * 1024), "100 KiB");
    assert.equal(formatRate(1.5 * 1024 ** 2), "1.50 MiB/s");
  });
});

describe("durations", () => {
  const durations: Readonly<Record<string, number>> = {
    "0": 0,
    "30": 30_000,
    "500ms": 500,
    "1.5s": 1500,
    "5min": 300_000,
    "5 m": 300_000,
    "1h": 3_600_000,
  };
  for (const [text, ms] of Object.entries(durations)) it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));

  for (const text of ["", "s", "-1s", "1d", "5 min 3 s", "1:30", "constructor", "5toString"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseDuration(text), isUsage));
  }

  it("are written for people", () => {
    assert.equal(formatDuration(0), "0 ms");
    assert.equal(formatDuration(999.4), "999 ms");
    assert.equal(formatDuration(999.6), "1.0 s");
    assert.equal(formatDuration(12_340), "12.3 s");
    assert.equal(formatDuration(59_970), "1 min 00 s");
    assert.equal(formatDuration(245_000), "4 min 05 s");
    assert.equal(formatDuration(3_599_700), "1 h 00 min");
    assert.equal(formatDuration(7_380_000), "2 h 03 min");
  });
});

describe("ages", () => {
  const MINUTE = 60_000;
  for (const [ms, text] of [
    [-5000, "just now"],
    [59_999, "just now"],
    [MINUTE, "1 min ago"],
    [119 * MINUTE, "119 min ago"],
    [120 * MINUTE, "2 h ago"],
    [47 * 60 * MINUTE, "47 h ago"],
    [50 * 60 * MINUTE, "2 days ago"],
  ] as const) {
    it(`${ms} ms: ${text}`, () => assert.equal(formatAge(ms), text));
  }
});
