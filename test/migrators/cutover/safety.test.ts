import assert from "node:assert/strict";
import { silentReport } from "../../../src/lib/report.js";
import {
  commit,
  cutOver,
  describeCutover,
  refuseToKeepChanges,
  rollBack,
} from "../../../src/migrators/cutover/index.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { stateOf, type StepRecord } from "../../../src/migrators/guest-store.js";
import { overviewOf } from "../../../src/migrators/status.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { AT_REST, BOOT, done, interrupted, OPTIONS, OTHER_BOOT, step, unreachable } from "./interrupted.js";

describe("never two running copies, never a source left down unsaid", function () {
  this.timeout(120_000);
  const { session, began, contextOf, listening, silence } = interrupted();

  it("a cutover does not go on once going back began: the source may be starting", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    const all = done("preflight", "warm-pass", "quiesce", "final-pass", "verify", "convert", "source-off");
    await began(one, ...all, step("source-off", "undo-started"), step("source-off", "undo-failed"));
    await assert.rejects(cutOver({ session: one, options: OPTIONS, report: silentReport }), {
      code: "wrong-state",
      message: /the source may be running/,
    });
  });

  it("a guest that is half-way back is not committed: its source is the one that counts", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "source-off", "start"));
    await one.store.append({ type: "state", at: 0, state: "cut-over" });
    await one.store.append(step("start", "undone"));
    await assert.rejects(commit(one), { code: "wrong-state", remedy: /rehome rollback web1/ });
  });

  it("what is said to be done already is not done again, and what is done again is not said to be", async () => {
    const one = await session(1, () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "warm-pass"));
    const saidDone = async (): Promise<number> => {
      const steps = await describeCutover({ session: one, options: OPTIONS, report: silentReport });
      return steps.filter(({ actions }) => actions.includes("done already")).length;
    };
    assert.equal(await saidDone(), 0);
    for (const record of done("quiesce")) await one.store.append(record);
    assert.equal(await saidDone(), 3);
  });

  it("a source at rest that cannot be reached is not called back", async () => {
    const one = await session(1, () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce", "final-pass", "verify"));
    await assert.rejects(quiesceStep.undo?.(contextOf(one)) ?? Promise.resolve(), { code: "source-not-back" });
    await assert.rejects(rollBack({ session: one, options: OPTIONS, report: silentReport }), {
      code: "source-not-back",
    });
    assert.equal(stateOf(await one.store.records()), "cutting-over");
    assert.ok(!(await one.store.records()).some((record) => record.type === "step" && record.event === "undone"));
  });

  it("a failure with the source off and no way to switch it on undoes nothing", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce", "final-pass", "verify"), step("source-off", "started"));
    await assert.rejects(cutOver({ session: one, options: OPTIONS, report: silentReport }), {
      remedy: /nothing was undone: run rehome cutover web1 to go on, or rehome rollback web1/,
    });
    assert.ok(!(await one.store.records()).some((record) => record.type === "step" && record.event === "undone"));
  });

  it("a cutover that went on too late goes back: what it allowed, and when downtime began, stand in its journal", async () => {
    let bootId = BOOT;
    const source = new FakeHost("phys")
      .on(["cat", "/proc/sys/kernel/random/boot_id"], () => `${bootId}\n`)
      .on(["cat", "/proc/mounts"], AT_REST)
      .on(/sysrq-trigger/, () => {
        bootId = OTHER_BOOT;
        return "going\n";
      });
    const one = await session(await listening(), () => source);
    const [started, ...rest] = done("quiesce");
    await began(
      one,
      { type: "budget", at: 0, maxDowntimeMs: 60_000 },
      ...done("preflight", "warm-pass"),
      { ...(started as StepRecord), at: Date.now() - 130_000 },
      ...rest,
    );
    await assert.rejects(cutOver({ session: one, options: OPTIONS, report: silentReport }), {
      code: "downtime-exceeded",
      exitCode: 10,
    });
    const records = await one.store.records();
    assert.equal(stateOf(records), "staged");
    assert.ok(records.some((record) => record.type === "budget" && record.exceeded));
    assert.ok(!records.some((record) => record.type === "step" && record.step === "final-pass"));
    assert.equal(bootId, OTHER_BOOT);
    assert.match(overviewOf("web1", "phys", records).because, /longer than --max-downtime/);
  });

  it("a cutover that is to wait tries at once what could fail, and leaves the guest staged", async () => {
    const one = await session(1, () => {
      throw unreachable();
    });
    await began(one, ...done("preflight"), step("preflight", "undone"), { type: "state", at: 0, state: "staged" });
    const before = (await one.store.records()).length;
    const at = Date.now() + 3_600_000;
    await assert.rejects(cutOver({ session: one, options: OPTIONS, report: silentReport, at }), {
      code: "host-unreachable",
    });
    assert.equal((await one.store.records()).length, before);
    await (await one.store.lock("free again")).release();
  });

  it("a source that is at rest already waits for no time", async () => {
    const one = await session(1, () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce"));
    const at = Date.now() + 3_600_000;
    await assert.rejects(cutOver({ session: one, options: OPTIONS, report: silentReport, at }), {
      code: "wrong-state",
      remedy: /without --at/,
    });
  });

  it("what the guest wrote is not taken back: that is refused with the reason, and nothing is touched", async () => {
    const one = await session(1, () => {
      throw unreachable();
    });
    await assert.rejects(refuseToKeepChanges(one), { code: "not-staged" });
    const all = done("preflight", "quiesce", "final-pass", "verify", "source-off", "register", "start", "answers");
    await began(one, ...all);
    const before = (await one.store.records()).length;
    await assert.rejects(refuseToKeepChanges(one), { code: "changes-stay", message: /the guest has run since \d{4}-/ });
    assert.equal((await one.store.records()).length, before);
  });

  it("a rollback says when the source must be switched on by hand", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce", "final-pass", "verify", "source-off"));
    const result = await rollBack({ session: one, options: OPTIONS, report: silentReport });
    assert.equal(result.sourceAnswers, false);
    assert.equal(stateOf(await one.store.records()), "staged");
  });
});
