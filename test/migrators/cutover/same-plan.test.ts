import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentReport } from "../../../src/lib/report.js";
import { describeCutover } from "../../../src/migrators/cutover/index.js";
import { preflightStep } from "../../../src/migrators/cutover/steps/preflight.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import { draftGuest } from "../../../src/migrators/plan/draft.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import type { Machine } from "../../../src/migrators/types.js";
import { FakeHost, type FakeCall } from "../../helpers/fake-host.js";
import { disk, GOOD_DISK, GOOD_MACHINE } from "../plan/good-server.js";

const MACHINE: Machine = { ...GOOD_MACHINE, disks: [GOOD_DISK, disk("sdb")] };
const options = { verify: "sent", sourceIsOff: false } as const;

/** A look at a source that has nothing new. */
const inspected = ({ input }: FakeCall): string => `${/^mark=(.*)$/m.exec(input.toString())?.[1] ?? ""} complete\n`;

describe("a guest of which rehome.yaml says something else than when it was staged", () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "rehome-same-"))));
  afterEach(() => rm(folder, { recursive: true }));

  async function open(guest: string, target = ""): Promise<GuestSession> {
    const configPath = join(folder, "rehome.yaml");
    await writeFile(
      configPath,
      `version: 1
sources: { old: { address: root@192.0.2.10 }, other: { address: root@192.0.2.11 } }
target: { state: ${folder}/state${target} }
guests: { web1: { ${guest} } }
`,
    );
    return openGuest({ configPath, guest: "web1", connect: () => Promise.reject(new Error("nobody logs in")) });
  }

  async function staged(): Promise<void> {
    const { store, guestConfig, landing } = await open("source: old, memory: 4GiB");
    const plan = { ...draftGuest("web1", guestConfig, landing, MACHINE), concerns: [] };
    await store.append({ type: "planned", at: 0, plan, machine: MACHINE });
    await store.append({ type: "state", at: 0, state: "staged" });
  }

  it("is cut over as it was staged while nothing of that changed", async () => {
    await staged();
    const session = await open("source: old, checks: [{ ping: 192.0.2.10 }]"); // as much memory as the source has
    assert.equal((await describeCutover({ session, options, report: silentReport })).length, 11);
  });

  for (const [guest, target, said] of [
    ["source: old, memory: 8GiB", "", /memory 8.00 GiB instead of 4.00 GiB/],
    ["source: old, vcpus: 3", "", /vcpus 3 instead of 2/],
    ["source: old, bridges: { eth0: br7 }", "", /network 52:54:00:00:00:01 on br7 instead of .* on br0/],
    ["source: old, excludeDisks: [sdb]", "", /disks sda on \S+ instead of sda on \S+, sdb on /],
    ["source: old", ", volumes: /srv/volumes", /disks sda on \/srv\/volumes/],
    ["source: other", "", /source other instead of old/],
  ] as const) {
    it(`gets no window, nor a promise of one: ${guest}${target}`, async () => {
      await staged();
      const session = await open(guest, target);
      const refused = { code: "config-changed", message: said, remedy: /run rehome stage web1/ };
      await assert.rejects(describeCutover({ session, options, report: silentReport }), refused);
      const host = new FakeHost("old")
        .on(/sysrq/, "")
        .on(/boot_id/, "1\n")
        .on(["sh", "-s"], inspected);
      const [planned] = await session.store.records();
      const source = { host: () => Promise.resolve(host) };
      const context = { session, options, report: silentReport, source, ...planned } as unknown as CutoverContext;
      await assert.rejects(preflightStep.run(context), refused);
    });
  }

  it("is cut over to its end once its cutover began", async () => {
    await staged();
    const session = await open("source: old, memory: 8GiB");
    await session.store.append({ type: "state", at: 1, state: "cutting-over" });
    assert.equal((await describeCutover({ session, options, report: silentReport })).length, 11);
  });
});
