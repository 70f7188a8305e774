import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import type { Host } from "../../../src/lib/host/types.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { currentSteps, runSteps, statusOf } from "../../../src/migrators/cutover/sequence.js";
import { sourceLink } from "../../../src/migrators/cutover/source-link.js";
import { finalPassStep } from "../../../src/migrators/cutover/steps/copy.js";
import { preflightStep } from "../../../src/migrators/cutover/steps/preflight.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { sourceOffStep } from "../../../src/migrators/cutover/steps/source-off.js";
import { startStep } from "../../../src/migrators/cutover/steps/start.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import type { GuestRecord, StepRecord } from "../../../src/migrators/guest-store.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import type { Disk, GuestPlan, Machine } from "../../../src/migrators/types.js";
import { xenControl } from "../../../src/migrators/xen/control/index.js";
import { FakeDom0 } from "./fake-dom0.js";

describe("a Xen domain in a cutover", () => {
  let folder: string;
  let dom0: FakeDom0;
  let session: GuestSession;
  let reachable: boolean;
  /** Why nobody gets in. */
  let refusal: RehomeError;
  let logins: number;
  /** The domain's disks as they were when it was staged. */
  let staged: readonly Pick<Disk, "name" | "path">[];

  beforeEach(async () => {
    staged = [{ name: "xvda1", path: "/dev/xenvg/web1-root" }];
    folder = await mkdtemp(join(tmpdir(), "rehome-xen-"));
    dom0 = new FakeDom0();
    reachable = true;
    refusal = new RehomeError("host-unreachable", "no connection to the machine");
    logins = 0;
    await open("");
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function open(more: string): Promise<void> {
    const configPath = join(folder, "rehome.yaml");
    await writeFile(
      configPath,
      `version: 1
sources: { web1: { kind: xen, address: root@192.0.2.20, domain: web1${more} } }
target: { state: ${folder}/state }
guests: { web1: { source: web1 } }
`,
    );
    session = await openGuest({
      configPath,
      guest: "web1",
      connect: () => {
        if (!reachable) return Promise.reject(refusal);
        logins += 1;
        return Promise.resolve(connection());
      },
    });
    if ((await session.store.records()).length > 0) return;
    await session.store.append({ type: "state", at: 0, state: "cutting-over" });
  }

  /** Breaks the connections that there are. */
  let cut: () => void;
  let cuts = 0;

  function connection(): Host {
    const before = cuts;
    cut = () => void (cuts += 1);
    const { host } = dom0;
    return {
      name: host.name,
      run: (argv, options) =>
        cuts === before ? host.run(argv, options) : Promise.reject(new RehomeError("connection-lost", "it broke")),
      start: (argv, options) => host.start(argv, options),
      readFile: (path) => host.readFile(path),
      writeFile: (path, data, mode) => host.writeFile(path, data, mode),
      close: () => host.close(),
    };
  }

  function context(sourceIsOff = false): CutoverContext {
    const nics = [{ name: "eth0", mac: "00:16:3e:1a:00:15", addresses: ["192.0.2.21/24"], up: true, physical: true }];
    return {
      session,
      plan: { name: "web1" } as GuestPlan,
      machine: { disks: staged, network: { nics, routes: [], nameservers: [] } } as unknown as Machine,
      source: sourceLink(() => session.connect()),
      volumes: { use: () => Promise.resolve({ passes: [] }) }, // nothing is copied here
      home: { status: () => Promise.resolve({ state: "stopped" }) },
      options: { verify: "sent", sourceIsOff },
      report: silentReport,
      signal: undefined,
    } as unknown as CutoverContext;
  }

  /** Runs a step as the cutover does: journalled before and after. */
  async function carryOut(step: typeof quiesceStep): Promise<void> {
    const record = (event: StepRecord["event"], facts?: StepRecord["facts"]): GuestRecord => ({
      type: "step",
      at: 0,
      step: step.name,
      event,
      ...(facts && { facts }),
    });
    await session.store.append(record("started"));
    const { facts } = await step.run(context());
    await session.store.append(record("done", facts));
  }

  async function preflight(): Promise<void> {
    const bootId = await xenControl.check(context());
    await session.store.append({ type: "step", at: 0, step: "preflight", event: "done", facts: { bootId } });
  }

  async function atRest(): Promise<void> {
    await preflight();
    await carryOut(quiesceStep);
  }

  it("is shut down and no longer starts with its host, is proven off, and comes back with its start", async () => {
    await atRest();
    assert.deepEqual([dom0.running, dom0.auto], [undefined, false]);
    assert.equal(dom0.commands.filter((line) => line.startsWith("xl destroy")).length, 0);
    await xenControl.requireAtRest(context());
    await carryOut(sourceOffStep);
    await xenControl.requireOff(context());
    assert.equal(await xenControl.answers(context()), false);
    assert.match((await quiesceStep.undo?.(context())) ?? "", /started/);
    assert.deepEqual([dom0.running, dom0.auto], [8, true]);
    assert.equal(await xenControl.answers(context()), true);
    // as after a crash in the middle of it
    const notes: string[] = [];
    const report = { ...silentReport, note: ({ text }: Note) => void notes.push(text) };
    assert.match((await quiesceStep.undo?.({ ...context(), report })) ?? "", /runs/);
    assert.deepEqual(notes, [], "it was off, and whoever runs now was not told anything");
    assert.equal(dom0.running, 8);
  });

  it("is shut down although its host takes a moment to take a halted domain down", async () => {
    dom0.lingers = 2;
    await atRest();
    assert.equal(dom0.lingers, 0);
    await xenControl.requireAtRest(context());
  });

  it("gets no window while something else starts it with its host", async () => {
    dom0.starter = "libvirt\n";
    await assert.rejects(xenControl.check(context()), {
      code: "source-unsupported",
      message: "libvirt starts the domain web1 with its host",
      remedy: /virsh -c xen:\/\/\/ autostart --disable web1/,
    });
  });

  it("gets no window when it has a disk that it had not when it was staged", async () => {
    staged = [{ name: "xvda1", path: "/dev/xenvg/web1-old" }];
    await assert.rejects(xenControl.check(context()), {
      code: "source-changed",
      message: "it has what it had not when it was staged: disk xvda1 (/dev/xenvg/web1-root)",
      remedy: /run rehome stage web1/,
    });
    assert.equal(dom0.running, 7);
  });

  it("gets no window while nobody can tell what its host starts", async () => {
    dom0.settings = "XENDOMAINS_AUTO=/etc/xen/$(hostname)\n";
    await assert.rejects(xenControl.check(context()), {
      code: "source-unsupported",
      where: { machine: "dom0", path: "/etc/default/xendomains", line: 1 },
    });
  });

  it("no longer starts from the folder that its host's settings name, and does again when it comes back", async () => {
    dom0.settings = "XENDOMAINS_AUTO=/srv/xen/auto\n";
    await atRest();
    await quiesceStep.undo?.(context());
    const moved = dom0.host.calls.filter(({ argv }) => ["put-aside", "put-back"].includes(argv[4] ?? ""));
    assert.deepEqual(
      moved.map(({ argv }) => [argv[4], argv.at(-1)]),
      [
        ["put-aside", "/srv/xen/auto"],
        ["put-back", "/srv/xen/auto"],
      ],
    );
  });

  it("is given its time to shut down also when the clock is set", async () => {
    dom0.lingers = 2;
    await preflight();
    const now = Date.now;
    try {
      let leap = 0;
      Date.now = () => now() + (leap += 3_600_000);
      await carryOut(quiesceStep);
    } finally {
      Date.now = now;
    }
    await xenControl.requireAtRest(context());
  });

  it("is not ended when it does not shut down in time, unless rehome.yaml says so", async () => {
    dom0.shutsDown = false;
    await open(", shutdownTimeout: 1s");
    await preflight();
    await assert.rejects(carryOut(quiesceStep), { code: "source-busy" });
    assert.equal(dom0.running, 7);
    const notes: string[] = [];
    const report = { ...silentReport, note: ({ text }: Note) => void notes.push(text) };
    assert.match((await quiesceStep.undo?.({ ...context(), report })) ?? "", /runs/);
    assert.match(notes.join(), /may still do so: if it does, start it there with xl create \/etc\/xen\/web1.cfg/);
    await open(", destroy: true, shutdownTimeout: 1s");
    await carryOut(quiesceStep);
    assert.equal(dom0.running, undefined);
  });

  it("is asked what it is once in a downtime, and each time whether it is off and untouched", async () => {
    await preflight();
    const same = context();
    const { facts } = await quiesceStep.run(same);
    await session.store.append({ type: "step", at: 0, step: "quiesce", event: "done", ...(facts && { facts }) });
    const looks = (): number => dom0.commands.filter((line) => line === "xl list -l").length;
    const before = looks();
    await xenControl.requireAtRest(same);
    await sourceOffStep.run(same);
    await xenControl.requireOff(same);
    assert.equal(looks(), before);
    dom0.writes += 1;
    await assert.rejects(xenControl.requireOff(same), { code: "cutover-stale" });
    dom0.running = 8;
    await assert.rejects(xenControl.requireOff(same), { code: "source-alive" });
    reachable = false;
    await same.source.drop();
    await assert.rejects(xenControl.requireAtRest(same), { code: "host-unreachable" });
  });

  it("is not taken for off while it runs, or when nobody can tell", async () => {
    await atRest();
    dom0.running = 8;
    await assert.rejects(xenControl.requireAtRest(context()), { code: "source-alive" });
    dom0.running = undefined;
    dom0.answersStore = false;
    await assert.rejects(xenControl.requireAtRest(context()), { code: "command-failed" });
    dom0.answersStore = true;
    dom0.answersList = false;
    await assert.rejects(xenControl.requireAtRest(context()));
    dom0.answersList = true;
    assert.equal(await quiesceStep.holds?.(context()), true);
  });

  it("is stale when it was started and shut down again meanwhile, and when its host was restarted", async () => {
    await atRest();
    dom0.writes += 1;
    await assert.rejects(xenControl.requireAtRest(context()), { code: "cutover-stale" });
    assert.equal(await quiesceStep.holds?.(context()), false);
    dom0.writes -= 1;
    await xenControl.requireAtRest(context());
    dom0.bootId = "22222222-2222-2222-2222-222222222222";
    await assert.rejects(xenControl.requireOff(context()), { code: "cutover-stale" });
  });

  it("is stale when it was restarted after the preflight, and is left running", async () => {
    await preflight();
    dom0.running = 9;
    await assert.rejects(runSteps([quiesceStep], context(), session.store, silentReport), { code: "cutover-stale" });
    assert.equal(statusOf(currentSteps(await session.store.records()), "quiesce"), "pending");
    assert.deepEqual([dom0.running, dom0.auto], [9, true]);
  });

  it("is not shut down when it was restarted between the look at it and the window", async () => {
    await preflight();
    const same = context();
    const beginning = (): Promise<void> => Promise.resolve(void (dom0.running = 9));
    await assert.rejects(runSteps([quiesceStep], same, session.store, silentReport, { beginning }), {
      code: "cutover-stale",
    });
    assert.equal(dom0.running, 9);
    assert.ok(!dom0.commands.some((line) => line.startsWith("xl destroy")));
  });

  it("is not called off when it was started between the look at it and the window", async () => {
    await preflight();
    dom0.running = undefined;
    const beginning = (): Promise<void> => Promise.resolve(void (dom0.running = 8));
    const began = runSteps([quiesceStep], context(), session.store, silentReport, { beginning });
    await assert.rejects(began, { code: "source-alive" });
    assert.equal(dom0.running, 8);
  });

  it("is looked at anew when the connection broke while the window was waited for", async () => {
    await preflight();
    const same = context();
    await same.source.host();
    const before = logins;
    await runSteps([quiesceStep], same, session.store, silentReport, { beginning: () => Promise.resolve().then(cut) });
    assert.equal(logins, before + 1);
    assert.equal(dom0.running, undefined);
    // the host may have been restarted meanwhile, and the same id may be another domain's
    await quiesceStep.undo?.(same);
    await session.store.append({ type: "state", at: 0, state: "cutting-over" });
    await preflight();
    const restart = (): Promise<void> => {
      cut();
      dom0.bootId = "22222222-2222-2222-2222-222222222222";
      return Promise.resolve();
    };
    const began = runSteps([quiesceStep], context(), session.store, silentReport, { beginning: restart });
    await assert.rejects(began, { code: "cutover-stale" });
    assert.equal(dom0.running, 8);
  });

  it("says both when it does not shut down and its link cannot be moved, and is put back in order", async () => {
    dom0.shutsDown = false;
    dom0.movesLinks = false;
    await open(", shutdownTimeout: 1s");
    await preflight();
    await assert.rejects(carryOut(quiesceStep), { code: "source-busy", output: /and: .*read-only/s });
    dom0.shutsDown = true;
    await assert.rejects(carryOut(quiesceStep), { code: "command-failed", output: /read-only/ });
    dom0.movesLinks = true;
    assert.match((await quiesceStep.undo?.(context())) ?? "", /started/);
    assert.deepEqual([dom0.running, dom0.auto], [8, true]);
  });

  it("has its host run five programs between the beginning of downtime and the start, by no new login", async () => {
    const same = context();
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
      if (step === "quiesce") before = dom0.commands.length;
      counted[step] = dom0.commands.length - before;
      return Promise.resolve();
    };
    await runSteps(steps, same, session.store, silentReport, { beginning });
    assert.deepEqual(counted, { preflight: 0, quiesce: 0, "final-pass": 2, "source-off": 3, start: 5 });
    assert.equal(logins, 1);
  });

  it("is not believed to be off when its host cannot be reached, unless the administrator says so", async () => {
    await atRest();
    reachable = false;
    await assert.rejects(xenControl.requireOff(context()), { code: "source-alive" });
    await xenControl.requireOff(context(true));
    await assert.rejects(xenControl.requireWayBack(context()), { code: "source-not-back" });
    await assert.rejects(quiesceStep.undo?.(context()) ?? Promise.resolve(), { code: "source-not-back" });
    reachable = true;
    dom0.running = 8; // the word does not stand against the host's
    await assert.rejects(xenControl.requireOff(context(true)), { code: "source-alive" });
  });

  it("cannot be called back by itself while its host, or a stranger at its address, lets nobody in", async () => {
    await atRest();
    const steps = currentSteps(await session.store.records());
    assert.equal(await xenControl.canReturn(context(), steps), true);
    reachable = false;
    const now = performance.now.bind(performance);
    try {
      let leap = 0;
      performance.now = () => now() + (leap += 3_600_000);
      assert.equal(await xenControl.canReturn(context(), steps), false);
      refusal = new RehomeError("host-key-changed", "it is another machine");
      assert.equal(await xenControl.canReturn(context(), steps), false);
    } finally {
      performance.now = now;
    }
  });

  it("may have been shut down right before rehome died: the step is done again", async () => {
    await preflight();
    await session.store.append({ type: "step", at: 0, step: "quiesce", event: "started" });
    dom0.running = undefined;
    await carryOut(quiesceStep);
    await xenControl.requireAtRest(context());
    assert.equal(currentSteps(await session.store.records()).at(-1)?.event, "done");
  });

  it("cannot be moved without a file that it could be started from again", async () => {
    dom0.hasFile = false;
    await assert.rejects(xenControl.check(context()), { code: "source-unsupported" });
  });
});
