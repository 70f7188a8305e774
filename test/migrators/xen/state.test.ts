import assert from "node:assert/strict";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport } from "../../../src/lib/report.js";
import { currentSteps, runSteps, statusOf } from "../../../src/migrators/cutover/sequence.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { sourceOffStep } from "../../../src/migrators/cutover/steps/source-off.js";
import { xenControl } from "../../../src/migrators/xen/control/index.js";
import { XenCutover } from "./xen-cutover.js";

describe("what is believed of a Xen domain in a cutover", () => {
  let xen: XenCutover;
  beforeEach(async () => {
    xen = await XenCutover.begin();
  });
  afterEach(() => xen.end());

  it("is asked what it is once in a downtime, and each time whether it is off and untouched", async () => {
    await xen.preflight();
    const same = xen.context();
    const { facts } = await quiesceStep.run(same);
    await xen.session.store.append({ type: "step", at: 0, step: "quiesce", event: "done", ...(facts && { facts }) });
    const looks = (): number => xen.dom0.commands.filter((line) => line === "xl list -l").length;
    const before = looks();
    await xenControl.requireAtRest(same);
    await sourceOffStep.run(same);
    await xenControl.requireOff(same);
    assert.equal(looks(), before);
    xen.dom0.writes += 1;
    await assert.rejects(xenControl.requireOff(same), { code: "cutover-stale" });
    xen.dom0.running = 8;
    await assert.rejects(xenControl.requireOff(same), { code: "source-alive" });
    xen.reachable = false;
    await same.source.drop();
    await assert.rejects(xenControl.requireAtRest(same), { code: "host-unreachable" });
  });

  it("is not taken for off while it runs, or when nobody can tell", async () => {
    await xen.atRest();
    xen.dom0.running = 8;
    await assert.rejects(xenControl.requireAtRest(xen.context()), { code: "source-alive" });
    xen.dom0.running = undefined;
    xen.dom0.answersStore = false;
    await assert.rejects(xenControl.requireAtRest(xen.context()), { code: "command-failed" });
    xen.dom0.answersStore = true;
    xen.dom0.answersList = false;
    await assert.rejects(xenControl.requireAtRest(xen.context()));
    xen.dom0.answersList = true;
    assert.equal(await quiesceStep.holds?.(xen.context()), true);
  });

  it("is stale when it was started and shut down again meanwhile, and when its host was restarted", async () => {
    await xen.atRest();
    xen.dom0.writes += 1;
    await assert.rejects(xenControl.requireAtRest(xen.context()), { code: "cutover-stale" });
    assert.equal(await quiesceStep.holds?.(xen.context()), false);
    xen.dom0.writes -= 1;
    await xenControl.requireAtRest(xen.context());
    xen.dom0.bootId = "22222222-2222-2222-2222-222222222222";
    await assert.rejects(xenControl.requireOff(xen.context()), { code: "cutover-stale" });
  });

  it("is stale when it was restarted after the preflight, and is left running", async () => {
    await xen.preflight();
    xen.dom0.running = 9;
    await assert.rejects(runSteps([quiesceStep], xen.context(), xen.session.store, silentReport), {
      code: "cutover-stale",
    });
    assert.equal(statusOf(currentSteps(await xen.session.store.records()), "quiesce"), "pending");
    assert.deepEqual([xen.dom0.running, xen.dom0.auto], [9, true]);
  });

  it("is not shut down when it was restarted between the look at it and the window", async () => {
    await xen.preflight();
    const same = xen.context();
    const beginning = (): Promise<void> => Promise.resolve(void (xen.dom0.running = 9));
    await assert.rejects(runSteps([quiesceStep], same, xen.session.store, silentReport, { beginning }), {
      code: "cutover-stale",
    });
    assert.equal(xen.dom0.running, 9);
    assert.ok(!xen.dom0.commands.some((line) => line.startsWith("xl destroy")));
  });

  it("is not called off when it was started between the look at it and the window", async () => {
    await xen.preflight();
    xen.dom0.running = undefined;
    const beginning = (): Promise<void> => Promise.resolve(void (xen.dom0.running = 8));
    const began = runSteps([quiesceStep], xen.context(), xen.session.store, silentReport, { beginning });
    await assert.rejects(began, { code: "source-alive" });
    assert.equal(xen.dom0.running, 8);
  });

  it("is looked at anew when the connection broke while the window was waited for", async () => {
    await xen.preflight();
    const same = xen.context();
    await same.source.host();
    const before = xen.logins;
    await runSteps([quiesceStep], same, xen.session.store, silentReport, {
      beginning: () => Promise.resolve().then(() => xen.cut()),
    });
    assert.equal(xen.logins, before + 1);
    assert.equal(xen.dom0.running, undefined);
    // the host may have been restarted meanwhile, and the same id may be another domain's
    await quiesceStep.undo?.(same);
    await xen.session.store.append({ type: "state", at: 0, state: "cutting-over" });
    await xen.preflight();
    const restart = (): Promise<void> => {
      xen.cut();
      xen.dom0.bootId = "22222222-2222-2222-2222-222222222222";
      return Promise.resolve();
    };
    const began = runSteps([quiesceStep], xen.context(), xen.session.store, silentReport, { beginning: restart });
    await assert.rejects(began, { code: "cutover-stale" });
    assert.equal(xen.dom0.running, 8);
  });

  it("is not believed to be off when its host cannot be reached, unless the administrator says so", async () => {
    await xen.atRest();
    xen.reachable = false;
    await assert.rejects(xenControl.requireOff(xen.context()), { code: "source-alive" });
    await xenControl.requireOff(xen.context(true));
    await assert.rejects(xenControl.requireWayBack(xen.context()), { code: "source-not-back" });
    await assert.rejects(quiesceStep.undo?.(xen.context()) ?? Promise.resolve(), { code: "source-not-back" });
    xen.reachable = true;
    xen.dom0.running = 8; // the word does not stand against the host's
    await assert.rejects(xenControl.requireOff(xen.context(true)), { code: "source-alive" });
  });

  it("cannot be called back by itself while its host, or a stranger at its address, lets nobody in", async () => {
    await xen.atRest();
    const steps = currentSteps(await xen.session.store.records());
    assert.equal(await xenControl.canReturn(xen.context(), steps), true);
    xen.reachable = false;
    const now = performance.now.bind(performance);
    try {
      let leap = 0;
      performance.now = () => now() + (leap += 3_600_000);
      assert.equal(await xenControl.canReturn(xen.context(), steps), false);
      xen.refusal = new RehomeError("host-key-changed", "it is another machine");
      assert.equal(await xenControl.canReturn(xen.context(), steps), false);
    } finally {
      performance.now = now;
    }
  });
});
