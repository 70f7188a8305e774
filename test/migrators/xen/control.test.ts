import assert from "node:assert/strict";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { currentSteps, runSteps } from "../../../src/migrators/cutover/sequence.js";
import { finalPassStep } from "../../../src/migrators/cutover/steps/copy.js";
import { preflightStep } from "../../../src/migrators/cutover/steps/preflight.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { sourceOffStep } from "../../../src/migrators/cutover/steps/source-off.js";
import { startStep } from "../../../src/migrators/cutover/steps/start.js";
import { xenControl } from "../../../src/migrators/xen/control/index.js";
import { XenCutover } from "./xen-cutover.js";

describe("a Xen domain in a cutover", () => {
  let xen: XenCutover;
  beforeEach(async () => {
    xen = await XenCutover.begin();
  });
  afterEach(() => xen.end());

  it("is shut down and no longer starts with its host, is proven off, and comes back with its start", async () => {
    await xen.atRest();
    assert.deepEqual([xen.dom0.running, xen.dom0.auto], [undefined, false]);
    assert.equal(xen.dom0.commands.filter((line) => line.startsWith("xl destroy")).length, 0);
    await xenControl.requireAtRest(xen.context());
    await xen.carryOut(sourceOffStep);
    await xenControl.requireOff(xen.context());
    assert.equal(await xenControl.answers(xen.context()), false);
    assert.match((await quiesceStep.undo?.(xen.context())) ?? "", /started/);
    assert.deepEqual([xen.dom0.running, xen.dom0.auto], [8, true]);
    assert.equal(await xenControl.answers(xen.context()), true);
    // as after a crash in the middle of it
    const notes: string[] = [];
    const report = { ...silentReport, note: ({ text }: Note) => void notes.push(text) };
    assert.match((await quiesceStep.undo?.({ ...xen.context(), report })) ?? "", /runs/);
    assert.deepEqual(notes, [], "it was off, and whoever runs now was not told anything");
    assert.equal(xen.dom0.running, 8);
  });

  it("is shut down although its host takes a moment to take a halted domain down", async () => {
    xen.dom0.lingers = 2;
    await xen.atRest();
    assert.equal(xen.dom0.lingers, 0);
    await xenControl.requireAtRest(xen.context());
  });

  it("gets no window while something else starts it with its host", async () => {
    xen.dom0.starter = "libvirt\n";
    await assert.rejects(xenControl.check(xen.context()), {
      code: "source-unsupported",
      message: "libvirt starts the domain web1 with its host",
      remedy: /virsh -c xen:\/\/\/ autostart --disable web1/,
    });
  });

  it("gets no window when it has a disk that it had not when it was staged", async () => {
    xen.staged = [{ name: "xvda1", path: "/dev/xenvg/web1-old" }];
    await assert.rejects(xenControl.check(xen.context()), {
      code: "source-changed",
      message: "it has what it had not when it was staged: disk xvda1 (/dev/xenvg/web1-root)",
      remedy: /run rehome stage web1/,
    });
    assert.equal(xen.dom0.running, 7);
  });

  it("gets no window while another domain has a disk of it, unless that stays behind", async () => {
    xen.dom0.shares = true;
    await assert.rejects(xenControl.check(xen.context()), {
      code: "source-unsupported",
      message: "another domain has disks of web1 open: /dev/xenvg/web1-root",
      remedy: /excludeDisks/,
    });
    await xen.open("", ", excludeDisks: [xvda1]");
    await xen.atRest();
    assert.equal(xen.dom0.running, undefined);
  });

  it("gets no window while nobody can tell what its host starts", async () => {
    xen.dom0.settings = "XENDOMAINS_AUTO=/etc/xen/$(hostname)\n";
    await assert.rejects(xenControl.check(xen.context()), {
      code: "source-unsupported",
      where: { machine: "dom0", path: "/etc/default/xendomains", line: 1 },
    });
  });

  it("no longer starts from the folder that its host's settings name, and does again when it comes back", async () => {
    xen.dom0.settings = "XENDOMAINS_AUTO=/srv/xen/auto\n";
    await xen.atRest();
    xen.dom0.settings = "XENDOMAINS_AUTO=/etc/xen/auto\n"; // by somebody who knows nothing of it
    await quiesceStep.undo?.(xen.context());
    const moved = xen.dom0.host.calls.filter(({ argv }) => ["put-aside", "put-back"].includes(argv[4] ?? ""));
    assert.deepEqual(
      moved.map(({ argv }) => [argv[4], ...argv.slice(7)]),
      [
        ["put-aside", "/srv/xen/auto"],
        ["put-back", "/srv/xen/auto", "/etc/xen/auto"],
      ],
    );
  });

  it("is given its time to shut down also when the clock is set", async () => {
    xen.dom0.lingers = 2;
    await xen.preflight();
    const now = Date.now;
    try {
      let leap = 0;
      Date.now = () => now() + (leap += 3_600_000);
      await xen.carryOut(quiesceStep);
    } finally {
      Date.now = now;
    }
    await xenControl.requireAtRest(xen.context());
  });

  it("is not ended when it does not shut down in time, unless rehome.yaml says so", async () => {
    xen.dom0.shutsDown = false;
    await xen.open(", shutdownTimeout: 1s");
    await xen.preflight();
    await assert.rejects(xen.carryOut(quiesceStep), { code: "source-busy" });
    assert.equal(xen.dom0.running, 7);
    const notes: string[] = [];
    const report = { ...silentReport, note: ({ text }: Note) => void notes.push(text) };
    assert.match((await quiesceStep.undo?.({ ...xen.context(), report })) ?? "", /runs/);
    assert.match(notes.join(), /may still do so: if it does, start it there with xl create \/etc\/xen\/web1.cfg/);
    await xen.open(", destroy: true, shutdownTimeout: 1s");
    await xen.carryOut(quiesceStep);
    assert.equal(xen.dom0.running, undefined);
  });

  it("says both when it does not shut down and its link cannot be moved, and is put back in order", async () => {
    xen.dom0.shutsDown = false;
    xen.dom0.movesLinks = false;
    await xen.open(", shutdownTimeout: 1s");
    await xen.preflight();
    await assert.rejects(xen.carryOut(quiesceStep), { code: "source-busy", output: /and: .*read-only/s });
    xen.dom0.shutsDown = true;
    await assert.rejects(xen.carryOut(quiesceStep), { code: "command-failed", output: /read-only/ });
    xen.dom0.movesLinks = true;
    assert.match((await quiesceStep.undo?.(xen.context())) ?? "", /started/);
    assert.deepEqual([xen.dom0.running, xen.dom0.auto], [8, true]);
  });

  it("has its host run five programs between the beginning of downtime and the start, by no new login", async () => {
    const same = xen.context();
    const counted: Record<string, number> = {};
    let before = 0;
    const steps = [
      { ...preflightStep, run: async () => ({ detail: "", facts: { bootId: await xenControl.check(same) } }) },
      quiesceStep,
      finalPassStep,
      sourceOffStep,
      { ...startStep, run: () => Promise.resolve({ detail: "" }) },
    ];
    const beginning = (step: string): Promise<void> => {
      if (step === "quiesce") before = xen.dom0.commands.length;
      counted[step] = xen.dom0.commands.length - before;
      return Promise.resolve();
    };
    await runSteps(steps, same, xen.session.store, silentReport, { beginning });
    assert.deepEqual(counted, { preflight: 0, quiesce: 0, "final-pass": 2, "source-off": 3, start: 5 });
    assert.equal(xen.logins, 1);
  });

  it("may have been shut down right before rehome died: the step is done again", async () => {
    await xen.preflight();
    await xen.session.store.append({ type: "step", at: 0, step: "quiesce", event: "started" });
    xen.dom0.running = undefined;
    await xen.carryOut(quiesceStep);
    await xenControl.requireAtRest(xen.context());
    assert.equal(currentSteps(await xen.session.store.records()).at(-1)?.event, "done");
  });

  it("cannot be moved without a file that it could be started from again", async () => {
    xen.dom0.hasFile = false;
    await assert.rejects(xenControl.check(xen.context()), { code: "source-unsupported" });
  });
});
