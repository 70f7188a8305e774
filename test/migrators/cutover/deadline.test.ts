import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { delay } from "../../../src/lib/delay.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import {
  allowedDowntime,
  deadline,
  RETURN_FACTOR,
  withReason,
  type Deadline,
  type DeadlineOptions,
} from "../../../src/migrators/cutover/deadline.js";
import { runSteps, type Step } from "../../../src/migrators/cutover/sequence.js";
import type { GuestRecord } from "../../../src/migrators/guest-store.js";

const BUDGET = 100;
const LIMIT = BUDGET * RETURN_FACTOR;

interface Taking {
  readonly signal: AbortSignal;
}

/** Steps that take so long, in ms, unless they are stopped. */
function steps(times: Readonly<Record<string, number>>): readonly Step<Taking>[] {
  return Object.entries(times).map(([name, ms]) => ({
    name,
    title: name,
    describe: () => [],
    run: ({ signal }) => delay(ms, signal).then(() => ({ detail: "" })),
  }));
}

describe("the time by which a guest is to be started", () => {
  let records: GuestRecord[];
  let notes: Note[];
  const store = {
    records: () => Promise.resolve([...records]),
    append: (record: GuestRecord) => Promise.resolve(void records.push(record)),
  };
  const report = { ...silentReport, note: (note: Note) => void notes.push(note) };
  beforeEach(() => {
    records = [{ type: "state", at: 0, state: "cutting-over" }];
    notes = [];
  });

  function limitOf(more: Partial<DeadlineOptions> = {}): Deadline {
    return deadline({
      maxDowntimeMs: BUDGET,
      beganAt: undefined,
      last: "start",
      lastBegan: false,
      mayReturn: () => Promise.resolve(true),
      report,
      ...more,
    });
  }
  async function run(limit: Deadline, times: Readonly<Record<string, number>>): Promise<void> {
    const { signal } = limit;
    await limit.resume();
    await runSteps(steps(times), { signal }, store, report, { signal, beginning: told(limit) });
  }
  function told(limit: Deadline): (step: string) => Promise<void> {
    return (step) => {
      limit.beginning(step);
      return Promise.resolve();
    };
  }
  const journalled = (): readonly string[] =>
    records.flatMap((record) => (record.type === "step" ? [`${record.step} ${record.event}`] : []));

  it("stops the step that is running, counted from when the source came to rest and not before", async () => {
    const limit = limitOf();
    await assert.rejects(run(limit, { preflight: LIMIT * 1.5, quiesce: 10, "final-pass": 10_000, start: 0 }), {
      code: "downtime-exceeded",
      exitCode: 10,
    });
    assert.deepEqual(journalled().slice(-2), ["final-pass started", "final-pass failed"]);
  });

  it("lets no further step begin, where one cannot be stopped", async () => {
    const limit = limitOf();
    const deaf: Step<Taking> = {
      name: "quiesce",
      title: "quiesce",
      describe: () => [],
      run: () => sleep(LIMIT + 50, { detail: "" }),
    };
    const { signal } = limit;
    const all = [deaf, ...steps({ "final-pass": 0, start: 0 })];
    await assert.rejects(runSteps(all, { signal }, store, report, { signal, beginning: told(limit) }), {
      code: "downtime-exceeded",
    });
    assert.deepEqual(journalled(), ["quiesce started", "quiesce done"]);
  });

  it("stops nothing once the start began", async () => {
    const limit = limitOf();
    await run(limit, { quiesce: 10, start: LIMIT + 100, answers: 0 });
    assert.equal(limit.signal.aborted, false);
    assert.equal(journalled().at(-1), "answers done");
  });

  it("goes on, and says so, where the source could not be brought back", async () => {
    for (const mayReturn of [() => Promise.resolve(false), () => Promise.reject(new Error("nobody knows"))]) {
      const limit = limitOf({ mayReturn });
      records = records.slice(0, 1);
      notes = [];
      await run(limit, { quiesce: 10, "source-off": LIMIT + 100, start: 0 });
      assert.match(notes.map(({ text }) => text).join(), /going on/);
    }
  });

  it("counts what passed while nobody ran", async () => {
    const began = Date.now() - LIMIT * 10;
    records.push(
      { type: "step", at: began, step: "quiesce", event: "started" },
      { type: "step", at: began, step: "quiesce", event: "done" },
    );
    await assert.rejects(run(limitOf({ beganAt: began }), { quiesce: 0, "final-pass": 0, start: 0 }), {
      code: "downtime-exceeded",
    });
    assert.equal(journalled().at(-1), "quiesce done");
    const late = limitOf({ beganAt: began, lastBegan: true });
    await run(late, { quiesce: 0, start: 0, answers: 10 });
    assert.equal(late.signal.aborted, false);
  });

  it("is no later because the clock was set back meanwhile", async () => {
    const began = Date.now() + 3_600_000;
    records.push({ type: "step", at: began, step: "quiesce", event: "started" });
    await assert.rejects(run(limitOf({ beganAt: began }), { quiesce: 0, "final-pass": LIMIT * 10, start: 0 }), {
      code: "downtime-exceeded",
    });
  });

  it("is none without a limit", async () => {
    const limit = limitOf({ maxDowntimeMs: undefined, beganAt: 0 });
    await run(limit, { quiesce: 0, start: 0 });
    assert.equal(limit.signal.aborted, false);
  });

  it("is remembered for the run that goes on, unless that one says another", () => {
    const budget: GuestRecord = { type: "budget", at: 0, maxDowntimeMs: BUDGET };
    assert.equal(allowedDowntime([...records, budget], undefined), BUDGET);
    assert.equal(allowedDowntime([...records, budget], 7), 7);
    assert.equal(allowedDowntime([budget, ...records], undefined), undefined);
  });

  it("tells what the step said that it stopped", () => {
    const reason = new RehomeError("downtime-exceeded", "too long");
    const error = withReason(reason, new RehomeError("agent-failed", "it was killed"));
    assert.equal(error.code, "downtime-exceeded");
    assert.match(error.output ?? "", /it was killed \[agent-failed\]/);
    assert.equal(withReason(reason, reason).output, undefined);
  });
});
