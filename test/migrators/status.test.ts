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

const CUT_OVER = [state("cutting-over"), step("source-off", "done"), step("start", "done"), state("cut-over")];

describe("which copy of a guest counts", () => {
  const cases: readonly [string, readonly GuestRecord[], "source" | "guest"][] = [
    ["nothing was done", [], "source"],
    ["staging", [state("staging")], "source"],
    ["the cutover began", [state("cutting-over"), step("preflight", "started")], "source"],
    ["the source rests", [state("cutting-over"), step("quiesce", "done")], "source"],
    ["the source was told to go", [state("cutting-over"), step("source-off", "started")], "source"],
    ["the start began", [state("cutting-over"), step("source-off", "done"), step("start", "started")], "guest"],
    ["all was undone", [state("cutting-over"), step("source-off", "done"), step("source-off", "undone")], "source"],
    ["the guest answers", [state("cut-over")], "guest"],
    ["the guest is being stopped", [...CUT_OVER, step("start", "undo-started")], "guest"],
    ["the guest could not be stopped", [...CUT_OVER, step("start", "undo-failed")], "guest"],
    ["the guest was stopped", [...CUT_OVER, step("start", "undone"), step("register", "undo-failed")], "source"],
    ["it is final", [state("committed")], "guest"],
  ];
  for (const [when, records, expected] of cases) {
    it(`when ${when}: ${expected}`, () => {
      const overview = overviewOf("web1", "phys", records);
      assert.equal(overview.authoritative, expected);
      assert.match(overview.next, /^rehome /);
    });
  }

  it("says that nothing is to be started by hand while a copy is off, or may be running", () => {
    const between = [
      [state("cutting-over"), step("source-off", "started")],
      [...CUT_OVER, step("start", "undo-started")],
      [...CUT_OVER, step("start", "undone")],
    ];
    for (const records of between) assert.match(overviewOf("web1", "phys", records).because, /start neither by hand/);
    const { because } = overviewOf("web1", "phys", [state("cutting-over"), step("quiesce", "done")]);
    assert.doesNotMatch(because, /by hand/);
  });

  it("sends back whoever is half-way back, whatever was reached before", () => {
    const { next, because } = overviewOf("web1", "phys", [...CUT_OVER, step("start", "undone")]);
    assert.equal(next, "rehome rollback web1");
    assert.match(because, /going back/);
  });

  it("names a host that was away at the cutover, until it has the guest's definition", () => {
    const records: GuestRecord[] = [
      { type: "registered", at: 0, undefinedOn: ["alpha"] }, // of a cutover that was undone
      state("cutting-over"),
      { type: "registered", at: 1, undefinedOn: ["beta"] },
      state("cut-over"),
    ];
    const { because, next } = overviewOf("web1", "phys", records);
    assert.match(because, /not highly available: beta was away/);
    assert.equal(next, "rehome cluster add web1 once beta is back, then rehome commit web1");
    const added: GuestRecord = { type: "registered", at: 2, undefinedOn: [] };
    assert.equal(overviewOf("web1", "phys", [...records, added]).next, "rehome commit web1");
    assert.equal(overviewOf("web1", "phys", [state("cutting-over"), state("cut-over")]).next, "rehome commit web1");
  });
});

describe("what to do with a staged guest", () => {
  const rehearsed = (outcome: "boots" | "fails" | "unclear"): GuestRecord => ({
    ...{ type: "rehearsal", at: 1 },
    rehearsal: { at: 1, because: "", emulated: false, outcome },
  });
  for (const [when, outcomes, next] of [
    ["it was never rehearsed", [], "rehome rehearse web1"],
    ["it booted", ["fails", "boots"], "rehome cutover web1 --dry-run"],
    ["it did not boot", ["boots", "fails"], "rehome stage web1, then rehome rehearse web1"],
    ["nothing could be told", ["unclear"], "rehome stage web1, then rehome rehearse web1"],
  ] as const) {
    it(`${when}: ${next}`, () => {
      const overview = overviewOf("web1", "phys", [state("staged"), ...outcomes.map(rehearsed)]);
      assert.equal(overview.next, next);
      assert.equal(overview.rehearsal?.outcome, outcomes.at(-1));
    });
  }

  it("how it was rehearsed no longer matters once it runs", () => {
    assert.equal(overviewOf("web1", "phys", [rehearsed("boots"), state("cut-over")]).rehearsal, undefined);
  });
});
