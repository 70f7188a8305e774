import assert from "node:assert/strict";
import { downtimeOf } from "../../../src/migrators/cutover/downtime.js";
import type { GuestRecord } from "../../../src/migrators/guest-store.js";

const STEPS = ["preflight", "quiesce", "final-pass", "answers"].map((name) => ({ name, title: name }));

function record(at: number, step: string, event: "started" | "done"): GuestRecord {
  return { type: "step", at, step, event };
}

describe("measured downtime", () => {
  it("runs from the first service stopped to the last check answered, and is split by step", () => {
    const records: GuestRecord[] = [
      { type: "state", at: 0, state: "cutting-over" },
      record(1000, "preflight", "started"),
      record(9000, "preflight", "done"),
      record(10_000, "quiesce", "started"),
      record(14_000, "quiesce", "done"),
      record(14_001, "final-pass", "started"),
      record(17_000, "final-pass", "done"),
      record(17_100, "answers", "started"),
      record(40_000, "answers", "done"),
    ];
    assert.deepEqual(downtimeOf(records, STEPS), {
      downtimeMs: 30_000,
      shares: [
        { step: "quiesce", title: "quiesce", ms: 4000 },
        { step: "final-pass", title: "final-pass", ms: 3000 },
        { step: "answers", title: "answers", ms: 23_000 },
      ],
    });
  });

  it("counts the time that an interruption took, and nothing of an earlier cutover", () => {
    const records: GuestRecord[] = [
      { type: "state", at: 0, state: "cutting-over" },
      record(1, "quiesce", "started"),
      { type: "state", at: 5, state: "staged" },
      { type: "state", at: 10, state: "cutting-over" },
      record(100, "quiesce", "started"),
      record(500_000, "quiesce", "started"),
      record(500_100, "quiesce", "done"),
    ];
    assert.equal(downtimeOf(records, STEPS).downtimeMs, 500_000);
  });
});
