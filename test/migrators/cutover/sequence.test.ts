import assert from "node:assert/strict";
import fc from "fast-check";
import { silentReport } from "../../../src/lib/report.js";
import { currentSteps, runSteps, statusOf, undoSteps, type Step } from "../../../src/migrators/cutover/sequence.js";
import type { GuestRecord } from "../../../src/migrators/guest-store.js";

/** What the steps changed, and how often it was done; survives "crashes" of the run. */
interface World {
  readonly applied: Set<string>;
  readonly runs: string[];
  sourceRestarted: boolean;
}

class Crash extends Error {}

/** A store in memory that can die before or after any record, as a machine does. */
function memoryStore(records: GuestRecord[]): {
  dieAt: number;
  records(): Promise<readonly GuestRecord[]>;
  append(record: GuestRecord): Promise<void>;
} {
  let appends = 0;
  return {
    dieAt: Infinity,
    records: () => Promise.resolve([...records]),
    append(record) {
      appends += 1;
      if (appends > this.dieAt) return Promise.reject(new Crash());
      records.push(record);
      return Promise.resolve();
    },
  };
}

const NAMES = ["check", "rest", "copy", "off", "start"] as const;

function steps(failing?: string): readonly Step<World>[] {
  return NAMES.map((name, index) => ({
    name,
    title: name,
    ...(index === 0 && { fleeting: true as const }),
    describe: () => [name],
    holds: (world) => Promise.resolve(name !== "rest" || !world.sourceRestarted),
    run(world) {
      if (name === failing) return Promise.reject(new Error(`${name} failed`));
      world.runs.push(name);
      if (index > 0) world.applied.add(name);
      return Promise.resolve({ detail: "" });
    },
    undo(world) {
      world.applied.delete(name);
      return Promise.resolve("");
    },
  }));
}

function newWorld(): World {
  return { applied: new Set(), runs: [], sourceRestarted: false };
}

function begun(): GuestRecord[] {
  return [{ type: "state", at: 0, state: "cutting-over" }];
}

describe("the sequence of cutover steps", () => {
  it("runs every step once and journals its start and end", async () => {
    const records = begun();
    const world = newWorld();
    await runSteps(steps(), world, memoryStore(records), silentReport);
    assert.deepEqual(world.runs, [...NAMES]);
    const events = currentSteps(records).map((record) => `${record.step} ${record.event}`);
    assert.deepEqual(
      events,
      NAMES.flatMap((name) => [`${name} started`, `${name} done`]),
    );
  });

  it("goes on after a crash at any record, and undoes after a crash at any record", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(11), fc.nat(12), fc.boolean(), async (firstDeath, secondDeath, goOn) => {
        const records = begun();
        const world = newWorld();
        const dying = memoryStore(records);
        dying.dieAt = firstDeath;
        await runSteps(steps(), world, dying, silentReport).catch((error: unknown) => {
          assert.ok(error instanceof Crash);
        });
        if (goOn) {
          await runSteps(steps(), world, memoryStore(records), silentReport);
          assert.deepEqual([...world.applied], NAMES.slice(1));
        }
        const dyingUndo = memoryStore(records);
        dyingUndo.dieAt = secondDeath;
        await undoSteps(steps(), world, dyingUndo, silentReport).catch((error: unknown) => {
          assert.ok(error instanceof Crash);
        });
        await undoSteps(steps(), world, memoryStore(records), silentReport);
        assert.deepEqual([...world.applied], []);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("repeats what leaves nothing behind only as long as nothing else began", async () => {
    const records = begun();
    const early = memoryStore(records);
    early.dieAt = 2; // check started, check done
    await runSteps(steps(), newWorld(), early, silentReport).catch(() => undefined);
    const world = newWorld();
    const late = memoryStore(records);
    late.dieAt = 4; // check again, rest started, rest done
    await runSteps(steps(), world, late, silentReport).catch(() => undefined);
    assert.deepEqual(world.runs, ["check", "rest"]);
    const last = newWorld();
    await runSteps(steps(), last, memoryStore(records), silentReport);
    assert.deepEqual(last.runs, ["copy", "off", "start"]);
  });

  it("refuses to go on when the source was restarted meanwhile", async () => {
    const records = begun();
    const dying = memoryStore(records);
    dying.dieAt = 5;
    await runSteps(steps(), newWorld(), dying, silentReport).catch(() => undefined);
    const world = { ...newWorld(), sourceRestarted: true };
    await assert.rejects(runSteps(steps(), world, memoryStore(records), silentReport), { code: "cutover-stale" });
    assert.deepEqual(world.runs, []);
  });

  it("journals a failure with its message", async () => {
    const records = begun();
    await assert.rejects(runSteps(steps("copy"), newWorld(), memoryStore(records), silentReport), /copy failed/);
    assert.equal(statusOf(currentSteps(records), "copy"), "failed");
    assert.equal(statusOf(currentSteps(records), "off"), "pending");
    assert.equal(currentSteps(records).at(-1)?.detail, "copy failed");
  });
});
