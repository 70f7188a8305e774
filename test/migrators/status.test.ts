import assert from "node:assert/strict";
import type { GuestRecord, StepRecord } from "../../src/migrators/guest-store.js";
import { overviewOf } from "../../src/migrators/status.js";
import type { GuestState } from "../../src/migrators/types.js";

function state(value: GuestState): GuestRecord {
  return { type: "state", at: 0, state: value };
}

function step(name: string, event: StepRecord["event"]): GuestRecord {
  return { type: "step", at: 0, step: name, event };
}

describe("which copy of a guest counts", () => {
  const cases: readonly [string, readonly GuestRecord[], "source" | "guest" | "undecided"][] = [
    ["nothing was done", [], "source"],
    ["staging", [state("staging")], "source"],
    ["the cutover began", [state("cutting-over"), step("preflight", "started")], "source"],
    ["the source rests", [state("cutting-over"), step("quiesce", "done")], "source"],
    ["the source was told to go", [state("cutting-over"), step("source-off", "started")], "undecided"],
    ["the start began", [state("cutting-over"), step("source-off", "done"), step("start", "started")], "guest"],
    ["all was undone", [state("cutting-over"), step("source-off", "done"), step("source-off", "undone")], "source"],
    ["the guest answers", [state("cut-over")], "guest"],
    ["it is final", [state("committed")], "guest"],
  ];
  for (const [when, records, expected] of cases) {
    it(`when ${when}: ${expected}`, () => {
      const overview = overviewOf("web1", "phys", records);
      assert.equal(overview.authoritative, expected);
      assert.match(overview.next, /^rehome /);
    });
  }
});
