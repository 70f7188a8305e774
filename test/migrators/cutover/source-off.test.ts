import assert from "node:assert/strict";
import { RehomeError } from "../../../src/lib/errors.js";
import { probeTcp } from "../../../src/lib/probe-tcp.js";
import { silentReport } from "../../../src/lib/report.js";
import { runSteps } from "../../../src/migrators/cutover/sequence.js";
import { sourceLink } from "../../../src/migrators/cutover/source-link.js";
import { finalPassStep } from "../../../src/migrators/cutover/steps/copy.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import { sourceOffStep } from "../../../src/migrators/cutover/steps/source-off.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import { bootIdOf } from "../../../src/migrators/physical/quiesce.js";
import { requireSilence } from "../../../src/migrators/physical/control/off.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { AT_REST, BOOT, done, interrupted, machine, OTHER_BOOT, step, unreachable, WRITABLE } from "./interrupted.js";

describe("a source counts as off, or at rest, when that is proven", function () {
  this.timeout(120_000);
  const { session, began, contextOf, listening, silence } = interrupted();

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
    await assert.rejects(requireSilence(contextOf(one, { sourceIsOff: true }), 0), { code: "source-alive" });
  });

  it("the administrator's word stands against a stranger at the source's address", async () => {
    const one = await session(await listening(), () => {
      throw new RehomeError("host-key-changed", "the host key is not the known one");
    });
    await began(one, ...done("preflight", "quiesce"));
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

  it("what cannot be asked is not silent", async () => {
    assert.equal(await probeTcp("no-such-host.invalid", 22, 2000), "unknown");
  });
});
