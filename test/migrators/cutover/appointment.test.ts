import assert from "node:assert/strict";
import { delay } from "../../../src/lib/delay.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import {
  atOpening,
  awaitOpening,
  keepAppointment,
  timeOfTurn,
  type Waiting,
} from "../../../src/migrators/cutover/appointment.js";
import { runSteps, type Step } from "../../../src/migrators/cutover/sequence.js";

const NO_STORE = { records: () => Promise.resolve([]), append: () => Promise.resolve() };
const PACE = { shortestMs: 100, longestMs: 200, reserveMs: 50 };

interface World {
  readonly done: { readonly name: string; readonly at: number }[];
  readonly titles: string[];
  readonly notes: Note[];
  left: number;
}

describe("a cutover that waits for its time", () => {
  let world: World;
  beforeEach(() => {
    world = { done: [], titles: [], notes: [], left: 0 };
  });

  function step(name: string, ms: number, fails: () => Error | undefined = () => undefined): Step<World> {
    return {
      name,
      title: name,
      describe: () => [],
      async run({ done }) {
        done.push({ name, at: Date.now() });
        await delay(ms);
        const failure = fails();
        if (failure !== undefined) throw failure;
        return { detail: "" };
      },
    };
  }
  function waiting(inMs: number, more: Partial<Waiting<World>> = {}): Waiting<World> {
    return {
      at: Date.now() + inMs,
      context: world,
      trial: step("trial", 20),
      refresh: step("refresh", 10),
      leave: () => Promise.resolve(void (world.left += 1)),
      report: {
        ...silentReport,
        begin: ({ title }) => void world.titles.push(title),
        note: (note) => void world.notes.push(note),
      },
      signal: undefined,
      ...more,
    };
  }
  const names = (): readonly string[] => world.done.map(({ name }) => name);

  it("tries everything at once, keeps the copy fresh, and is back shortly before", async () => {
    const one = waiting(1000);
    await keepAppointment(one, PACE);
    const early = one.at - Date.now();
    assert.ok(early > 50 && early < 300, `${early} ms before`);
    assert.deepEqual(names().slice(0, 2), ["trial", "refresh"]);
    assert.ok(names().filter((name) => name === "refresh").length >= 4, names().join());
    assert.equal(world.left, names().length - 1, "source and volumes are left alone after each pass");
    assert.ok(world.titles.some((title) => /^wait for the window at \d{4}-.*; next pass at \d\d:\d\d$/.test(title)));
  });

  it("says at once what would fail", async () => {
    const blocked = step("trial", 0, () => new RehomeError("downtime-too-long", "too long"));
    await assert.rejects(keepAppointment(waiting(60_000, { trial: blocked }), PACE), { code: "downtime-too-long" });
    assert.deepEqual(names(), ["trial"]);
  });

  it("tries again when the source cannot be reached meanwhile, and ends with what is worse", async () => {
    let count = 0;
    const cut = step("refresh", 0, () => {
      count += 1;
      return count === 2 ? new RehomeError("connection-lost", "the connection broke") : undefined;
    });
    await keepAppointment(waiting(700, { refresh: cut }), PACE);
    assert.ok(count > 2);
    assert.match(world.notes.map(({ text }) => text).join(), /tried again later: the connection broke/);
    count = 0;
    const full = step("refresh", 0, () => {
      count += 1;
      return count === 2 ? new RehomeError("target-full", "full") : undefined;
    });
    await assert.rejects(keepAppointment(waiting(700, { refresh: full }), PACE), { code: "target-full" });
  });

  it("ends when it is told to, with nothing under way", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new RehomeError("cancelled", "stopped by SIGINT")), 150);
    const before = performance.now();
    await assert.rejects(keepAppointment(waiting(60_000, { signal: stop.signal }), PACE), { code: "cancelled" });
    assert.ok(performance.now() - before < 1000);
    assert.ok(world.left > 0);
  });

  it("goes on at once when there is no time left", async () => {
    await keepAppointment(waiting(20), PACE);
    assert.deepEqual(names(), ["trial", "refresh"]);
    await assert.rejects(keepAppointment(waiting(-3_600_000), PACE), { code: "window-missed" });
  });

  it("brings the source to rest at the time, after a last look at it that is no older", async () => {
    const { report, signal } = waiting(0);
    const at = Date.now() + 150;
    const done: (readonly [string, boolean])[] = [];
    const noted = (what: string): Promise<void> => Promise.resolve(void done.push([what, Date.now() >= at]));
    const steps: readonly Step<object>[] = ["warm-pass", "quiesce", "final-pass"].map((name) => ({
      name,
      title: name,
      describe: () => [],
      ready: () => noted(`look at ${name}`),
      run: () => noted(name).then(() => ({ detail: "" })),
    }));
    const run = (time: number): Promise<void> =>
      runSteps(steps, {}, NO_STORE, report, { opening: atOpening(time, { report, signal }) });
    await run(at);
    const before = ["look at warm-pass", "warm-pass"];
    const after = ["look at quiesce", "quiesce", "look at final-pass", "final-pass"];
    assert.deepEqual(done, [...before.map((what) => [what, false]), ...after.map((what) => [what, true])]);
    done.length = 0;
    await assert.rejects(run(Date.now() - 3_600_000), { code: "window-missed" });
    assert.deepEqual(
      done,
      before.map((what) => [what, true]),
    );
  });

  it("waits for nothing when its time passed while others had their turn: what comes before its window may take long", () => {
    const at = Date.now() + 60_000;
    assert.equal(timeOfTurn(at), at);
    assert.equal(timeOfTurn(Date.now() - 1), undefined);
    assert.equal(timeOfTurn(undefined), undefined);
  });

  it("opens the window at the time, never before, and not when it was missed", async () => {
    const { report, signal } = waiting(0);
    const at = Date.now() + 150;
    await awaitOpening(at, { report, signal });
    assert.ok(Date.now() >= at && Date.now() < at + 100);
    await awaitOpening(Date.now() - 60_000, { report, signal });
    await assert.rejects(awaitOpening(Date.now() - 3_600_000, { report, signal }), { code: "window-missed" });
  });
});
