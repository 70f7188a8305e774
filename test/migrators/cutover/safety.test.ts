import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { probeTcp } from "../../../src/lib/probe-tcp.js";
import { silentReport } from "../../../src/lib/report.js";
import {
  commit,
  cutOver,
  describeCutover,
  refuseToKeepChanges,
  rollBack,
  type CutoverOptions,
} from "../../../src/migrators/cutover/index.js";
import { runSteps } from "../../../src/migrators/cutover/sequence.js";
import { sourceLink } from "../../../src/migrators/cutover/source-link.js";
import { finalPassStep } from "../../../src/migrators/cutover/steps/copy.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { sourceOffStep } from "../../../src/migrators/cutover/steps/source-off.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import { volumeKeeper } from "../../../src/migrators/landing/volume-keeper.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import { stateOf, type GuestRecord, type StepRecord } from "../../../src/migrators/guest-store.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import { bootIdOf } from "../../../src/migrators/physical/quiesce.js";
import { sessionKeeper } from "../../../src/migrators/staging/index.js";
import type { GuestPlan, Machine } from "../../../src/migrators/types.js";
import { overviewOf } from "../../../src/migrators/status.js";
import { FakeHost } from "../../helpers/fake-host.js";

const BOOT = "11111111-1111-1111-1111-111111111111";
const OTHER_BOOT = "22222222-2222-2222-2222-222222222222";
const AT_REST = "/dev/sda1 / ext4 ro 0 0\n";
const WRITABLE = "/dev/sda1 / ext4 rw 0 0\n";
const OPTIONS: CutoverOptions = { verify: "sent", sourceIsOff: false };

/** A port that nobody answers: its queue of connections is full and never emptied. */
async function silentPort(): Promise<{ port: number; close(): void }> {
  const script =
    "import socket,sys;s=socket.socket();s.bind(('127.0.0.1',0));s.listen(0);print(s.getsockname()[1],flush=True);sys.stdin.read()";
  const child: ChildProcess = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [data] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const port = Number(data.toString());
  const fillers: Socket[] = [];
  for (let index = 0; index < 4; index += 1) fillers.push(connect({ port, host: "127.0.0.1" }).on("error", () => {}));
  while ((await probeTcp("127.0.0.1", port, 300)) !== "silent");
  return {
    port,
    close() {
      for (const socket of fillers) socket.destroy();
      child.kill();
    },
  };
}

function step(name: string, event: StepRecord["event"], facts?: StepRecord["facts"]): GuestRecord {
  return { type: "step", at: Date.now(), step: name, event, ...(facts && { facts }) };
}

function done(...names: readonly string[]): GuestRecord[] {
  return names.flatMap((name) => [
    step(name, "started"),
    step(name, "done", name === "preflight" ? { bootId: BOOT } : undefined),
  ]);
}

const unreachable = (): RehomeError => new RehomeError("host-unreachable", "no connection to the machine");

describe("never two running copies, never a source left down unsaid", function () {
  this.timeout(120_000);
  let folder: string;
  let closers: (() => void)[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-safety-"));
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers) close();
    await rm(folder, { recursive: true, force: true });
  });

  async function session(port: number, source: () => FakeHost, more = ""): Promise<GuestSession> {
    const configPath = join(folder, "rehome.yaml");
    const yaml = `version: 1
sources: { phys: { address: "root@127.0.0.1:${port}"${more} } }
target: { state: ${folder}/state, volumes: ${folder}/volumes }
guests: { web1: { source: phys } }
`;
    await writeFile(configPath, yaml);
    return openGuest({
      configPath,
      guest: "web1",
      target: new FakeHost("target").on(["fence"], ""),
      connect: () => new Promise((resolve) => resolve(source())),
    });
  }

  async function began(of: GuestSession, ...records: readonly GuestRecord[]): Promise<void> {
    const plan = { name: "web1", source: "phys", volumes: [], nics: [], concerns: [] } as unknown as GuestPlan;
    await of.store.append({ type: "planned", at: 0, plan, machine: { hostname: "web1" } as Machine });
    await of.store.append({ type: "state", at: 0, state: "cutting-over" });
    for (const record of records) await of.store.append(record);
  }

  function contextOf(of: GuestSession, options: Partial<CutoverOptions> = {}): CutoverContext {
    return {
      session: of,
      plan: { name: "web1" } as GuestPlan,
      machine: {} as Machine,
      source: sourceLink(() => of.connect()),
      sessions: sessionKeeper(),
      volumes: volumeKeeper(
        () => of.openVolumes({ plan: { name: "web1" } as GuestPlan, report: silentReport }),
        silentReport,
      ),
      home: {} as Home, // not asked for here
      appliance: () => Promise.reject(new Error("not asked for here")),
      ahead: { begin: () => undefined, take: () => Promise.resolve(undefined), drop: () => Promise.resolve() },
      options: { ...OPTIONS, ...options },
      report: silentReport,
      signal: undefined,
    };
  }

  function machine(bootId: string, mounts: string): FakeHost {
    return new FakeHost("phys")
      .on(["cat", "/proc/sys/kernel/random/boot_id"], `${bootId}\n`)
      .on(["cat", "/proc/mounts"], mounts)
      .on(/sysrq-trigger/, "going\n");
  }

  async function listening(): Promise<number> {
    const server: Server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  async function silence(): Promise<number> {
    const quiet = await silentPort();
    closers.push(() => quiet.close());
    return quiet.port;
  }

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

  it("that switching off began is no proof that the source was told", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce"), step("source-off", "started"), step("source-off", "started"));
    await assert.rejects(sourceOffStep.run(contextOf(one)), { code: "source-alive" });
  });

  it("that the connection broke while it was told is no proof either", async () => {
    const source = new FakeHost("phys")
      .on(["cat", "/proc/sys/kernel/random/boot_id"], `${BOOT}\n`)
      .on(["cat", "/proc/mounts"], AT_REST)
      .on(/sysrq-trigger/, () => {
        throw new RehomeError("connection-lost", "the connection broke");
      });
    const one = await session(await silence(), () => source);
    await began(one, ...done("preflight", "quiesce"));
    await assert.rejects(sourceOffStep.run(contextOf(one)), { code: "connection-lost" });
    assert.ok(!(await one.store.records()).some((record) => record.type === "step" && record.facts?.["told"]));
  });

  it("that it was told is proof, together with silence", async () => {
    const one = await session(await silence(), () => {
      throw unreachable();
    });
    await began(one, ...done("preflight", "quiesce"), step("source-off", "started", { told: BOOT }));
    await sourceOffStep.run(contextOf(one));
  });

  it("the administrator's word that the source is off does not stand against the source itself", async () => {
    const one = await session(await listening(), () => machine(BOOT, AT_REST));
    await began(one, ...done("preflight", "quiesce"));
    const { requireSilence } = await import("../../../src/migrators/physical/control/off.js");
    await assert.rejects(requireSilence(contextOf(one, { sourceIsOff: true }), 0), { code: "source-alive" });
  });

  it("the administrator's word stands against a stranger at the source's address", async () => {
    const one = await session(await listening(), () => {
      throw new RehomeError("host-key-changed", "the host key is not the known one");
    });
    await began(one, ...done("preflight", "quiesce"));
    const { requireSilence } = await import("../../../src/migrators/physical/control/off.js");
    await requireSilence(contextOf(one, { sourceIsOff: true }), 0);
    await assert.rejects(requireSilence(contextOf(one), 0), { code: "source-alive" });
  });

  it("a source that was restarted after it came to rest is not switched off, and what it wrote is not lost", async () => {
    const restarted = machine(OTHER_BOOT, AT_REST);
    const one = await session(await listening(), () => restarted);
    await began(one, ...done("preflight", "quiesce"), step("source-off", "started"));
    await assert.rejects(sourceOffStep.run(contextOf(one)), { code: "cutover-stale" });
    assert.ok(!restarted.commandLines.some((line) => line.includes("sysrq-trigger")));
  });

  it("the last pass is none when the source was restarted, or writes again", async () => {
    let source = machine(OTHER_BOOT, AT_REST);
    const one = await session(1, () => source);
    await began(one, ...done("preflight", "quiesce"));
    /** Goes on with the last pass, at whose end the source is what is given. */
    const goOn = async (end: FakeHost): Promise<number> => {
      let passes = 0;
      const use = (): Promise<unknown> => {
        passes += 1;
        source = end;
        return Promise.resolve({ passes: [] });
      };
      const link = sourceLink(() => one.connect());
      const context: CutoverContext = {
        ...contextOf(one),
        source: { ...link, host: () => one.connect(), bootId: () => one.connect().then(bootIdOf) },
        volumes: { use } as unknown as CutoverContext["volumes"],
      };
      await runSteps([quiesceStep, finalPassStep], context, one.store, silentReport).catch((thrown: unknown) => {
        throw Object.assign(thrown as Error, { passes });
      });
      return passes;
    };
    const good = machine(BOOT, AT_REST);
    await assert.rejects(goOn(good), { code: "cutover-stale", passes: 0 });
    source = machine(BOOT, WRITABLE);
    await assert.rejects(goOn(good), { code: "cutover-stale", passes: 0 });
    source = good;
    await assert.rejects(goOn(machine(OTHER_BOOT, AT_REST)), { code: "cutover-stale", passes: 1 });
    source = good;
    await assert.rejects(goOn(machine(BOOT, WRITABLE)), { code: "source-busy", passes: 1 });
    source = good;
    assert.equal(await goOn(good), 1);
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

  it("what cannot be asked is not silent", async () => {
    assert.equal(await probeTcp("no-such-host.invalid", 22, 2000), "unknown");
  });
});
