import assert from "node:assert/strict";
import { parseDuration, parseInterval } from "../../../src/cluster/cib/durations.js";

describe("durations of a CIB", () => {
  const known: readonly [string, number][] = [
    ["20", 20_000],
    ["500ms", 500],
    ["1min", 60_000],
    ["PT1M", 60_000],
    ["P1M", 30 * 86_400_000],
    ["P10S", 10_000],
    ["PT5S1H", 3_605_000],
    ["P1WT5S", 604_805_000],
  ];
  for (const [text, ms] of known) it(`reads ${text} as ${ms} ms`, () => assert.equal(parseDuration(text), ms));

  it("does not take a number without a unit for an ISO duration", () => {
    assert.equal(parseDuration("P10"), undefined);
    assert.equal(parseInterval("P10"), 0);
  });
});
