import assert from "node:assert/strict";
import { RehomeError } from "../../../src/lib/errors.js";
import type { Report } from "../../../src/lib/report.js";
import { silentReport } from "../../../src/lib/report.js";
import { aheadOrAnew, applianceAhead, type ApplianceAhead } from "../../../src/migrators/conversion/ahead.js";
import type { GuestfishSession, SessionOptions } from "../../../src/migrators/conversion/guestfs/session.js";
import { assembleScript, type WaitingAppliance } from "../../../src/migrators/conversion/guestfs/waiting.js";
import { beginAhead } from "../../../src/migrators/cutover/steps/convert.js";
import { CUTOVER_STEPS } from "../../../src/migrators/cutover/index.js";
import { FakeHost } from "../../helpers/fake-host.js";

describe("an appliance that is started ahead", () => {
  let done: string[];
  let notes: string[];
  let report: Report;
  let appliance: WaitingAppliance;

  beforeEach(() => {
    done = [];
    notes = [];
    report = { ...silentReport, note: ({ text }) => void notes.push(text) };
    const log = (what: string) => (): Promise<void> => Promise.resolve(void done.push(what));
    appliance = { session: {} as GuestfishSession, plug: log("plug"), kill: log("kill"), startMs: 0 };
  });

  function ahead(
    start: (options: SessionOptions) => Promise<WaitingAppliance>,
    { signal, hypervisor = "qemu" }: { signal?: AbortSignal; hypervisor?: "kvm" | "qemu" } = {},
  ): ApplianceAhead {
    const options = { host: new FakeHost("target"), hypervisor: () => Promise.resolve(hypervisor), report, signal };
    return applianceAhead(options, (given) => {
      done.push("start");
      return start(given);
    });
  }

  const convert = (waiting: WaitingAppliance | undefined): Promise<string> => {
    done.push(waiting === undefined ? "convert anew" : "convert ahead");
    return Promise.resolve("converted");
  };

  it("starts with the first step of the window that is run, and never before it", () => {
    const begun: string[] = [];
    for (const { name } of CUTOVER_STEPS) {
      beginAhead(name, { ahead: { ...ahead(() => Promise.resolve(appliance)), begin: () => void begun.push(name) } });
    }
    assert.deepEqual(begun, ["quiesce", "final-pass", "verify"]);
  });

  it("is started once, used, and ended at the end", async () => {
    const one = ahead(() => Promise.resolve(appliance));
    one.begin();
    one.begin();
    assert.equal(await aheadOrAnew({ ahead: one, report, signal: undefined }, convert), "converted");
    await one.drop();
    await one.drop();
    assert.deepEqual(done, ["start", "convert ahead", "kill"]);
    assert.deepEqual(notes, []);
  });

  it("is no condition: where none was begun, or none starts, a new one is made", async () => {
    const never = ahead(() => Promise.resolve(appliance));
    await aheadOrAnew({ ahead: never, report, signal: undefined }, convert);
    await never.drop();
    assert.deepEqual(done.splice(0), ["convert anew"]);
    const broken = ahead(() => Promise.reject(new Error("no room")));
    broken.begin();
    await aheadOrAnew({ ahead: broken, report, signal: undefined }, convert);
    await broken.drop();
    assert.deepEqual(done, ["start", "convert anew"]);
    assert.match(notes.join(), /no room/);
  });

  it("is ended before all is done again, when a conversion with it fails", async () => {
    const one = ahead(() => Promise.resolve(appliance));
    one.begin();
    const result = await aheadOrAnew({ ahead: one, report, signal: undefined }, (waiting) =>
      convert(waiting).then((value) => {
        if (waiting !== undefined) throw new Error("it has died");
        return value;
      }),
    );
    assert.equal(result, "converted");
    assert.deepEqual(done, ["start", "convert ahead", "kill", "convert anew"]);
    assert.match(notes.join(), /it has died/);
  });

  it("is not replaced when the disks were refused: a new one would find the same", async () => {
    for (const code of ["guest-filesystem-damaged", "guest-disk-full", "conversion-no-space"] as const) {
      const one = ahead(() => Promise.resolve(appliance));
      one.begin();
      const refuses = (waiting: WaitingAppliance | undefined): Promise<never> => {
        done.push(waiting === undefined ? "convert anew" : "convert ahead");
        return Promise.reject(new RehomeError(code, "/ on /dev/vda1 cannot be mounted"));
      };
      await assert.rejects(aheadOrAnew({ ahead: one, report, signal: undefined }, refuses), { code });
      await one.drop();
      assert.deepEqual(done.splice(0), ["start", "convert ahead", "kill"]);
    }
    assert.deepEqual(notes, []);
  });

  it("is replaced when it shows no system, or breaks down", async () => {
    for (const code of ["guest-unsupported", "appliance-failed", "command-timeout"] as const) {
      const one = ahead(() => Promise.resolve(appliance));
      one.begin();
      const result = await aheadOrAnew({ ahead: one, report, signal: undefined }, (waiting) =>
        waiting === undefined ? convert(waiting) : Promise.reject(new RehomeError(code, "it failed")),
      );
      assert.equal(result, "converted");
    }
  });

  it("says what a new one says, when that fails too", async () => {
    const one = ahead(() => Promise.resolve(appliance));
    one.begin();
    const fails = (waiting: WaitingAppliance | undefined): Promise<never> =>
      Promise.reject(new Error(waiting === undefined ? "anew" : "ahead"));
    await assert.rejects(aheadOrAnew({ ahead: one, report, signal: undefined }, fails), /^Error: anew$/);
  });

  it("does nothing again for who has interrupted it", async () => {
    const stop = new AbortController();
    const one = ahead(() => Promise.resolve(appliance), { signal: stop.signal });
    one.begin();
    const fails = (waiting: WaitingAppliance | undefined): Promise<never> => {
      done.push(waiting === undefined ? "convert anew" : "convert ahead");
      stop.abort();
      return Promise.reject(new Error("stopped"));
    };
    await assert.rejects(aheadOrAnew({ ahead: one, report, signal: stop.signal }, fails), /stopped/);
    await one.drop();
    assert.deepEqual(done, ["start", "convert ahead", "kill"]);
  });

  it("is stopped while it starts, and ended also when it starts all the same", async () => {
    let started: ((appliance: WaitingAppliance) => void) | undefined;
    const one = ahead(
      ({ signal }) =>
        new Promise((resolve) => {
          started = resolve;
          signal?.addEventListener("abort", () => {
            done.push("stop");
            resolve(appliance);
          });
        }),
    );
    one.begin();
    await new Promise(setImmediate);
    assert.ok(started !== undefined);
    await one.drop();
    assert.deepEqual(done, ["start", "stop", "kill"]);
  });

  it("says when it cannot be ended, which stops nothing else", async () => {
    const one = ahead(() => Promise.resolve({ ...appliance, kill: () => Promise.reject(new Error("not killed")) }));
    one.begin();
    await one.drop();
    assert.match(notes.join(), /not killed/);
  });

  it("waits for each disk, before it assembles anything of them", () => {
    const script = assembleScript(["vda", "vdb"]).split("\n");
    assert.match(script[0] ?? "", /^for disk in vda vdb;/);
    const order = ["/dev/disk/guestfs/$disk", "settle", "--no-degraded", "pvscan", "--run"];
    const lines = order.map((word) => script.findIndex((line) => line.includes(word)));
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    );
    assert.ok(!lines.includes(-1));
  });
});
