import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { cutOver } from "../../../src/migrators/cutover/index.js";
import { stateOf } from "../../../src/migrators/guest-store.js";
import { rehearse } from "../../../src/migrators/rehearsal/index.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { guestPlan, machine } from "../conversion/fixtures.js";
import { describeRehearsal, requireRehearsed } from "../../../src/migrators/rehearsal/gate.js";
import type { Rehearsal } from "../../../src/migrators/rehearsal/types.js";

const MIN = 60_000;

function rehearsal(changes: Partial<Rehearsal> = {}): Rehearsal {
  const given = { outcome: "boots", because: "login prompt", bootMs: 41_000, emulated: false } as const;
  return { at: Date.now() - 10 * MIN, ...given, ...changes };
}

function ask(last: Rehearsal | undefined, despiteRehearsal?: boolean): readonly Note[] {
  const notes: Note[] = [];
  const report = { ...silentReport, note: (note: Note) => void notes.push(note) };
  requireRehearsed("web1", last, despiteRehearsal === undefined ? {} : { despiteRehearsal }, report);
  return notes;
}

describe("what a cutover asks of the last rehearsal", () => {
  it("nothing of a guest that booted", () => assert.deepEqual(ask(rehearsal()), []));

  it("a guest that did not boot is not cut over, unless that is asked for", () => {
    const failed = rehearsal({ outcome: "fails", because: "grub rescue prompt" });
    const refused = {
      code: "rehearsal-failed",
      message: "rehearsal failed 10 min ago: grub rescue prompt",
      exitCode: 5,
    };
    assert.throws(() => ask(failed), refused);
    assert.throws(() => ask(failed, false), refused);
    assert.deepEqual(
      ask(failed, true).map(({ severity }) => severity),
      ["warning"],
    );
  });

  it("one that nobody saw boot goes with a warning", () => {
    assert.match(ask(undefined)[0]?.text ?? "", /rehome rehearse web1/);
    assert.match(ask(rehearsal({ outcome: "unclear", because: "a torn copy" }))[0]?.text ?? "", /a torn copy/);
  });
});

describe("a rehearsal in words", () => {
  const now = Date.now();
  for (const [given, words] of [
    [rehearsal({ at: now - 10 * MIN }), "rehearsed 10 min ago: booted in 41.0 s (login prompt)"],
    [
      rehearsal({ at: now, outcome: "fails", because: "grub rescue prompt" }),
      "rehearsal failed just now: grub rescue prompt",
    ],
    [
      rehearsal({ at: now - 72 * 60 * MIN, outcome: "unclear", because: "/ cannot be mounted" }),
      "rehearsed 3 days ago, and nothing can be told by it: / cannot be mounted",
    ],
  ] as const) {
    it(words, () => assert.equal(describeRehearsal(given, now), words));
  }
});

describe("a guest and its rehearsal", () => {
  let folder: string;
  let session: GuestSession;
  const asked: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-gate-"));
    asked.length = 0;
    const configPath = join(folder, "rehome.yaml");
    await writeFile(
      configPath,
      `version: 1
sources: { old: { address: root@127.0.0.1:1 } }
target: { state: ${folder}/state, volumes: ${folder}/volumes }
guests: { web1: { source: old } }
`,
    );
    session = await openGuest({
      configPath,
      guest: "web1",
      target: new FakeHost("here"), // knows no program: nothing may be run on it
      connect: (name) => {
        asked.push(name);
        return Promise.reject(new RehomeError("host-unreachable", "nobody is there"));
      },
    });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function staged(...more: readonly Rehearsal[]): Promise<void> {
    await session.store.append({ type: "planned", at: 1, plan: guestPlan(["/v/a.raw"]), machine: machine() });
    await session.store.append({ type: "state", at: 1, state: "staged" });
    for (const each of more) await session.store.append({ type: "rehearsal", at: each.at, rehearsal: each });
  }

  it("a cutover is refused before anybody is asked anything, and the guest stays staged", async () => {
    await staged(rehearsal({ outcome: "fails", because: "grub rescue prompt" }));
    const options = { verify: "sent", sourceIsOff: false } as const;
    await assert.rejects(cutOver({ session, options, report: silentReport }), { code: "rehearsal-failed" });
    assert.deepEqual(asked, []);
    assert.equal(stateOf(await session.store.records()), "staged");
    const despite = { ...options, despiteRehearsal: true };
    await assert.rejects(cutOver({ session, options: despite, report: silentReport }), { code: "host-unreachable" });
    assert.deepEqual(asked, ["old"]);
  });

  it("is not rehearsed before it is staged, nor while it is cut over, nor twice at once", async () => {
    const request = { session, report: silentReport };
    await assert.rejects(rehearse(request), { code: "not-staged" });
    await staged();
    const lock = await session.store.lock("rehome stage web1");
    await assert.rejects(rehearse(request), { code: "locked", message: /rehome stage web1/ });
    await lock.release();
    await session.store.append({ type: "state", at: 2, state: "cutting-over" });
    await assert.rejects(rehearse(request), { code: "wrong-state", message: /cannot rehearse/ });
  });
});
